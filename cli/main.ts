#!/usr/bin/env node
/**
 * The command. Exit codes: 0 the work was done, 1 it failed while running or nobody read on, 2 bad arguments or input,
 * 75 a sweep, or ranks that train together, were stopped and can go on, 77 another process took the run over, 130 and
 * 143 stopped by a signal. Results go to stdout, everything else to stderr.
 */
import * as path from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { CommanderError } from 'commander'
import { launchedRank } from '../src/distributed/launched.node.ts'
import { InputError, printable, shown } from '../src/error.ts'
import { finite, kindOf, longOf, nameOf, names, notNegative, positive, whole } from '../src/flag.ts'
import { FencedError } from '../src/runs/fence.ts'
import * as z from '../src/schema.ts'
import type { TaskDefinition } from '../src/tasks/definition.ts'
import { TASK_NAMES, TASKS } from '../src/tasks/tasks.node.ts'
import { TEXT_SOURCES } from '../src/tasks/words/definition.node.ts'
import { VERSION } from '../src/version.ts'
import { baselineOf } from './baseline.ts'
import { loadReproduce, loadSpeech } from './clone.ts'
import { IrnnCommand } from './command.ts'
import { dashboardCommand } from './dashboard.ts'
import type { SpeechFlags } from './data.ts'
import { evalRun } from './eval.ts'
import type { EvalFlags } from './evalFit.ts'
import { exportCommand } from './export.ts'
import { ALL, FIGURES } from './figures.ts'
import { fitCommands } from './fitCommands.ts'
import { helpCommand } from './help.ts'
import { importCommand } from './import.ts'
import { infoRun } from './info.ts'
import { mpiCommands } from './mpi.ts'
import {
  BACKEND,
  BEST,
  JSON_LINES,
  JSON_RESULT,
  RESUME_FLAGS,
  recipesHelp,
  STORED_SOURCES,
  THREADS,
  trainFlags,
  withFlags,
} from './options.ts'
import { hearPhones, type ListenFlags } from './phones.ts'
import { playCommand } from './play.ts'
import { reportCommand } from './report.ts'
import type { ReproduceFlags } from './reproduce.ts'
import { type ResumeFlags, resumeRun } from './resume.ts'
import { type SampleFlags, sampleRun } from './sample.ts'
import { watchOutput } from './say.ts'
import { serveCommand } from './serve.ts'
import { sweepCommands } from './sweepCommands.ts'
import { type TrainFlags, trainTask } from './train.ts'
import { watchCommand } from './watch.ts'

type Finish = (code: number) => void

function command(finish: Finish): IrnnCommand {
  const program = new IrnnCommand('irnn')
    .description('Train and run recurrent networks: the IRNN of Le, Jaitly & Hinton (2015), and tanh, ReLU, LSTM, GRU.')
    .version(VERSION)
    .exitOverride()
    .enablePositionalOptions()
  const train = trainCommand(program, finish)
  for (const task of TASKS) taskCommand(train, task, finish)
  fitCommands(program, finish)
  exportCommand(program, finish)
  serveCommand(program, finish)
  watchCommand(program, finish)
  dashboardCommand(program, finish)
  playCommand(program, finish)
  reportCommand(program, finish)
  listenCommand(program, finish)
  evalCommand(program, finish)
  infoCommand(program, finish)
  importCommand(program, finish)
  dataCommand(program, finish)
  sampleCommand(program, finish)
  baselineCommand(program, finish)
  sweepCommands(program, finish)
  mpiCommands(program, finish)
  reproduceCommand(program, finish)
  helpCommand(program)
  return program
}

function trainCommand(program: IrnnCommand, finish: Finish): IrnnCommand {
  const train: IrnnCommand = program
    .command('train')
    .description(`train a network on a task: ${TASK_NAMES.join(', ')}`)
    .usage('<task> [options] | --resume <dir> [options]')
    .argument('[task]')
    .enablePositionalOptions() // train has options of its own, and a task the same ones after its name
    .allowUnknownOption()
    .allowExcessArguments()
    .option('--resume <dir>', 'go on with the run in a folder, as its config.json says, to the same bits')
    .hook('preSubcommand', (_, task) => refuseBefore(train, task.name()))
    .action(async (task: string | undefined, flags: Partial<ResumeFlags>) => {
      if (flags.resume !== undefined && task === undefined) finish(await resumeRun({ ...flags, resume: flags.resume }))
      else throw refusalOf(train, task, flags.resume)
    })
  return withFlags(train, RESUME_FLAGS)
}

function taskCommand(train: IrnnCommand, task: TaskDefinition, finish: Finish): void {
  // Commander hands `train`'s leniency down; what stands too much after a task is no more than a slip.
  const command = train.command(task.name).description(task.description).allowExcessArguments(false)
  withFlags(command, trainFlags(task), task)
    .addHelpText('after', () => recipesHelp(task))
    .action(async (flags: TrainFlags) => finish(await trainTask(task, flags)))
}

function refuseBefore(train: IrnnCommand, task: string): void {
  const flags: Partial<ResumeFlags> = train.opts()
  if (flags.resume !== undefined) throw refusalOf(train, task, flags.resume)
  const flag = RESUME_FLAGS.find((flag) => nameOf(flag) in flags)
  if (flag === undefined) return
  throw new InputError(
    `train: expected options after the task, ${task}, but received ${longOf(flag)} before it: move it`,
  )
}

function refusalOf(train: IrnnCommand, task: string | undefined, resume: string | undefined): InputError {
  if (resume === undefined) return train.refusal(task)
  const may = RESUME_FLAGS.map(longOf).join(', ')
  return new InputError(
    `train --resume: expected at most ${may} beside it but received ${shown(task)}: config.json says the rest`,
  )
}

function evalCommand(program: IrnnCommand, finish: Finish): void {
  const command = program
    .command('eval')
    .description('score the model of a run on its test set, or that of irnn fit on new rows')
    .argument('<dir>', 'folder of a run')
    .argument('[files...]', 'of a run of irnn fit: new rows that have what is right')
  withFlags(command, [...STORED_SOURCES, BACKEND, THREADS, BEST, JSON_RESULT]).action(
    async (dir: string, files: string[], flags: EvalFlags) => finish(await evalRun(dir, files, flags)),
  )
}

function infoCommand(program: IrnnCommand, finish: Finish): void {
  const command = program
    .command('info')
    .description('show what a run was and what its model holds')
    .argument('<dir>', 'folder of a run')
  withFlags(command, [JSON_RESULT]).action(async (dir: string, flags: { json?: boolean }) =>
    finish(await infoRun(dir, flags)),
  )
}

function listenCommand(program: IrnnCommand, finish: Finish): void {
  const command = program
    .command('phones')
    .description('hear the phones of a recording, or of standard input, as they are spoken')
    .argument('<file>', 'SPHERE or RIFF of 16 kHz, 16 bits, one channel; - for standard input')
  withFlags(command, [
    { flag: '--run <dir>', required: true, help: 'folder of a run of irnn train phones, of one direction' },
    { flag: '--frames', help: 'a line for every frame: its time, phone, third and probability' },
    BEST,
    BACKEND,
    JSON_LINES,
  ]).action(async (file: string, flags: ListenFlags) => finish(await hearPhones(file, flags)))
}

function dataCommand(program: IrnnCommand, finish: Finish): void {
  const command = program
    .command('data')
    .description('make data to train on')
    .helpCommand(false) // irnn help data speech
    .command('speech')
    .description("a spoken corpus in TIMIT's layout, synthetic: espeak-ng reads the Brown Corpus")
  withFlags(command, [
    { flag: '--out <dir>', required: true, help: 'folder of the corpus, new or empty' },
    {
      flag: '--speakers <N>',
      value: whole(3),
      default: 24,
      help: 'voices; a tenth of them for development, three twentieths to test',
    },
    { flag: '--sentences <M>', value: whole(), default: 50, help: 'sentences of each speaker, about 3 s each' },
    { flag: '--snr <dB>', value: finite, default: 20, help: 'speech over white noise, decibels' },
    { flag: '--seed <n>', value: whole(0), default: 1, help: 'the same seed gives the same bytes' },
    JSON_RESULT,
  ]).action(async (flags: SpeechFlags) => finish(await (await loadSpeech()).dataSpeech(flags)))
}

function sampleCommand(program: IrnnCommand, finish: Finish): void {
  const command = program
    .command('sample')
    .description('go on with a text, word by word, with the model of a run of words; <UNK> is never drawn')
    .argument('<dir>', 'folder of a run of words')
  withFlags(command, [
    {
      flag: '--prompt <text>',
      default: '',
      help: 'how the text begins: words with spaces between, as in the training text',
    },
    {
      flag: '--temperature <t>',
      value: notNegative,
      default: 1,
      help: 'above 1 bolder, below 1 safer; 0: always the most probable word',
    },
    {
      flag: '--words <N>',
      value: whole(),
      default: 100,
      help: 'how many words to draw; the end of a sentence counts as one',
    },
    { flag: '--seed <n>', value: whole(0), default: 1, help: 'the same seed draws the same words' },
    { flag: '--best', help: 'the checkpoint with the best held-out score, not the last weights' },
    BACKEND,
    JSON_LINES,
  ]).action(async (dir: string, flags: SampleFlags) => finish(await sampleRun(dir, flags)))
}

function baselineCommand(program: IrnnCommand, finish: Finish): void {
  const command = program
    .command('baseline')
    .description(
      'words: perplexity of a unigram model and of an interpolated trigram with modified Kneser-Ney smoothing, on ' +
        'the text that irnn train words is scored on',
    )
    .argument('<task>', 'words')
  withFlags(command, [...TEXT_SOURCES, JSON_RESULT]).action((task: string, flags: Record<string, unknown>) =>
    finish(baselineOf(task, flags)),
  )
}

/** A run was taken over by a process of another machine (src/runs/fence.ts). */
const FENCED = 77

/** A share of each run, or else a number of iterations. */
const BUDGET = kindOf(
  z.number().refine((value) => value > 0 && (value <= 1 || Number.isSafeInteger(value))),
  'a share above 0 and at most 1, or a whole number of iterations',
)

function reproduceCommand(program: IrnnCommand, finish: Finish): void {
  const command = program
    .command('reproduce')
    .description("run an experiment and draw it over the paper's curves, each claim with its verdict")
    .argument('<figure>', `${FIGURES.join(', ')}, or ${ALL} of them`)
  withFlags(command, [
    { flag: '--only <runs>', value: names, help: 'some of its runs, or of their groups, by name, with commas between' },
    {
      flag: '--budget <N>',
      value: BUDGET,
      help: 'pause each run after N iterations, or after a share of it (0 to 1); called again it goes on',
    },
    {
      flag: '--hours <H>',
      value: positive,
      help: 'pause all runs after so long; called again it goes on. Until then, a file "pause" in --runs stops all',
    },
    { flag: '--jobs <N>', value: whole(), help: 'runs at a time, at the lowest priority (default: one a core)' },
    { flag: '--collect', help: 'run nothing: take what the folders of the runs hold and draw it' },
    { flag: '--grid', help: "the paper's search instead: every learning rate with every clip, as sweeps in --runs" },
    { flag: '--runs <dir>', help: "folder of the runs' folders (default: runs/reproduce/<figure>)" },
    {
      flag: '--out <dir>',
      default: path.join('experiments', 'results'),
      help: 'where results, figure and page go',
    },
    { flag: '--data <dir>', help: "where the task's data are, for irnn train; with all, the corpus of speech" },
    JSON_LINES,
  ]).action(async (figure: string, flags: ReproduceFlags) =>
    finish(await (await loadReproduce()).reproduceFigure(figure, flags)),
  )
}

async function main(): Promise<void> {
  try {
    await command((code) => {
      process.exitCode = code
    }).parseAsync()
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? 0 : 2 // it has shown the help or the version
      return
    }
    // What is wrong on all ranks, rank 0 says, and the launcher ends the others meanwhile.
    if (launchedRank() > 0) await setTimeout(2000)
    const { name, message } = error as Error
    const expected = error instanceof InputError || name === 'DivergenceError' || error instanceof FencedError
    process.stderr.write(
      `irnn: ${expected || process.env.IRNN_DEBUG === undefined ? printable(message) : (error as Error).stack}\n`,
    )
    process.exitCode = error instanceof InputError ? 2 : error instanceof FencedError ? FENCED : 1
  }
}

watchOutput()
await main()

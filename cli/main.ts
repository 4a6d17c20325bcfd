#!/usr/bin/env node
/**
 * The command. Exit codes: 0 the work was done, 1 it failed while running or nobody read on, 2 bad arguments or input, 130
 * and 143 stopped by a signal. Results go to stdout, everything else to stderr.
 */
import * as path from 'node:path'
import { Command, CommanderError, Option } from 'commander'
import { EXPERIMENTS } from '../experiments/known.ts'
import { InputError, shown } from '../src/error.ts'
import { TASK_NAMES } from '../src/tasks/known.ts'
import { below1, budget, finite, notNegative, whole, words } from './arguments.ts'
import { type BaselineFlags, baselineOf } from './baseline.ts'
import { dataSpeech, type SpeechFlags } from './data.ts'
import {
  alignmentsOption,
  backendOption,
  checkpointOption,
  dataOption,
  skipBadOption,
  speechOptions,
  textOptions,
  trainingOptions,
} from './options.ts'
import { hearPhones, type ListenFlags, type PhonesFlags, trainPhones } from './phones.ts'
import { type ReproduceFlags, reproduceFigure } from './reproduce.ts'
import { type ResumeFlags, resumeRun } from './resume.ts'
import { type SampleFlags, sampleRun } from './sample.ts'
import { type EvalFlags, evalRun, infoRun } from './stored.ts'
import { type AddingFlags, type MnistFlags, trainAdding, trainMnist, trainWords, type WordsFlags } from './tasks.ts'
import { version } from './version.ts'

function command(finish: (code: number) => void): Command {
  const program = new Command('irnn')
    .description('Train and run recurrent networks: the IRNN of Le, Jaitly & Hinton (2015), and tanh, ReLU, LSTM, GRU.')
    .version(version())
    .exitOverride()
    .enablePositionalOptions()
    .showSuggestionAfterError(false)
  const trainCommand = program
    .command('train')
    .description(`train a network on a task: ${TASK_NAMES.join(', ')}`)
    .usage('<task> [options] | --resume <dir> [options]')
    .argument('[task]')
    .enablePositionalOptions() // train has options of its own, and a task the same ones after its name
    .allowUnknownOption()
    .allowExcessArguments()
    .option('--resume <dir>', 'go on with the run in a folder, as its config.json says, to the same bits')
    .option('--iterations <N>', 'with --resume: more minibatch updates than were planned', whole())
    .addOption(checkpointOption())
    .option('--threads <N>', 'with --resume: other than before, which changes no bit', whole())
    .addOption(backendOption().hideHelp())
    .addOption(dataOption())
    .addOption(alignmentsOption().hideHelp())
    .addOption(skipBadOption().hideHelp())
    .option('--json', 'with --resume: events only, one JSON object a line on stdout')
    .hook('preSubcommand', (train, task) => refuseBefore(train.opts(), task.name()))
    .action(async (task: string | undefined, flags: Partial<ResumeFlags>) => {
      if (flags.resume !== undefined && task === undefined) finish(await resumeRun({ ...flags, resume: flags.resume }))
      else refuseTask(task, flags.resume)
    })
  const addingCommand = trainCommand
    .command('adding')
    .description('the adding problem: find the two marked numbers of a sequence and say their sum')
    .option('--length <T>', 'steps of a sequence', whole(2), 150)
    .option('--halves', 'one mark in each half, as in later papers (default: anywhere, as in the paper)')
    .option('--train-size <N>', 'training sequences', whole(), 100_000)
    .option('--test-size <N>', 'test sequences', whole(), 10_000)
    .action(async (flags: AddingFlags) => finish(await trainAdding(flags)))
  trainingOptions(addingCommand, 'adding')
  const mnistCommand = trainCommand
    .command('mnist')
    .description('handwritten digits, one pixel a step: which of ten are they?')
    .option('--permuted', 'all images through one fixed permutation')
    .option(
      '--permutation-seed <N>',
      "of the permutation (default: 92916, numpy's RandomState(92916), as in most papers; others are this package's own)",
      whole(0),
    )
    .addOption(new Option('--pixels <scale>', 'raw: 0 to 255, unit: 0 to 1').choices(['raw', 'unit']))
    .addOption(dataOption())
    .option('--train-size <N>', 'only the first N training images', whole())
    .option('--test-size <N>', 'only the first N test images', whole())
    .action(async (flags: MnistFlags) => finish(await trainMnist(flags)))
  trainingOptions(mnistCommand, 'mnist')
  const phonesCommand = speechOptions(
    trainCommand
      .command('phones')
      .description('speech, frame by frame: which third of which phone is it? TIMIT, or what irnn data speech makes'),
  ).action(async (flags: PhonesFlags) => finish(await trainPhones(flags)))
  trainingOptions(phonesCommand, 'phones')
  listenCommand(program, finish)
  trainingOptions(wordsCommand(trainCommand, finish), 'words')
  program
    .command('eval')
    .description('score the model of a run on its test set')
    .argument('<dir>', 'folder of a run')
    .addOption(dataOption())
    .addOption(backendOption())
    .option('--threads <N>', 'threads of the native or wasm backend', whole())
    .option('--best', 'the checkpoint with the best score, not the last weights')
    .addOption(alignmentsOption())
    .addOption(skipBadOption())
    .option('--json', 'one JSON object on stdout')
    .action(async (dir: string, flags: EvalFlags) => finish(await evalRun(dir, flags)))
  program
    .command('info')
    .description('show what a run was and what its model holds')
    .argument('<dir>', 'folder of a run')
    .action(async (dir: string) => finish(await infoRun(dir)))
  dataCommand(program, finish)
  sampleCommand(program, finish)
  textOptions(program.command('baseline'))
    .description(
      'words: perplexity of a unigram model and of an interpolated trigram with modified Kneser-Ney smoothing, on the text that ' +
        'irnn train words is scored on',
    )
    .argument('<task>', 'words')
    .option('--json', 'one JSON object on stdout')
    .action((task: string, flags: BaselineFlags) => finish(baselineOf(task, flags)))
  reproduceCommand(program, finish)
  return program
}

function wordsCommand(trainCommand: Command, finish: (code: number) => void): Command {
  const command = trainCommand
    .command('words')
    .description(
      'text, word by word: which one comes next? Scored by perplexity per token, the end of a sentence one of them',
    )
  return textOptions(command)
    .option('--length <T>', 'words of a row in a minibatch: how far back errors go', whole(), 20)
    .addOption(
      new Option(
        '--order <what>',
        'sentences: all in random order; text: passages in random order, their sentences as they stand (default: ' +
          'sentences for the benchmark, which is shuffled, text for other text)',
      ).choices(['sentences', 'text']),
    )
    .addOption(
      new Option('--reset <when>', 'start from the zero state: none (the state is carried on) or at each sentence')
        .choices(['none', 'sentence'])
        .default('none'),
    )
    .option('--embedding <E>', 'width of the embedding (default: as many as hidden units)', whole())
    .option(
      '--samples <S>',
      'train on a sampled softmax, of S words drawn for each minibatch, which costs the same whatever the vocabulary; ' +
        'evaluation is always of all words (default: train on all, too)',
      whole(),
    )
    .option(
      '--dropout <p>',
      'share of the units left out in training, after the embedding, between layers and below the output (default: 0)',
      below1,
    )
    .action(async (flags: WordsFlags) => finish(await trainWords(flags)))
}

function refuseBefore(flags: Partial<ResumeFlags>, task: string): void {
  if (flags.resume !== undefined) refuseTask(task, flags.resume)
  const [flag] = Object.keys(flags)
  if (flag === undefined) return
  throw new InputError(
    `train: expected options after the task, ${task}, but received ${shown(flag)} before it: move it`,
  )
}

function refuseTask(task: string | undefined, resume: string | undefined): never {
  if (resume !== undefined) {
    const may = '--iterations, --checkpoint-every, --threads, --backend, --data, --alignments, --skip-bad, --json'
    throw new InputError(
      `train --resume: expected at most ${may} beside it but received ${shown(task)}: config.json says the rest`,
    )
  }
  throw new InputError(`train: task: expected one of ${TASK_NAMES.join(', ')} but received ${shown(task ?? 'nothing')}`)
}

function listenCommand(program: Command, finish: (code: number) => void): void {
  program
    .command('phones')
    .description('hear the phones of a recording, or of standard input, as they are spoken')
    .argument('<file>', 'SPHERE or RIFF of 16 kHz, 16 bits, one channel; - for standard input')
    .requiredOption('--run <dir>', 'folder of a run of irnn train phones, of one direction')
    .option('--frames', 'a line for every frame: its time, phone, third and probability')
    .option('--best', 'the checkpoint with the best score, not the last weights')
    .addOption(backendOption())
    .option('--json', 'a JSON object a line on stdout')
    .action(async (file: string, flags: ListenFlags) => finish(await hearPhones(file, flags)))
}

function dataCommand(program: Command, finish: (code: number) => void): void {
  program
    .command('data')
    .description('make data to train on')
    .command('speech')
    .description("a spoken corpus in TIMIT's layout, synthetic: espeak-ng reads the Brown Corpus")
    .requiredOption('--out <dir>', 'folder of the corpus, new or empty')
    .option('--speakers <N>', 'voices; a tenth of them for development, three twentieths to test', whole(3), 24)
    .option('--sentences <M>', 'of each speaker, about 3 s each', whole(), 50)
    .option('--snr <dB>', 'speech over white noise, decibels', finite, 20)
    .option('--seed <n>', 'the same seed gives the same bytes', whole(0), 1)
    .action(async (flags: SpeechFlags) => finish(await dataSpeech(flags)))
}

function sampleCommand(program: Command, finish: (code: number) => void): void {
  program
    .command('sample')
    .description('go on with a text, word by word, with the model of a run of words; <UNK> is never drawn')
    .argument('<dir>', 'folder of a run of words')
    .option('--prompt <text>', 'how it begins, in words with spaces between, as the training text has them', '')
    .option('--temperature <t>', 'above 1 bolder, below 1 safer; 0: always the most probable word', notNegative, 1)
    .option('--words <N>', 'how many, ends of sentences counted', whole(), 100)
    .option('--seed <n>', 'the same seed gives the same words', whole(0), 1)
    .option('--best', 'the checkpoint with the best held-out score, not the last weights')
    .addOption(backendOption())
    .action(async (dir: string, flags: SampleFlags) => finish(await sampleRun(dir, flags)))
}

function reproduceCommand(program: Command, finish: (code: number) => void): void {
  program
    .command('reproduce')
    .description("run an experiment and draw it over the paper's curves, each claim with its verdict")
    .argument('<figure>', EXPERIMENTS.map(({ name }) => name).join(', '))
    .option('--only <runs>', 'some of its runs, by name, with commas between', words)
    .option(
      '--budget <N>',
      'pause each run after N iterations, or after a share of it (0 to 1); called again it goes on',
      budget,
    )
    .option('--jobs <N>', 'runs at a time (default: one a core)', whole())
    .option('--collect', 'run nothing: take what the folders of the runs hold and draw it')
    .option('--runs <dir>', "folder of the runs' folders (default: runs/reproduce/<figure>)")
    .option('--out <dir>', 'where results, figure and page go', path.join('experiments', 'results'))
    .option('--data <dir>', "where the task's data are, for irnn train")
    .action(async (figure: string, flags: ReproduceFlags) => finish(await reproduceFigure(figure, flags)))
}

async function main(): Promise<void> {
  try {
    await command((code) => {
      process.exitCode = code
    }).parseAsync()
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? 0 : 2 // it has written its own message
      return
    }
    const { name, message } = error as Error
    const expected = error instanceof InputError || name === 'DivergenceError'
    process.stderr.write(
      `irnn: ${expected || process.env.IRNN_DEBUG === undefined ? message : (error as Error).stack}\n`,
    )
    process.exitCode = error instanceof InputError ? 2 : 1
  }
}

/**
 * `irnn … | head`: a reader that went away ends the command without a word; any other failure of output (a full disk) is said once.
 * A run stops well and is saved (signals.ts), a command without a run ends at once.
 */
for (const stream of [process.stdout, process.stderr]) {
  let said = false
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE' && stream === process.stdout && !said) {
      process.stderr.write(`irnn: standard output: cannot be written: ${error.message}\n`)
    }
    said = true
    if (stream.listenerCount('error') === 1) process.exit(1)
  })
}

await main()

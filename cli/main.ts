#!/usr/bin/env node
/**
 * The command. Exit codes: 0 the work was done, 1 it failed while running, 2 bad arguments or input, 130 and 143 stopped by
 * a signal. Results go to stdout, everything else to stderr.
 */
import { Command, CommanderError, Option } from 'commander'
import { CLIP_KINDS } from '../src/clip.ts'
import { InputError, shown } from '../src/error.ts'
import { OPTIMIZERS } from '../src/optim.ts'
import { recipe, recipeNames } from '../src/runs/recipes.ts'
import { CELLS } from '../src/spec.ts'
import { TASK_NAMES } from '../src/tasks/known.ts'
import { finite, notNegative, positive, whole } from './arguments.ts'
import { type EvalFlags, evalRun, infoRun } from './stored.ts'
import { type AddingFlags, trainAdding } from './train.ts'
import { version } from './version.ts'

const BACKENDS = ['native', 'wasm', 'reference']

function command(finish: (code: number) => void): Command {
  const program = new Command('irnn')
    .description('Train and run recurrent networks: the IRNN of Le, Jaitly & Hinton (2015), and tanh, ReLU, LSTM, GRU.')
    .version(version())
    .exitOverride()
    .showSuggestionAfterError(false)
  const trainCommand = program
    .command('train')
    .description(`train a network on a task: ${TASK_NAMES.join(', ')}`)
    .usage('<task> [options]')
    .argument('[task]')
    .allowUnknownOption()
    .allowExcessArguments()
    .action((task) => {
      throw new InputError(
        `train: task: expected one of ${TASK_NAMES.join(', ')} but received ${shown(task ?? 'nothing')}`,
      )
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
  program
    .command('eval')
    .description('score the model of a run on its test set')
    .argument('<dir>', 'folder of a run')
    .addOption(backendOption())
    .option('--threads <N>', 'threads of the native backend', whole())
    .option('--json', 'one JSON object on stdout')
    .action(async (dir: string, flags: EvalFlags) => finish(await evalRun(dir, flags)))
  program
    .command('info')
    .description('show what a run was and what its model holds')
    .argument('<dir>', 'folder of a run')
    .action(async (dir: string) => finish(await infoRun(dir)))
  return program
}

function backendOption(): Option {
  return new Option('--backend <name>', 'where to compute (default: native, else wasm)').choices(BACKENDS)
}

/** The flags every task has, and the task's recipes explained. Where no default is given, the recipe says. */
function trainingOptions(command: Command, task: string): void {
  const names = recipeNames(task)
  command
    .addOption(new Option('--cell <cell>', 'recurrent cell').choices(CELLS).default('irnn'))
    .addOption(new Option('--recipe <name>', `hyper-parameters to start from (default: ${names[0]})`).choices(names))
    .option('--hidden <H>', 'hidden units of a layer', whole())
    .option('--layers <N>', 'recurrent layers (default: 1)', whole())
    .option('--bidirectional', 'both directions')
    .option('--scale <alpha>', 'irnn: the recurrent matrix starts as alpha times the identity (default: 1)', finite)
    .option('--std <s>', 'standard deviation of the input and output weights', notNegative)
    .option('--forget-bias <b>', 'lstm: initial bias of the forget gate (default: 1)', finite)
    .addOption(new Option('--optimizer <name>', 'sgd, rmsprop or adam').choices(OPTIMIZERS))
    .option('--lr <rate>', 'learning rate', positive)
    .option('--momentum <m>', 'sgd: momentum (default: 0)', notNegative)
    .addOption(new Option('--schedule <name>', 'of the learning rate').choices(['constant', 'cosine', 'steps']))
    .option('--decay-every <N>', 'schedule steps: a tenth of the rate every N iterations (default: 10000)', whole())
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
      'threads of the native backend, which do not change the result (default: all cores)',
      whole(),
    )
    .addOption(backendOption())
    .option('--out <dir>', 'folder of the run, new or empty (default: runs/<task>-<cell>-…, numbered if it exists)')
    .option('--overwrite', 'replace the run that is in the folder')
    .option('--json', 'events only, one JSON object a line on stdout')
    .addHelpText('after', () => `\nRecipes:\n${names.map((name) => recipeHelp(task, name)).join('\n')}`)
}

function recipeHelp(task: string, name: string): string {
  const { why, hidden, std, training } = recipe(task, name, 'irnn', 150)
  const { optimizer, schedule, clip, batch, iterations } = training
  const clipping = clip!.kind === 'none' ? 'no clip' : `${clip!.kind} clip ${clip!.limit}`
  const what =
    `${hidden} units, weights of std ${std}, ${optimizer!.kind} at ${optimizer!.lr}, ${schedule!.kind} rate, ${clipping}, ` +
    `batch ${batch}, ${iterations!.toLocaleString('en-US')} iterations`
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

/** Flags, which are data (src/flag.ts), as options of commander; and the flags that do not belong to a task. */
import { type Command, Option } from 'commander'
import { type Flag, finite, isSwitch, longOf, nameOf, notNegative, oneOf, positive, whole } from '../src/flag.ts'
import { initWord } from '../src/init.ts'
import { cellOptions } from '../src/model/cellOptions.ts'
import { CELLS } from '../src/model/spec.ts'
import { grouped } from '../src/numbers.ts'
import type { SourceFlag, TaskDefinition } from '../src/tasks/definition.ts'
import { recipeOf } from '../src/tasks/recipe.ts'
import { TASKS } from '../src/tasks/tasks.node.ts'
import { trainingFlags } from '../src/train/options.ts'

/** Adds flags to a command. @param task the task that the help speaks of, if it is about one */
export function withFlags<C extends Command>(command: C, flags: readonly Flag[], task = { score: '' }): C {
  for (const flag of flags) command.addOption(optionOf(flag, task))
  return command
}

function optionOf(flag: Flag, task: { score: string }): Option {
  const { help, value, default: fallback, required } = flag
  const option = new Option(flag.flag, typeof help === 'string' ? help : help(task))
  if (value?.choices) option.choices(value.choices) // for the help; the next line takes the place of its check
  if (value && !isSwitch(flag)) option.argParser((text) => value.read(text, longOf(flag)))
  if (fallback !== undefined) option.default(fallback)
  return required ? option.makeOptionMandatory() : option
}

export const BACKEND: Flag = {
  flag: '--backend <name>',
  value: oneOf('native', 'wasm', 'reference'),
  help: 'where to compute (default: native, else wasm)',
}
export const THREADS: Flag = {
  flag: '--threads <N>',
  value: whole(),
  help: 'threads of native or wasm, which do not change the result (default: all cores, at most 4 for wasm)',
}
export const BEST: Flag = { flag: '--best', help: 'the checkpoint with the best score, not the last weights' }
export const JSON_LINES: Flag = { flag: '--json', help: 'a JSON object a line on stdout' }
export const JSON_RESULT: Flag = { flag: '--json', help: 'one JSON object on stdout' }
const JSON_EVENTS: Flag = { flag: '--json', help: 'events only, one JSON object a line on stdout' }
const CHECKPOINT_EVERY: Flag = {
  flag: '--checkpoint-every <N>',
  value: whole(),
  help: 'iterations between checkpoints (default: one a minute)',
}

const PAUSE_AT: Flag = {
  flag: '--pause-at <N>',
  value: whole(),
  help: 'stop after N iterations of the run in all and save; irnn train --resume goes on',
}

/** Flags of a run on several ranks. */
const RANKS: readonly Flag[] = [
  {
    flag: '--distributed <how>',
    value: oneOf('mpi'),
    help: 'train on the ranks that mpirun or srun starts, which share the parts of --shards: docs/scale.md',
  },
  {
    flag: '--rank-timeout <s>',
    value: positive,
    help: 'seconds that a rank waits for the others before all end, with exit code 75 (default: 300)',
  },
]

/** Flags of the network. Without a default, the recipe decides. */
const NETWORK: readonly Flag[] = [
  { flag: '--hidden <H>', value: whole(), help: 'hidden units of a layer' },
  { flag: '--layers <N>', value: whole(), help: 'recurrent layers' },
  { flag: '--bidirectional', help: 'read each sequence in both directions' },
  {
    flag: '--projection <P>',
    value: whole(0),
    help: 'a linear layer of P units between the recurrent ones and the output; 0: none',
  },
  ...cellOptions().map(([, { flag, help }]) => ({ flag, value: finite, help })),
  {
    flag: '--recurrent <init>',
    value: initWord,
    help: `how the recurrent matrices start: ${initWord.expected} (default: the cell's, or the recipe's)`,
  },
  { flag: '--std <s>', value: notNegative, help: 'standard deviation of the input and output weights' },
  { flag: '--input-std <s>', value: notNegative, help: 'standard deviation of the input weights alone' },
  { flag: '--output-std <s>', value: notNegative, help: 'standard deviation of the output weights alone' },
]
/** A flag of the network for tasks that name it among their extras. */
const EMBEDDING: Flag = {
  flag: '--embedding <E>',
  value: whole(),
  help: 'width of the embedding (default: as many as hidden units)',
}

/** Flags of the run. */
const RUN: readonly Flag[] = [
  THREADS,
  BACKEND,
  CHECKPOINT_EVERY,
  PAUSE_AT,
  {
    flag: '--out <dir>',
    help: 'folder of the run, new or empty (default: runs/<task>-<cell>-…, numbered if it exists)',
  },
  { flag: '--overwrite', help: 'replace the run that is in the folder' },
  ...RANKS,
  JSON_EVENTS,
]

/** All flags of `irnn train <task>`. */
export function trainFlags({ options, sources, extras = [], recipes }: TaskDefinition): readonly Flag[] {
  const names = Object.keys(recipes)
  return [
    ...options,
    ...sources,
    {
      flag: '--recipe <name>',
      value: oneOf(...names),
      help: `hyper-parameters to start from, explained below (default: ${names[0]})`,
    },
    { flag: '--cell <cell>', value: oneOf(...CELLS), help: 'recurrent cell', default: 'irnn' },
    ...NETWORK,
    ...(extras.includes('embedding') ? [EMBEDDING] : []),
    ...trainingFlags(extras),
    ...RUN,
  ]
}

/** Flags that say where the data of a stored run are: those of all tasks, each explained task by task. */
function storedSources(): readonly Flag[] {
  const found = new Map<string, Flag>()
  for (const { name, sources } of TASKS) {
    for (const { once, required: _, ...flag } of sources as readonly SourceFlag[]) {
      if (once) continue
      const before = found.get(nameOf(flag))
      const help = `${name}: ${flag.help}`
      found.set(nameOf(flag), { ...flag, help: before ? `${before.help}; ${help}` : help })
    }
  }
  return [...found.values()]
}

export const STORED_SOURCES: readonly Flag[] = storedSources()

/** All flags beside `irnn train --resume`. */
export const RESUME_FLAGS: readonly Flag[] = [
  { flag: '--iterations <N>', value: whole(), help: 'with --resume: more minibatch updates than were planned' },
  CHECKPOINT_EVERY,
  PAUSE_AT,
  { flag: '--threads <N>', value: whole(), help: 'with --resume: other than before, which changes no bit' },
  BACKEND,
  ...RANKS.map((flag) => ({ ...flag, help: `with --resume: ${flag.help}` })),
  ...STORED_SOURCES,
  { ...JSON_EVENTS, help: `with --resume: ${JSON_EVENTS.help}` },
]

/** The recipes of a task, each with its numbers and its reason. */
export function recipesHelp(task: TaskDefinition): string {
  const all = Object.keys(task.recipes).map((name) => recipeHelp(task, name))
  return `\nRecipes:\n${all.join('\n')}`
}

function recipeHelp(task: TaskDefinition, name: string): string {
  const { why, hidden, inputStd, outputStd, scale, options = {}, training } = recipeOf(task, name, 'irnn')
  const { optimizer, schedule, clip, batch, iterations } = training
  const clipping = clip!.kind === 'none' ? 'no clip' : `${clip!.kind} clip ${clip!.limit}`
  const stds =
    inputStd === outputStd ? `weights of std ${inputStd}` : `input and output std ${inputStd} and ${outputStd}`
  const parts = [`${hidden} units`, stds]
  if (scale !== undefined) parts.push(`scale ${scale}`)
  for (const flag of task.options) {
    if (flag.sets in options) parts.push(`${options[flag.sets]} ${longOf(flag).slice(2)}`) // "unit pixels"
  }
  parts.push(`${optimizer!.kind} at ${optimizer!.lr}`, `${schedule!.kind} rate`, clipping, `batch ${batch}`)
  return `  ${name}: ${parts.join(', ')}, ${grouped(iterations!)} iterations (irnn).\n${wrapped(why, 90)}`
}

function wrapped(text: string, width: number): string {
  const lines = ['']
  for (const word of text.split(' ')) {
    if (lines.at(-1)!.length + word.length > width) lines.push('')
    lines[lines.length - 1] += `${lines.at(-1) === '' ? '' : ' '}${word}`
  }
  return lines.map((line) => `    ${line}`).join('\n')
}

/**
 * What a task is to the command, as data: `irnn train`, `eval`, `info`, `reproduce` and their help loop over the table
 * of definitions (table.node.ts) and know no task by its name. The task itself, seeded streams of batches, is a `Task`
 * (task.ts).
 */
import { InputError, shown } from '../error.ts'
import { type Flag, type Given, isSwitch, longOf, nameOf } from '../flag.ts'
import type { Task } from '../task.ts'
import type { Recipes } from './recipe.ts'

/** A flag that sets an option of the task. */
export interface TaskFlag extends Flag {
  readonly sets: string
  /** What it sets without a value: this where it is given, and `absent` where not. Default true. */
  readonly to?: string | boolean
  readonly absent?: string | boolean
}

/** A flag that says where data are. */
export interface SourceFlag extends Flag {
  /** For new runs only: what it chooses is kept in the folder of the run. */
  readonly once?: boolean
}

export interface TaskDefinition {
  readonly name: string
  /** For the help. */
  readonly description: string
  /** What scores it, in the unit of --target. */
  readonly score: string
  readonly options: readonly TaskFlag[]
  readonly sources: readonly SourceFlag[]
  /** Options of training and network that it has and not every task: `softmax`, `dropout`, `embedding`. */
  readonly extras?: readonly string[]
  readonly recipes: Recipes
  /** Names of the files that it leaves in the folder of a run. */
  readonly files?: readonly string[]
  /** The task of a new run. @throws InputError when flags do not go together, or data cannot be had */
  create(given: NewRun): OpenedTask | Promise<OpenedTask>
  /**
   * The task of a stored run again. @throws InputError when data cannot be had, or are not those that it was made with
   */
  open(stored: StoredTask): OpenedTask | Promise<OpenedTask>
  /** Looks whether the data that flags name are there and whole, before anything else is done. @throws InputError */
  check?(sources: Given, say: (line: string) => void): void | Promise<void>
  /** What a run is called: its folder, before `-seed1`, and its title for people. */
  called(task: Task, network: Network): { readonly folder: string; readonly title: string }
  /** The figure of the paper that shows such a task, as experiments/paper-curves.csv names it. */
  figure?(task: Task): string | undefined
}

/** What of a network names its run. */
export interface Network {
  readonly cell: string
  readonly layers: number
  readonly bidirectional: boolean
}

interface Telling {
  /** Shows people a line. */
  say(line: string): void
  /** Whether another program reads the output, so that people are only shown what they must know. */
  readonly quiet: boolean
}

export interface NewRun extends Telling {
  /** Options of the task, from its recipe and flags, and the seed. */
  readonly options: Given
  /** All flags, those of the sources among them. */
  readonly flags: Given
}

export interface StoredTask extends Telling {
  /** As config.json has them. */
  readonly options: Task['options']
  /** The folder of the run. */
  readonly dir: string
  /** The flags that say where data are. */
  readonly flags: Given
}

export interface OpenedTask {
  readonly task: Task
  /** For the folder of a run, by name. */
  readonly files?: Readonly<Record<string, string>>
  /** What `irnn eval` prints; absent: the line alone. */
  report?(evaluated: Evaluated): Iterable<string>
}

export interface Evaluated {
  /** "test MSE 0.1 on 50 sequences in 0.2 s, native" */
  readonly line: string
  /** Of the task's scorer; undefined if it has none. */
  readonly result: unknown
}

/** What flags say of the options that they set; one that was not given and has no default says nothing. */
export function optionsOf(flags: readonly TaskFlag[], given: Given): Given {
  const options: Record<string, unknown> = {}
  for (const flag of flags) {
    const word = given[nameOf(flag)]
    const value = isSwitch(flag) ? (word ? (flag.to ?? true) : flag.absent) : (word ?? flag.default)
    if (value !== undefined) options[flag.sets] = value
  }
  return options
}

/** Runs `work`; what it finds wrong with an option of the task is said of the flag that sets it. */
export async function sayingFlags<T>(flags: readonly TaskFlag[], work: () => T | Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const [, option, what] = (error as Error).message.match(/^[\w ]+: (\w+): (.*)$/) ?? []
    const flag = flags.find(({ sets }) => sets === option)
    if (!(error instanceof InputError) || !flag) throw error
    throw new InputError(`${longOf(flag)}: ${what}`)
  }
}

/** @throws InputError unless the data are those that a stored run says it was made with; undefined says nothing */
export function refuseOther(what: string, stored: unknown, held: string, remedy: string): void {
  if (stored === undefined || stored === held) return
  throw new InputError(`${what} ${shown(stored)} that the run was made with but received ${shown(held)}: ${remedy}`)
}

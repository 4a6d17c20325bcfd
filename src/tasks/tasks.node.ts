/** The tasks of the table, by name. */
import { didYouMean, InputError, refuseNoObject, refuseNoText, refuseUnknown, shown } from '../error.ts'
import { type Flag, flagged, type Given, isSwitch, longOf, nameOf } from '../flag.ts'
import type { Task } from '../task.ts'
import type { TaskDefinition } from './definition.ts'
import * as table from './table.node.ts'

export const TASKS: readonly TaskDefinition[] = Object.values(table)

export const TASK_NAMES: readonly string[] = TASKS.map(({ name }) => name)

/** @throws InputError when there is none of that name */
export function taskNamed(name: string): TaskDefinition {
  const found = TASKS.find((task) => task.name === name)
  if (found) return found
  throw new InputError(
    `task: expected one of ${TASK_NAMES.join(', ')} but received ${shown(name)}${didYouMean(name, TASK_NAMES)}`,
  )
}

/**
 * Refuses what says where data are, of a stored run whose task would not listen to it.
 * @throws InputError, one line: `--data: a run of adding needs no data: remove it`
 */
export function refuseUnheard({ name, sources }: TaskDefinition, given: Given): void {
  const heard = sources.filter(({ once }) => !once)
  for (const { sources } of TASKS) {
    for (const flag of sources) {
      if (given[nameOf(flag)] === undefined || heard.some((one) => nameOf(one) === nameOf(flag))) continue
      const why = heard.length === 0 ? 'needs no data' : `takes ${heard.map(longOf).join(', ')} alone`
      throw new InputError(`${longOf(flag)}: a run of ${name} ${why}: remove it`)
    }
  }
}

/**
 * The task of a stored run (readRunFolder), its data found again.
 * @param sources where the data are, as the command's flags say it, in camel case: `data`, `alignments`, `skipBad`
 * @throws InputError when the data cannot be had, or are not those that the run was made with
 */
export async function openTask(
  run: {
    readonly dir: string
    readonly config: { readonly task: { readonly name: string; readonly options: Task['options'] } }
  },
  sources: Given = {},
): Promise<Task> {
  refuseNoObject('openTask', run)
  refuseNoObject('openTask: config', run.config)
  const { dir, config } = run
  refuseNoText('openTask: dir', dir)
  const { task } = config
  refuseNoObject('openTask: task', task)
  refuseNoObject('openTask: options of the task', task.options)
  const definition = taskNamed(task.name)
  refuseUnknown(
    'openTask',
    sources,
    TASKS.flatMap(({ sources }) => sources.map(nameOf)),
  )
  refuseUnheard(definition, sources)
  for (const flag of definition.sources) refuseOtherValue(flag, sources[nameOf(flag)])
  return (await definition.open({ dir, options: task.options, flags: sources, say() {}, quiet: true })).task
}

/** A program gives what a word of the command line is read as. */
function refuseOtherValue(flag: Flag, value: unknown): void {
  if (value === undefined) return
  const name = nameOf(flag)
  if (isSwitch(flag)) flagged.check(value, name, 'openTask')
  else if (flag.value) flag.value.check(value, name, 'openTask')
  else refuseNoText(`openTask: ${name}`, value)
}

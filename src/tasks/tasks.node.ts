/** The tasks of the table, by name. */
import { InputError, shown } from '../error.ts'
import type { Given } from '../flag.ts'
import type { Task } from '../task.ts'
import type { TaskDefinition } from './definition.ts'
import * as table from './table.node.ts'

export const TASKS: readonly TaskDefinition[] = Object.values(table)

export const TASK_NAMES: readonly string[] = TASKS.map(({ name }) => name)

/** @throws InputError when there is none of that name */
export function taskNamed(name: string): TaskDefinition {
  const found = TASKS.find((task) => task.name === name)
  if (found) return found
  throw new InputError(`task: expected one of ${TASK_NAMES.join(', ')} but received ${shown(name)}`)
}

/**
 * The task of a stored run (readRunFolder), its data found again.
 * @param sources where the data are, as the command's flags say it, in camel case: `data`, `alignments`, `skipBad`
 * @throws InputError when the data cannot be had, or are not those that the run was made with
 */
export async function openTask(
  {
    dir,
    config: { task },
  }: {
    readonly dir: string
    readonly config: { readonly task: { readonly name: string; readonly options: Task['options'] } }
  },
  sources: Given = {},
): Promise<Task> {
  const stored = { dir, options: task.options, flags: sources, say() {}, quiet: true }
  return (await taskNamed(task.name).open(stored)).task
}

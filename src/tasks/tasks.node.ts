/** The tasks of the table, by name. */
import { InputError, shown } from '../error.ts'
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

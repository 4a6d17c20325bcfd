/** The tasks: a line for each. All else that a new one needs is in its folder. */
import { InputError, shown } from '../error.ts'
import { adding } from './adding/definition.ts'
import type { TaskDefinition } from './definition.ts'
import { mnist } from './mnist/definition.node.ts'
import { phones } from './phones/definition.node.ts'
import { words } from './words/definition.node.ts'

export const TASKS: readonly TaskDefinition[] = [adding, mnist, phones, words]

export const TASK_NAMES: readonly string[] = TASKS.map(({ name }) => name)

/** @throws InputError when there is none of that name */
export function taskNamed(name: string): TaskDefinition {
  const found = TASKS.find((task) => task.name === name)
  if (found) return found
  throw new InputError(`task: expected one of ${TASK_NAMES.join(', ')} but received ${shown(name)}`)
}

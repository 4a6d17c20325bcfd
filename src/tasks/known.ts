/** The tasks by name: where a stored run, or a word on the command line, becomes a task again. */
import { InputError, shown } from '../error.ts'
import { adding } from './adding.ts'
import type { Task } from './task.ts'

const TASKS: Readonly<Record<string, (options: object) => Task>> = { adding }

export const TASK_NAMES: readonly string[] = Object.keys(TASKS)

/** @throws InputError when the name is unknown or the options are not the task's */
export function createTask(name: string, options: object): Task {
  if (!Object.hasOwn(TASKS, name)) {
    throw new InputError(`task: expected one of ${TASK_NAMES.join(', ')} but received ${shown(name)}`)
  }
  return TASKS[name]!(options)
}

/** A task by name with the data it needs, wherever they are on this machine. */
import { type DigitSources, loadDigits } from './digits.node.ts'
import { createTask } from './known.ts'
import type { Task } from './task.ts'

/** What a person may say about where data are. */
export type TaskSources = Pick<DigitSources, 'data' | 'say'>

/** @throws InputError when the name or options are wrong, or the data cannot be had or are not those of the options */
export async function openTask(name: string, options: object, sources: TaskSources = {}): Promise<Task> {
  return createTask(name, options, name === 'mnist' ? { digits: await loadDigits(sources) } : {})
}

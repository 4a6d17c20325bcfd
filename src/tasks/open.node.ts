/** A task by name with the data it needs, wherever they are on this machine. */
import { type DigitSources, loadDigits } from './digits.node.ts'
import { createTask, type TaskData } from './known.ts'
import { loadSpeech, type SpeechSources } from './phones.node.ts'
import type { Task } from './task.ts'

/** What a person may say about where data are. */
export type TaskSources = Pick<DigitSources, 'data' | 'say'> & Pick<SpeechSources, 'skipBad' | 'alignments'>

/** @throws InputError when the name or options are wrong, or the data cannot be had or are not those of the options */
export async function openTask(name: string, options: object, sources: TaskSources = {}): Promise<Task> {
  return createTask(name, options, await dataOf(name, sources))
}

async function dataOf(name: string, sources: TaskSources): Promise<TaskData> {
  if (name === 'mnist') return { digits: await loadDigits(sources) }
  return name === 'phones' ? { speech: loadSpeech(sources) } : {}
}

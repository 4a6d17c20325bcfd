/** The task of a stored run with the data it needs, wherever they are on this machine. */

import type { Task } from '../task.ts'
import { createTask, type TaskData } from './known.ts'
import { type DigitSources, loadDigits } from './mnist/load.node.ts'
import { loadSpeech, type SpeechSources } from './phones/load.node.ts'
import { textOfRun } from './words/load.node.ts'

/** What a person may say about where data are. */
export type TaskSources = Pick<DigitSources, 'data' | 'say'> &
  Pick<SpeechSources, 'skipBad' | 'alignments'> & {
    /** Folder of the run, which has what its task needs beside its options: a vocabulary. */
    readonly dir?: string | undefined
  }

/** @throws InputError when the name or options are wrong, or the data cannot be had or are not those of the options */
export async function openTask(name: string, options: object, sources: TaskSources = {}): Promise<Task> {
  return createTask(name, options, await dataOf(name, options, sources))
}

async function dataOf(name: string, options: { vocabulary?: unknown }, sources: TaskSources): Promise<TaskData> {
  if (name === 'mnist') return { digits: await loadDigits(sources) }
  if (name === 'phones') return { speech: loadSpeech(sources) }
  const { dir, data } = sources
  return name === 'words' && dir !== undefined ? { text: textOfRun(dir, options.vocabulary, data) } : {}
}

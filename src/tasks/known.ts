/** The tasks by name: where a stored run, or a word on the command line, becomes a task again. */
import { InputError, shown } from '../error.ts'
import type { Task } from '../task.ts'
import { adding } from './adding/adding.ts'
import type { Digits } from './mnist/digits.ts'
import { pixels } from './mnist/mnist.ts'
import { type PhoneCorpus, phones } from './phones/phones.ts'
import { THIRDS } from './phones/targets.ts'
import { type WordsData, words } from './words/words.ts'

/** What tasks are made of beside their options; each needs its own only. `openTask` finds and loads it. */
export interface TaskData {
  readonly digits?: Digits | undefined
  readonly speech?: PhoneCorpus | undefined
  readonly text?: WordsData | undefined
}

const TASKS: Readonly<Record<string, (options: object, data: TaskData) => Task>> = {
  adding,
  mnist,
  phones: speech,
  words: nextWord,
}

export const TASK_NAMES: readonly string[] = Object.keys(TASKS)

/** @throws InputError when the name is unknown, the options are not the task's, or the data are not those it was made with */
export function createTask(name: string, options: object, data: TaskData = {}): Task {
  if (!Object.hasOwn(TASKS, name)) {
    throw new InputError(`task: expected one of ${TASK_NAMES.join(', ')} but received ${shown(name)}`)
  }
  return TASKS[name]!(options, data)
}

/** A stored run names its digits: other ones would give a score that means nothing. */
function mnist({ digits: id, ...options }: { digits?: unknown }, { digits }: TaskData): Task {
  if (!digits) throw new InputError('mnist: expected digits but received none: load them with loadDigits')
  if (id !== undefined && id !== digits.id) {
    throw new InputError(
      `mnist: expected the digits ${shown(id)} that the run was made with but received ${shown(digits.id)}: ` +
        'give --data DIR with the same files',
    )
  }
  return pixels({ ...options, digits })
}

/** Likewise a stored run names its corpus. */
function speech(
  { corpus: id, targets, ...options }: { corpus?: unknown; targets?: unknown },
  { speech }: TaskData,
): Task {
  if (!speech) throw new InputError('phones: expected a corpus of speech but received none: load it with loadSpeech')
  if (targets !== undefined && targets !== speech.set.kind) {
    const remedy = targets === THIRDS.kind ? 'remove --alignments' : 'give --alignments with the same files'
    throw new InputError(
      `phones: expected the targets ${shown(targets)} that the run was made with but received ${shown(speech.set.kind)}: ${remedy}`,
    )
  }
  if (id !== undefined && id !== speech.id) {
    throw new InputError(
      `phones: expected the corpus ${shown(id)} that the run was made with but received ${shown(speech.id)}: ` +
        'give --data DIR with the same files',
    )
  }
  return phones({ ...options, corpus: speech })
}

/** An id of before textId, which has twice the digits. */
const OLD_TEXT = /^(text|benchmark)-[0-9a-f]{16}$/

/** Likewise its text; its vocabulary is checked where it is read. */
function nextWord(options: { corpus?: unknown; vocabulary?: unknown }, { text }: TaskData): Task {
  const { corpus, vocabulary: _checked, ...given } = options
  if (!text) throw new InputError('words: expected text but received none: open it with openWords')
  if (typeof corpus === 'string' && OLD_TEXT.test(corpus)) {
    throw new InputError(
      `words: the run knows its text as ${shown(corpus)}, by names and sizes of files, as irnn did once: expected an id that tells ` +
        'other text of the same sizes: start the run anew',
    )
  }
  if (corpus !== undefined && corpus !== text.corpus) {
    throw new InputError(
      `words: expected the text ${shown(corpus)} that the run was made with but received ${shown(text.corpus)}: ` +
        'give --data with the same files',
    )
  }
  return words({ ...given, text })
}

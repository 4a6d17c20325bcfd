/** A model of words as a service has it: a text in, the next words out. */

import { InputError, shown } from '../error.ts'
import type { State } from '../model/model.ts'
import * as z from '../schema.ts'
import { prompted, sampled } from '../tasks/words/sample.ts'
import type { Vocabulary } from '../tasks/words/vocabulary.ts'
import { OPENING, stateSession } from './models.ts'
import type { Work } from './queue.ts'
import { type Runner, runnerOf, softmax } from './runner.ts'
import { bodyOf, refuseMany, type Served, type Sessions } from './served.ts'
import type { OfTask } from './tasks.ts'

/** Words that are drawn at once, at most. */
const MOST_DRAWN = 1000
/** Next words that are told, at most. */
const MOST_TOLD = 1000

const text = z
  .string()
  .max(2 ** 20)
  .describe('words with spaces between, as in the training text; it may be empty')
const top = z.int().min(1).max(MOST_TOLD).default(10).describe('how many of the next words are told')
const next = z
  .array(z.object({ word: z.string(), probability: z.number() }))
  .describe('the most probable first; </S> is the end of the sentence, <UNK> any word that is not listed')
const unknown = z.array(z.string()).describe('words of the text that are not in the vocabulary, read as <UNK>')

/** @throws InputError unless model and vocabulary go together */
function refuseMisfit({ model }: OfTask, { size }: Vocabulary): void {
  const { input, head } = model.spec
  if ('vocabulary' in input && input.vocabulary === size && head.size === size && head.steps === 'every') return
  throw new InputError(
    `expected a model of the ${shown(size)} words of its vocabulary but it is another: train it anew`,
  )
}

/** What a model of words does for a service. */
interface Reader {
  readonly runner: Runner
  readonly vocabulary: Vocabulary
  readonly maxRows: number
  /** The words of a text, read from a state, or from the beginning of a sentence; `next` follow. */
  read(
    given: { text: string; top: number },
    from: State | null,
    work: Work,
  ): Promise<{ state: State; told: object; rows: number }>
}

function readerOf(runner: Runner, vocabulary: Vocabulary, maxRows: number): Reader {
  return {
    runner,
    vocabulary,
    maxRows,
    async read({ text, top }, from, work) {
      const { words, unknown } = prompted(text, vocabulary)
      refuseMany(words.length, maxRows)
      const tokens = words.map((word) => vocabulary.idOf(word))
      if (from === null) tokens.unshift(vocabulary.start)
      if (tokens.length === 0) throw new InputError('body: text: expected words but received none: send one at least')
      let last: ArrayLike<number> = []
      const state = await runner.run({ T: tokens.length, tokens }, from, work, (logits, t) => {
        if (t === tokens.length - 1) last = Float64Array.from(logits)
      })
      return { state: state!, told: { next: mostProbableWords(last, top, vocabulary), unknown }, rows: words.length }
    },
  }
}

function mostProbableWords(logits: ArrayLike<number>, top: number, { words }: Vocabulary): object[] {
  const probabilities = softmax(logits)
  const order = Array.from(probabilities.keys()).sort((a, b) => probabilities[b]! - probabilities[a]! || a - b)
  return order.slice(0, top).map((k) => ({ word: words[k]!, probability: probabilities[k]! }))
}

/** A run of words. */
export function servedWords(run: OfTask, vocabulary: Vocabulary): Served {
  refuseMisfit(run, vocabulary)
  const { model, limits } = run
  const runner = runnerOf(model)
  if (!runner.oneWay) throw new InputError('expected a model of one direction but it reads both: train it anew')
  const reader = readerOf(runner, vocabulary, limits.maxRows)
  const request = z.strictObject({ text: text.default(''), top })
  return {
    kind: 'words',
    about: { kind: 'words', vocabulary: vocabulary.size },
    calls: {
      predict: {
        summary: 'The most probable next words of a text.',
        request,
        answer: z.object({ next, unknown }),
        async run(body, work) {
          const { told, rows } = await reader.read(bodyOf(request, body), null, work)
          return { body: told, steps: rows }
        },
      },
      sample: sampleCall(reader),
    },
    sessions: wordSessions(run, reader),
    dispose: () => model.dispose(),
  }
}

function sampleCall({ runner, vocabulary, maxRows }: Reader): Served['calls'][string] {
  const request = z.strictObject({
    text: text.default(''),
    words: z.int().min(1).max(MOST_DRAWN).default(100).describe('to draw; the end of a sentence counts as one'),
    temperature: z.number().min(0).max(1e6).default(1).describe('0: always the most probable word'),
    seed: z.int().min(0).default(1).describe('the same seed draws the same words'),
  })
  return {
    summary: 'Goes on with a text, word by word; <UNK> is never drawn.',
    request,
    answer: z.object({ words: z.array(z.string().nullable()).describe('null: the end of a sentence'), unknown }),
    async run(body, work) {
      const given = bodyOf(request, body)
      const { words, unknown } = prompted(given.text, vocabulary)
      refuseMany(words.length, maxRows)
      const tokens = [vocabulary.start, ...words.map((word) => vocabulary.idOf(word))]
      let after: ArrayLike<number> | null = null
      await runner.run({ T: tokens.length, tokens }, null, work, (logits) => {
        after = logits
      })
      // The first step, of the beginning, is made already, and the text after it.
      const step = (token: number): ArrayLike<number> => {
        const logits = after ?? runner.next(token)
        after = null
        return logits
      }
      const drawn: (string | null)[] = []
      for (const word of sampled(step, vocabulary, [], given)) {
        drawn.push(word)
        const pause = work.pause()
        if (pause) await pause
      }
      return { body: { words: drawn, unknown }, steps: words.length + drawn.length }
    },
  }
}

function wordSessions({ model }: OfTask, reader: Reader): Sessions {
  const request = z.strictObject({ text, top })
  return {
    summary: 'Takes more words of a text, and says the most probable next ones.',
    opening: OPENING,
    request,
    answer: z.object({ rows: z.int().describe('words of the session so far'), next, unknown }),
    open: (body) => stateSession(model, body, (body, from, work) => reader.read(bodyOf(request, body), from, work)),
  }
}

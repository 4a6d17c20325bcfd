/** `irnn sample DIR`: a model of words goes on with a text, a word at a time. */
import type { BackendName } from '../src/backend/backend.ts'
import { createBackend } from '../src/backend/choose.ts'
import { InputError } from '../src/error.ts'
import { loadModel } from '../src/model/modelFile.ts'
import { rng } from '../src/rng.ts'
import { readRunFolder } from '../src/runs/stored.ts'
import { vocabularyOfRun } from '../src/tasks/words/load.node.ts'
import { SEPARATOR, type Vocabulary } from '../src/tasks/words/vocabulary.ts'

export interface SampleFlags {
  prompt: string
  temperature: number
  words: number
  seed: number
  best?: boolean
  backend?: BackendName
}

/** Streams words to stdout as they are drawn, a sentence a line. Returns the exit code. */
export async function sampleRun(dir: string, flags: SampleFlags): Promise<number> {
  const run = readRunFolder(dir)
  const { name, options } = run.config.task
  if (name !== 'words') throw new InputError(`${dir}: expected a run of words but it is one of ${name}`)
  const vocabulary = vocabularyOfRun(dir, options.vocabulary)
  const backend = await createBackend({ name: flags.backend, threads: 1 })
  const model = run.readModel(flags.best ? 'best' : 'final', (source) => loadModel(source, { backend }))
  const closed = new Promise<'closed'>((resolve) => {
    process.stdout.on('error', () => resolve('closed'))
  })
  const stepper = model.stepper()
  try {
    for (const text of sampled((token) => stepper.step(token), vocabulary, flags)) {
      // Word by word, and no further than somebody reads.
      const full = !process.stdout.write(text)
      const drained = full ? new Promise((resolve) => process.stdout.once('drain', resolve)) : new Promise(setImmediate)
      if ((await Promise.race([drained, closed])) === 'closed') return 1
    }
  } finally {
    stepper.dispose()
    model.dispose()
  }
  return 0
}

/**
 * The prompt and `words` words after it, with the spaces and line ends between them. A word is drawn with probability
 * proportional to p^(1/temperature); the most probable one at temperature 0. `<UNK>` is never drawn; a prompt may have it.
 * @param step logits [V] after a token
 */
export function* sampled(
  step: (token: number) => ArrayLike<number>,
  { words, start, end, unknown, idOf }: Vocabulary,
  { prompt, temperature, words: count, seed }: SampleFlags,
): Generator<string> {
  const generator = rng(seed, 'sample')
  const given = prompt.split(SEPARATOR).filter((word) => word !== '')
  let logits = step(start)
  for (const word of given) logits = step(idOf(word))
  if (given.length > 0) yield given.join(' ')
  let fresh = given.length === 0
  for (let n = 0; n < count; ) {
    const token = draw(logits, temperature, generator.next(), [start, unknown])
    if (token === end) {
      yield '\n'
      fresh = true
      logits = step(start)
      n += 1 // counted like a word: a model that draws nothing else ends too
      continue
    }
    yield `${fresh ? '' : ' '}${words[token]}`
    fresh = false
    n += 1
    logits = step(token)
  }
  if (!fresh) yield '\n'
}

/** @param u uniform in [0,1) */
export function draw(logits: ArrayLike<number>, temperature: number, u: number, never: readonly number[]): number {
  let best = -1
  for (let k = 0; k < logits.length; k++) {
    if (!never.includes(k) && (best < 0 || logits[k]! > logits[best]!)) best = k
  }
  if (temperature === 0) return best
  const weight = (k: number) => (never.includes(k) ? 0 : Math.exp((logits[k]! - logits[best]!) / temperature))
  let total = 0
  for (let k = 0; k < logits.length; k++) total += weight(k)
  let left = u * total
  for (let k = 0; k < logits.length; k++) {
    left -= weight(k)
    if (left < 0) return k
  }
  return best // rounding left a hair
}

/**
 * A program that uses irnn with nothing but the language: neither DOM nor Node's types. It has a task of its own, a
 * loop of its own and a service that streams, so that whatever these need is public.
 */
import {
  type Backend,
  type Batch,
  beats,
  classification,
  createBackend,
  createModel,
  createTraining,
  decodeEvent,
  describeModel,
  encodeEvent,
  epochOrder,
  evaluate,
  InputError,
  irnn,
  loadModel,
  parseVocabulary,
  type Recipe,
  recipe,
  rng,
  type StopSignal,
  saveModel,
  type Task,
  type Tokens,
  type TrainEvent,
  train,
  words,
} from 'irnn'
import type { RunConfig, RunFolder, TaskSources } from 'irnn/node'
import { FEATURES, featureStream, features, type PhoneCorpus, phones, THIRDS } from 'irnn/speech'

/** Noise after a mark of -1 or 1: which was it? Sequence i is drawn from (seed, i), so a run can resume. */
export function firstMark({ T = 12, size = 64, seed = 1 } = {}): Task {
  const generator = rng(seed)
  const x = new Float32Array(T * size)
  const y = new Int32Array(size)
  function fill(set: string, B: number, next: () => number): Batch {
    for (let b = 0; b < B; b++) {
      generator.restart(`first mark/${set}/${next()}`)
      y[b] = generator.below(2)
      for (let t = 0; t < T; t++) x[t * B + b] = t === 0 ? 2 * y[b]! - 1 : generator.normal() / 4
    }
    return { T, B, x: x.subarray(0, T * B), y: y.subarray(0, B) }
  }
  return {
    name: 'first mark',
    options: { T, size, seed },
    T,
    input: { size: 1 },
    head: { kind: 'classification', size: 2, steps: 'last' },
    metric: 'accuracy',
    trainSize: size,
    testSize: size,
    train(B) {
      const order = epochOrder(size, seed, 'first mark/order')
      return {
        next: () => fill('train', B, order.next),
        get epoch() {
          return order.epoch
        },
        getState: order.getState,
        setState: order.setState,
      }
    },
    *test(B) {
      let i = 0
      for (let at = 0; at < size; at += B) yield fill('test', Math.min(B, size - at), () => i++)
    },
  }
}

/** Trains by the loop of the package, and by one of our own. Returns their events as lines, and both scores. */
export async function run(backend: Backend, signal: StopSignal): Promise<{ lines: string[]; scores: number[] }> {
  const task = firstMark()
  const spec = { input: 1, rnn: irnn(12, { inputStd: 0.5 }), head: classification(2) }
  const options = { iterations: 60, batch: 16, evalEvery: 30 }
  const model = createModel(spec, { backend, seed: 3 })
  const lines: string[] = []
  for await (const event of train(model, task, { ...options, signal })) lines.push(encodeEvent(event))
  const events: TrainEvent[] = lines.map(decodeEvent)
  const done = events.findLast((event) => event.type === 'done')

  const own = createModel(spec, { backend, seed: 3 })
  const training = createTraining(own, task, options)
  for (let k = 0; k < options.iterations; k++) training.iterate()
  training.dispose()
  const { accuracy = 0 } = await evaluate(own, task)
  if (beats(task.metric, accuracy, 1)) throw new Error('an accuracy above 1')
  return { lines, scores: [done?.test?.accuracy ?? -1, accuracy] }
}

/** A service: a stored model that is described, loaded and fed one step at a time. */
export function serve(backend: Backend): number {
  const stored = saveModel(createModel({ input: 1, rnn: irnn(4), head: classification(2) }, { backend }))
  const { spec, parameters } = describeModel(stored)
  const model = loadModel(stored, { backend })
  const stepper = model.stepper()
  const logits = stepper.step([0.5])
  stepper.dispose()
  return parameters.length + spec.rnn.hidden + logits.length
}

/** Text and speech that are in memory already. */
export function inMemory(): Task[] {
  const vocabulary = parseVocabulary('<S>\n</S>\n<UNK>\nthe\ncat\n')
  const block = { tokens: Int32Array.of(3, 4, vocabulary.end), documents: [0] }
  const tokens: Tokens = { blocks: 1, load: () => block }
  const text = { corpus: 'mine', vocabularyId: '', vocabulary, train: tokens, heldOut: tokens, test: tokens }
  const set = { starts: Int32Array.of(0, 1), mel: new Float32Array(40), targets: Int32Array.of(0) }
  const normalisation = { mean: new Float32Array(FEATURES), std: new Float32Array(FEATURES).fill(1) }
  const corpus: PhoneCorpus = { id: 'mine', train: set, dev: set, test: set, set: THIRDS, normalisation }
  return [words({ T: 2, text }), phones({ corpus })]
}

/** Frames that a stream gives, beside those of the whole. */
export function hear(samples: Int16Array): [number, number] {
  let frames = 0
  const stream = featureStream(() => {
    frames += 1
  })
  stream.push(samples)
  stream.end()
  return [frames, features(samples).length / FEATURES]
}

/** What irnn/node says of a run can be named without Node's types. */
export type Service = { folder: RunFolder; config: RunConfig; sources: TaskSources; recipe: Recipe }

export async function main(): Promise<string> {
  const backend = await createBackend({ name: 'reference' })
  // @ts-expect-error: kernels are not public
  void backend.rnn_forward
  const message = await createBackend({ threads: 0 }).then(
    () => '',
    (error) => (error instanceof InputError ? error.message : ''),
  )
  const { lines, scores } = await run(backend, { aborted: false })
  const tasks = inMemory().map(({ name }) => name)
  const heard = hear(new Int16Array(16_000))
  const { hidden } = recipe('adding', 'fast', 'irnn')
  return JSON.stringify({ message, lines: lines.length, scores, served: serve(backend), tasks, heard, hidden })
}

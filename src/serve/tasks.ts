/** Runs of the four tasks as a service has them: what the task reads, and its answer in the task's words. */

import { InputError, shown } from '../error.ts'
import { FEATURES } from '../features/speech.ts'
import type { Model } from '../model/model.ts'
import * as z from '../schema.ts'
import type { Task } from '../task.ts'
import { pixelOrder } from '../tasks/mnist/mnist.ts'
import { PHONE_STATES, THIRDS } from '../tasks/phones/targets.ts'
import { PHONES } from '../tasks/phones/timit.ts'
import type { Limits } from './limits.ts'
import { OPENING, stateSession } from './models.ts'
import type { Work } from './queue.ts'
import { mostProbable, type Runner, runnerOf, type Steps, softmax } from './runner.ts'
import { bodyOf, float, listOf, type Served, type Sessions } from './served.ts'

/** The task of a run: its model, the options that config.json has of it, and limits. */
export interface OfTask {
  readonly model: Model
  readonly options: Task['options']
  readonly limits: Limits
}

/** @throws InputError unless the model has these sizes */
export function refuseOtherModel(model: Model, size: number, outputs: number): void {
  const { input, head } = model.spec
  if ('size' in input && !('vocabulary' in input) && input.size === size && head.size === outputs) return
  throw new InputError(`model: expected one of ${size} inputs and ${outputs} outputs, as its task has: train it anew`)
}

/** Logits after the last step. */
export async function lastLogits(runner: Runner, steps: Steps, work: Work): Promise<Float64Array> {
  let last: Float64Array | undefined
  await runner.run(steps, null, work, (logits, t) => {
    if (t === steps.T - 1) last = Float64Array.from(logits)
  })
  return last!
}

/** The adding problem: numbers and marks in, the sum of the marked numbers out. */
export function servedAdding({ model, options, limits }: OfTask): Served {
  refuseOtherModel(model, 2, 1)
  const runner = runnerOf(model)
  const request = z.strictObject({
    numbers: listOf(float, { max: limits.maxRows }).describe('from 0 to 1, one a step'),
    marks: listOf(z.union([z.literal(0), z.literal(1)])).describe('1 at the two numbers to add, 0 elsewhere'),
  })
  return {
    kind: 'adding',
    about: { kind: 'adding', steps: options.T },
    calls: {
      predict: {
        summary: 'The sum of the two marked numbers.',
        request,
        answer: z.object({ sum: z.number() }),
        async run(body, work) {
          const { numbers, marks } = bodyOf(request, body)
          if (marks.length !== numbers.length) {
            throw new InputError(`body: marks: expected ${numbers.length}, one a number, but received ${marks.length}`)
          }
          const x = numbers.map((number, t) => [number, marks[t]!])
          const [sum] = await lastLogits(runner, { T: x.length, x }, work)
          return { body: { sum }, steps: x.length }
        },
      },
    },
    sessions: 'a sum is known when all numbers are: send them to predict',
    dispose: () => model.dispose(),
  }
}

/** Pictures pixel by pixel: grey values in, a digit out. */
export function servedMnist({ model, options, limits }: OfTask): Served {
  const { order, permutation = 92916, scale } = options as { order: 'scanline'; permutation?: number; scale: string }
  const classes = Number(options.classes ?? 10)
  refuseOtherModel(model, 1, classes)
  const runner = runnerOf(model)
  const most = Math.min(limits.maxRows, 2 ** 16)
  const request = z.strictObject({
    pixels: listOf(z.number().min(0).max(255), { max: most }).describe(
      'row by row from the top left, 0 (black) to 255; 784 of a picture of 28 by 28',
    ),
  })
  return {
    kind: 'mnist',
    about: { kind: 'mnist', order, scale, classes },
    calls: {
      predict: {
        summary: 'The digit, or class, of a picture.',
        request,
        answer: z.object({ digit: z.int(), probabilities: z.array(z.number()).describe('by digit') }),
        async run(body, work) {
          const { pixels } = bodyOf(request, body)
          if (options.digits === 'mnist' && pixels.length !== 784) {
            throw new InputError(`body: pixels: expected 784, of 28 by 28, but received ${pixels.length}`)
          }
          const factor = scale === 'raw' ? 1 : 1 / 255
          const x = Array.from(pixelOrder({ order, permutation }, pixels.length), (p) =>
            Math.fround(pixels[p]! * factor),
          )
          const logits = await lastLogits(runner, { T: x.length, x }, work)
          return { body: { digit: mostProbable(logits), probabilities: [...softmax(logits)] }, steps: x.length }
        },
      },
    },
    sessions: 'a picture is known when all of its pixels are: send them to predict',
    dispose: () => model.dispose(),
  }
}

/** Frames of speech in, a phone for each out. */
export function servedPhones({ model, options, limits }: OfTask): Served {
  const { size: states } = model.spec.head
  refuseOtherModel(model, FEATURES, states)
  const thirds = options.targets === THIRDS.kind
  if (thirds && states !== THIRDS.states) {
    throw new InputError(`model: expected one of ${THIRDS.states} states but it has ${shown(states)}: train it anew`)
  }
  const runner = runnerOf(model)
  const frames = listOf(listOf(float, { min: FEATURES, max: FEATURES }), { max: limits.maxRows })
  const request = z.strictObject({ frames: frames.describe(`${FEATURES} features each, one frame every 10 ms`) })
  const heard = z.object({
    state: z.int(),
    probability: z.number(),
    ...(thirds && { phone: z.string(), third: z.int().describe('of the phone: 0, 1 or 2') }),
  })
  const one = (logits: ArrayLike<number>): object => {
    const state = mostProbable(logits)
    const probability = softmax(logits)[state]!
    if (!thirds) return { state, probability }
    return { state, probability, phone: PHONES[THIRDS.phoneOf[state]!], third: state % PHONE_STATES }
  }
  const answer = z.object({ frames: z.array(heard).describe('one for each') })
  return {
    kind: 'phones',
    about: { kind: 'phones', features: FEATURES, states, targets: options.targets },
    calls: {
      predict: {
        summary: 'The most probable state of each frame.',
        request,
        answer,
        async run(body, work) {
          const { frames: x } = bodyOf(request, body)
          const found: object[] = []
          await runner.run({ T: x.length, x }, null, work, (logits) => found.push(one(logits)))
          return { body: { frames: found }, steps: x.length }
        },
      },
    },
    sessions: runner.oneWay
      ? phoneSessions(model, runner, { request, answer, one })
      : 'a bidirectional network cannot answer before the end: send all frames to predict',
    dispose: () => model.dispose(),
  }
}

interface Hearing {
  readonly request: z.Schema<{ frames: number[][] }>
  readonly answer: z.Schema<unknown>
  one(logits: ArrayLike<number>): object
}

function phoneSessions(model: Model, runner: Runner, { request, answer, one }: Hearing): Sessions {
  return {
    summary: 'Takes frames, and answers each with its most probable state.',
    opening: OPENING,
    request,
    answer: z.object({ ...answer.shape, rows: z.int().describe('frames of the session so far') }),
    open: (body) =>
      stateSession(model, body, async (body, from, work) => {
        const { frames: x } = bodyOf(request, body)
        const frames: object[] = []
        const state = await runner.run({ T: x.length, x }, from, work, (logits) => frames.push(one(logits)))
        return { state, rows: x.length, told: { frames } }
      }),
  }
}

/** S1 as it is in real life: real digits, and a network that has learnt from them for a while. */
import { gather } from '../src/backend/gather.ts'
import { type Adam, adam, type Backend, createModel, irnn, type Model, pixels, type Task, train } from '../src/index.ts'
import { loadDigits } from '../src/tasks/mnist/load.node.ts'
import { recipe } from '../src/tasks/recipes.ts'
import { type Clip, clipNorm } from '../src/train/clip.ts'
import { type Problem, TRAINED } from './problems.ts'

/** After this many iterations the share of live units changes little any more. */
const ITERATIONS = 2000
const CANDIDATES = 31

export interface Trained {
  readonly problem: Problem
  readonly task: Task
  readonly model: Model
  /** Of the test set's first 500 digits, when training ended. */
  readonly accuracy: number
  readonly iterations: number
}

/** Pixel MNIST with few digits to evaluate on: an evaluation is not what is timed. */
export async function pixelTask(): Promise<Task> {
  return pixels({ digits: await loadDigits(), testSize: 500 })
}

/** Recipe `fast` at the shape's batch size, from seed 1. */
export async function trainedProblem(backend: Backend): Promise<Trained> {
  const { hidden, scale, inputStd, training } = recipe('mnist', 'fast', 'irnn')
  const task = await pixelTask()
  const model = createModel({ input: 1, rnn: irnn(hidden, { scale, inputStd }), head: task.head }, { backend, seed: 1 })
  let accuracy = Number.NaN
  const options = { ...training, batch: TRAINED.B, iterations: ITERATIONS, evalEvery: ITERATIONS }
  for await (const event of train(model, task, options)) {
    if (event.type === 'eval') accuracy = event.test.accuracy ?? Number.NaN
  }
  const { x, y } = typicalBatch(model, task)
  const problem = { ...TRAINED, x, y, weights: Float32Array.from(model.weights) }
  return { problem, task, model, accuracy, iterations: ITERATIONS }
}

/** The training batch with the median share of live units: one that is neither lucky nor unlucky. */
function typicalBatch(model: Model, task: Task): { x: Float32Array; y: Float32Array } {
  const plan = model.plan({ T: task.T, B: TRAINED.B, training: false })
  const stream = task.train(TRAINED.B)
  const found = Array.from({ length: CANDIDATES }, () => {
    const batch = stream.next()
    plan.forward(batch)
    const x = new Float32Array(task.T * TRAINED.B)
    gather(task.T, TRAINED.B, batch.bytes!, x)
    return { live: plan.liveFraction(), x, y: Float32Array.from(batch.y!) }
  })
  plan.dispose()
  return found.sort((a, b) => a.live - b.live)[(CANDIDATES - 1) / 2]!
}

/** What every library does after the backward pass. The rate is so low that the weights stay what they are. */
export const OPTIMIZER: Adam = adam({ lr: 1e-9 })
export const CLIP: Clip = clipNorm(1)

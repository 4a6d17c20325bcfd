/** What is around the kernels: the real training loop on real digits, and streaming one step at a time. */
import type { Engine } from '../src/backend/backend.ts'
import { createModel, type Model, type Task, train } from '../src/index.ts'
import { forwardJob, timed } from './job.ts'
import { repeat } from './measure.ts'
import type { Problem } from './problems.ts'
import { modelInput } from './problems.ts'
import type { Loop, Streaming } from './results.ts'
import { CLIP, OPTIMIZER } from './trained.ts'

/** Iterations a step record covers here: the loop's own default for a run of this project's length. */
const WINDOW = 10

/**
 * Pixel MNIST in `train()` as the command runs it: batch assembly, forward, loss, backward, clip, update, metrics.
 * Everything but the recurrence's two kernels is what is around them. Of both the fastest window counts.
 */
export async function loopOf(backend: Engine, model: Model, task: Task, seconds: number): Promise<Loop> {
  const { backend: watched, watch } = timed(backend, { dense: false })
  const copy = createModel(model.spec, { backend: watched })
  copy.weights.set(model.weights)
  const windows: { around: number; kernels: number }[] = []
  const end = performance.now() + 1000 * seconds
  let before = 0
  const options = {
    batch: 16,
    iterations: 100_000,
    stepEvery: WINDOW,
    evalEvery: 100_000,
    optimizer: OPTIMIZER,
    clip: CLIP,
  }
  for await (const event of train(copy, task, options)) {
    if (event.type !== 'step') continue
    const kernels = watch.ms / WINDOW
    // The record's own rate: nothing of this function is in it.
    if (before++ > 0) windows.push({ around: 1000 / event.iterationsPerSecond - kernels, kernels })
    watch.ms = 0
    if (performance.now() > end && windows.length >= 5) break
  }
  copy.dispose()
  const kernels = Math.min(...windows.map((window) => window.kernels))
  const around = Math.min(...windows.map((window) => window.around))
  return { engine: backend.description, threads: backend.threads, iteration: around + kernels, kernels }
}

const STEPS = 2000

/** One sequence: a step at a time, and a forward pass over all steps. `problem` is S1 with dense weights. */
export function streamingOf(backend: Engine, problem: Problem, seconds: number): Streaming {
  const model = createModel(modelInput(problem), { backend })
  model.weights.set(problem.weights)
  const stepper = model.stepper()
  const steps = repeat(
    () => {
      for (let t = 0; t < STEPS; t++) stepper.step(problem.x[t % problem.T]!)
    },
    { seconds },
  )
  stepper.dispose()
  model.dispose()
  const one = {
    ...problem,
    B: 1,
    x: Float32Array.from({ length: problem.T }, (_, t) => problem.x[t * problem.B]!),
    y: problem.y.subarray(0, 1),
  }
  const job = forwardJob(one, backend)
  const forward = repeat(() => job.run(), { seconds })
  job.dispose()
  return { engine: backend.description, step: (1000 * steps.best) / STEPS, forward: forward.best }
}

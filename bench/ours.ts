/** Our own rows: every backend, instruction set and number of threads that runs here. */
import { availableParallelism } from 'node:os'
import type { Engine as Backend } from '../src/backend/backend.ts'
import { availableBackends, type BackendOptions, createEngine } from '../src/backend/choose.ts'
import { InputError } from '../src/error.ts'
import { checkAnswer } from './answers.ts'
import { type Answer, forwardJob, type Job, timed, trainingJob } from './job.ts'
import { bandwidth, peak, repeat, settledPeak } from './measure.ts'
import { forwardWork, type Problem, work } from './problems.ts'
import type { Engine, Isa, Row } from './results.ts'

export interface Measured {
  readonly backend: Backend
  readonly engine: Engine
}

/**
 * Every backend there is at 1 and 2 threads, best first; where threads are not to be had, one of them.
 * @param isa no instruction set that is wider
 */
export async function engines({ best, isa }: { best: boolean; isa: Isa | undefined }): Promise<Measured[]> {
  const found: Measured[] = []
  for (const options of preferred(held(await availableBackends(), isa), best)) {
    for (const threads of availableParallelism() > 1 ? [1, 2] : [1]) {
      const backend = await createEngine({ ...options, threads }).catch(() => null) // no threads of wasm here
      if (backend?.threads !== threads) continue
      found.push({ backend, engine: measureEngine(backend) })
    }
  }
  return found
}

/** Native sets come widest first. @throws InputError where `isa` is not built or does not run here */
export function held(all: readonly BackendOptions[], isa: Isa | undefined): readonly BackendOptions[] {
  if (isa === undefined) return all
  const native = all.filter(({ name }) => name === 'native')
  const first = native.findIndex(({ instructionSet }) => instructionSet === isa)
  if (first < 0) {
    const here = native.map(({ instructionSet }) => instructionSet).join(', ') || 'none'
    throw new InputError(`--isa: expected native kernels for ${isa} but here are ${here}: npm run build`)
  }
  return [...all.filter(({ name }) => name !== 'native'), ...native.slice(first)]
}

/**
 * The slow reference is for truth, not for speed. `best`: of the native sets and of the wasm modules only the first.
 */
function preferred(all: readonly BackendOptions[], best: boolean): BackendOptions[] {
  const native = all.filter(({ name }) => name === 'native')
  const wasm = all.filter(({ name }) => name === 'wasm')
  return best ? [...native.slice(0, 1), ...wasm.slice(0, 1)] : [...native, ...wasm]
}

export function measureEngine(backend: Backend): Engine {
  const { name, instructionSet, description, threads } = backend
  return {
    engine: description,
    backend: name as 'native' | 'wasm',
    ...(instructionSet && { instructionSet }),
    threads,
    peak: settledPeak(backend),
    bandwidth: bandwidth(backend),
  }
}

/**
 * The loss and gradient that all others are held against: of the first engine, whose kernels the tests hold against
 * float64.
 */
export function truth(problem: Problem, { backend }: Measured): Answer {
  const job = trainingJob(problem, backend)
  job.run()
  const answer = job.answer()
  job.dispose()
  return answer
}

export interface Timed {
  readonly problem: Problem
  readonly truth: Answer
  readonly seconds: number
}

export function trainingRow(measured: Measured, { problem, truth, seconds }: Timed): Row {
  const { backend, watch } = timed(measured.backend, { dense: problem.cell === 'softmax' })
  const row = rowFor(measured, problem, 'training')
  const job = trainingJob(problem, backend)
  const failed = warm(job, truth)
  if (failed) return { ...row, failed }
  const shares: number[] = []
  const result = interleaved(
    () => {
      const before = watch.ms
      const start = performance.now()
      job.run()
      shares.push((watch.ms - before) / (performance.now() - start))
    },
    backend,
    seconds,
  )
  const live = job.live()
  job.dispose()
  shares.sort((a, b) => a - b)
  return {
    ...row,
    ...result,
    gflops: work(problem) / result.ms.best / 1e6,
    kernelShare: shares[shares.length >> 1]!,
    ...(problem.cell === 'relu' && { live }),
  }
}

export function forwardRow(measured: Measured, { problem, truth, seconds }: Timed): Row {
  const row = rowFor(measured, problem, 'forward')
  const job = forwardJob(problem, measured.backend)
  const failed = warm(job, { ...truth, gradNorm: null })
  if (failed) return { ...row, failed }
  const result = interleaved(() => job.run(), measured.backend, seconds)
  job.dispose()
  return { ...row, ...result, gflops: forwardWork(problem) / result.ms.best / 1e6 }
}

function rowFor(
  { engine: { engine, backend, instructionSet, threads } }: Measured,
  { name }: Problem,
  pass: Row['pass'],
): Row {
  return { library: 'irnn', engine, backend, ...(instructionSet && { instructionSet }), threads, problem: name, pass }
}

/** Two runs, so that memory is there; null if the answer is right. */
function warm(job: Job, truth: Answer): string | null {
  job.run()
  const wrong = checkAnswer(job.answer(), truth)
  job.run()
  if (wrong) job.dispose()
  return wrong
}

const LEAST_PEAKS = 10

function interleaved(run: () => void, backend: Backend, seconds: number) {
  const peaks: number[] = []
  const ms = repeat(run, {
    seconds,
    least: 4,
    between: () => {
      peaks.push(peak(backend))
    },
  })
  // Slow iterations leave few turns, and one that was disturbed must not stand for the machine.
  while (peaks.length < LEAST_PEAKS) peaks.push(peak(backend))
  return { ms, peak: Math.max(...peaks) }
}

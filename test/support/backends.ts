/** The backends that tests run on: all that run here, or the kernels of a program of their own. */
import type { Engine } from '../../src/backend/backend.ts'
import { availableBackends, createEngine } from '../../src/backend/choose.ts'
import { referenceBackend } from '../../src/backend/reference/index.ts'
import { hostedBackend } from './hosted.ts'

export interface Named {
  readonly label: string
  readonly backend: Engine
}

/** HostOptions in JSON, from scripts/check-kernels.mjs: kernels of that program take the place of every backend's. */
const HOST = process.env.IRNN_KERNEL_HOST

/** Every backend and instruction set that runs here but the reference, on so many threads. */
export async function kernelBackends(threads: number): Promise<Named[]> {
  if (HOST !== undefined) return [{ label: 'hosted', backend: hostedBackend(JSON.parse(HOST), threads) }]
  const options = (await availableBackends()).filter(({ name }) => name !== 'reference')
  return Promise.all(
    options.map(async ({ name, instructionSet }) => {
      return { label: `${name} ${instructionSet}`, backend: await createEngine({ name, instructionSet, threads }) }
    }),
  )
}

/** Made once for a test file. */
export const backends: readonly Named[] = [
  ...(HOST === undefined ? [{ label: 'reference', backend: referenceBackend() }] : []),
  ...(await kernelBackends(2)),
]

/** The most that `actual` is off `expected`, as a share of the largest magnitude in `expected`. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY
  let largest = 0
  let off = 0
  for (let i = 0; i < expected.length; i++) {
    largest = Math.max(largest, Math.abs(expected[i]!))
    const difference = Math.abs(actual[i]! - expected[i]!)
    off = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : Math.max(off, difference)
  }
  return off === 0 ? 0 : off / largest
}

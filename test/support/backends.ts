/** Every backend that runs here, made once for a test file. */
import type { Backend } from '../../src/backend/backend.ts'
import { availableBackends, createBackend } from '../../src/backend/choose.ts'

export interface Named {
  readonly label: string
  readonly backend: Backend
}

export const backends: readonly Named[] = await Promise.all(
  (await availableBackends()).map(async (options) => {
    const { name, instructionSet } = options
    const label = instructionSet ? `${name} ${instructionSet}` : String(name)
    return { label, backend: await createBackend({ ...options, ...(name !== 'reference' && { threads: 2 }) }) }
  }),
)

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

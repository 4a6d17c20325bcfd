/** What a machine may refuse, memory and threads, in the same words on every backend. */
import type { BackendName } from './backend.ts'

/**
 * What `make` makes of so many bytes.
 * @throws RangeError, in one line, where the machine has no room for them
 */
export function withRoom<A>(backend: BackendName, bytes: number, make: () => A): A {
  try {
    return make()
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new RangeError(
      `${backend} memory: expected room for ${mib(bytes)} but the system has less: use a smaller batch, fewer steps ` +
        'or fewer units',
    )
  }
}

export function mib(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)} MiB`
}

/**
 * A number of threads for people: `4 threads`; where they are fewer than was wanted, with the reason and the remedy.
 * @param why what the system said, if it said something
 */
export function saidThreads(threads: number, wanted: number, why = ''): string {
  const count = `${threads} thread${threads === 1 ? '' : 's'}`
  if (threads === wanted) return count
  const remedy = 'use fewer, or raise its limit on processes (ulimit -u, pids of a container) or memory'
  return `${count} (threads: expected ${wanted} but the system gave ${threads}${why && ` (${why})`}: ${remedy})`
}

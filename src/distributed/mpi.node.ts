/** A group of ranks on MPI, as mpirun or srun starts them. */
import { createRequire } from 'node:module'
import type { Floats } from '../backend/backend.ts'
import { InputError } from '../error.ts'
import { mpiAddon } from './build.node.ts'
import { type Group, type Rows, stopFlag } from './group.ts'
import { refuseBareSrun } from './launched.node.ts'

/** What mpi/mpi.cc has. */
interface Addon {
  init(limit: number): { rank: number; size: number; here: number; library: string }
  sumTree(array: Floats): void
  allreduce(array: Floats): void
  /** @param apart leaves the place of this rank's own as it is */
  gather(from: ArrayBufferView, counts: Int32Array, into: ArrayBufferView, apart?: boolean): void
  broadcast(array: ArrayBufferView): void
  close(): void
}

/** A group, and where it runs. */
export interface MpiGroup extends Group {
  /** Ranks on this machine. */
  readonly here: number
  /** What the MPI says of itself. */
  readonly library: string
  /** The sum as MPI orders it, for comparison. */
  allreduce(array: Floats): void
}

/** Seconds that a rank waits for the others, unless told otherwise: the slowest may be saving a large model. */
export const RANK_TIMEOUT = 300

/** Bytes of one message: MPI counts them in an int. */
const AT_ONCE = 2 ** 30

/**
 * Joins the ranks that were started together; of a process that was started alone, a group of one.
 * @param timeout seconds that a rank waits for the others in one call before it ends the process with 75
 * @throws InputError where there is no MPI, or it cannot be used
 */
export function joinMpi({
  timeout = RANK_TIMEOUT,
  building,
}: {
  timeout?: number | undefined
  building?: () => void
} = {}): MpiGroup {
  refuseBareSrun()
  const file = mpiAddon(building)
  let addon: Addon
  try {
    addon = createRequire(import.meta.url)(file) as Addon
  } catch (error) {
    const why = (error as Error).message.split('\n')[0]
    throw new InputError(`mpi: the add-on cannot be loaded: ${why}: delete ${file}, and call irnn mpi build`)
  }
  return groupOf(addon, addon.init(timeout))
}

function groupOf(addon: Addon, { rank, size, here, library }: ReturnType<Addon['init']>): MpiGroup {
  const counts = new Int32Array(size)
  const even = new Int32Array(size).fill(1)
  const own = new Int32Array(1)
  /** How much each rank has. */
  const countsOf = (n: number): Int32Array => {
    own[0] = n
    addon.gather(own, even, counts)
    return counts
  }
  return {
    rank,
    size,
    here,
    library,
    stop: stopFlag(size),
    sumTree: (array) => addon.sumTree(array),
    allreduce: (array) => addon.allreduce(array),
    gatherRows(count, width, from: Rows, into: Rows) {
      const rows = countsOf(count).slice()
      addon.gather(from.rows.subarray(0, count), rows, into.rows, true)
      const numbers = rows.map((n) => n * width)
      addon.gather(from.values.subarray(0, count * width), numbers, into.values, true)
      return [...rows]
    },
    gather(bytes) {
      const lengths = countsOf(bytes.length).slice()
      const all = new Uint8Array(lengths.reduce((sum, n) => sum + n, 0))
      addon.gather(bytes, lengths, all)
      let at = 0
      return Array.from(lengths, (n) => {
        at += n
        return all.subarray(at - n, at)
      })
    },
    broadcast(bytes) {
      const length = Float64Array.of(bytes?.length ?? 0)
      addon.broadcast(length)
      const all = bytes ?? new Uint8Array(length[0]!)
      for (let at = 0; at < all.length; at += AT_ONCE) addon.broadcast(all.subarray(at, at + AT_ONCE))
      return all
    },
    close: () => addon.close(),
  }
}

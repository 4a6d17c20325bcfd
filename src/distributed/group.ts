/**
 * The ranks that train one network together: each computes some parts of every minibatch, all hold the same weights. A
 * group knows nothing of networks. Every call but that of a flag is made by all ranks in the same order, and waits for
 * the others.
 */
import type { Floats } from '../backend/backend.ts'

/** Processes that work together; `rank` is this one. */
export interface Group {
  /** 0 … size-1 */
  readonly rank: number
  readonly size: number
  /** Whether the run shall stop. */
  readonly stop: StopFlag
  /**
   * Sums an array over all ranks, in place, as a balanced binary tree, ((0+1)+(2+3))+…: the same bits on every rank.
   * The number of ranks is a power of two.
   */
  sumTree(array: Floats): void
  /**
   * Gathers the first `count` rows of every other rank, rank by rank, in `into`, which has room for all. The place of
   * this rank's own is left as it is: they need not be copied.
   * @returns how many rows each rank gave
   */
  gatherRows(count: number, width: number, from: Rows, into: Rows): readonly number[]
  /** What each rank gives, by rank. */
  gather(bytes: Uint8Array): Uint8Array[]
  /** What rank 0 gives; the others give nothing. */
  broadcast(bytes: Uint8Array | null): Uint8Array
  /** Ends the group, when all ranks are here. */
  close(): void
}

/** Numbers of rows, and the rows [count,width]. */
export interface Rows {
  readonly rows: Int32Array
  readonly values: Floats
}

/** Any rank may raise it; all see it as agreed after the same iteration. */
export interface StopFlag {
  raised: boolean
  readonly agreed: boolean
  /** Called by all ranks with what they found out together. */
  agree(any: boolean): void
}

/** Of one process alone, what it raises is agreed at once. */
export function stopFlag(size: number): StopFlag {
  let agreed = false
  return {
    raised: false,
    get agreed() {
      return size === 1 ? this.raised : agreed
    },
    agree(any) {
      agreed = any
    },
  }
}

/** One process alone. */
export function solo(): Group {
  return {
    rank: 0,
    size: 1,
    stop: stopFlag(1),
    sumTree: () => {},
    gatherRows: (count) => [count],
    gather: (bytes) => [bytes],
    broadcast: (bytes) => bytes!,
    close: () => {},
  }
}

/**
 * Calls `add(i, j)` for each node of a balanced binary tree over 0 … n-1, the lowest first: i becomes i + j. In the
 * end 0 is the sum. The one place that says what is added to what; mpi/mpi.cc does the same over ranks.
 * @param n a power of two
 */
export function inTree(n: number, add: (i: number, j: number) => void): void {
  for (let half = 1; half < n; half *= 2) {
    for (let i = 0; i + half < n; i += 2 * half) add(i, i + half)
  }
}

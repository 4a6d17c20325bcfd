/** Bytes of requests and answers in memory, which many slow clients could make many. */
import type { Limits } from './limits.ts'

/** Bodies that are read. */
export interface Pool {
  readonly bytes: number
  add(bytes: number): void
  /** Whether so many more fit. */
  fits(bytes: number): boolean
}

export function createPool({ maxBodies }: Limits): Pool {
  let held = 0
  return {
    get bytes() {
      return held
    },
    add(bytes) {
      held += bytes
    },
    fits: (bytes) => held + bytes <= maxBodies,
  }
}

/** Answers that are not read yet. */
export interface Unread {
  readonly bytes: number
  /**
   * Counts an answer until the function that is returned is called. Where all are more than fit, the connections of the
   * oldest are cut, for their readers are the slowest.
   */
  hold(bytes: number, cut: () => void): () => void
}

export function createUnread({ maxBodies }: Limits): Unread {
  const held = new Map<() => void, number>() // the oldest first
  let total = 0
  return {
    get bytes() {
      return total
    },
    hold(bytes, cut) {
      const release = (one: () => void) => {
        total -= held.get(one) ?? 0
        held.delete(one)
      }
      for (const [oldest] of held) {
        if (total + bytes <= maxBodies) break
        release(oldest) // now: a connection that is cut closes later
        oldest()
      }
      held.set(cut, bytes)
      total += bytes
      return () => release(cut)
    },
  }
}

/** The records of a run that are neither steps nor probes, in their order. */
import type { LogRecord } from './record.ts'

export interface Events {
  readonly list: readonly LogRecord[]
  /** Returns whether there was room for it. */
  push(record: LogRecord): boolean
  /** Drops evaluations from an iteration on: the next one has that iteration. They are in the list until `sweep`. */
  dropEvals(iteration: number): void
  /** Takes out of the list what was dropped. A file may go back at every line: once for many lines is enough. */
  sweep(): void
}

export function createEvents(most: number): Events {
  let list: LogRecord[] = []
  const dropped = new Set<LogRecord>()
  /** Where evaluations are in the list: their iterations grow. */
  let evalsAt: number[] = []
  return {
    get list() {
      return list
    },
    push(record) {
      if (list.length - dropped.size >= most) return false
      if (record.type === 'eval') evalsAt.push(list.length)
      list.push(record)
      return true
    },
    dropEvals(iteration) {
      for (let at = evalsAt.at(-1); at !== undefined && list[at]!.iteration >= iteration; at = evalsAt.at(-1)) {
        dropped.add(list[at]!)
        evalsAt.pop()
      }
    },
    sweep() {
      if (dropped.size === 0) return
      list = list.filter((one) => !dropped.has(one))
      evalsAt = list.flatMap(({ type }, i) => (type === 'eval' ? [i] : []))
      dropped.clear()
    },
  }
}

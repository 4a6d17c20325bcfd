/** `irnn sweep status`, `results` and `cancel`, of a sweep with or without a queue. */
import { readSweepFolder } from '../src/sweep/folder.ts'
import { cancelQueued, collect, countsOf } from '../src/sweep/queue.ts'
import { cancelSweep, flagsOf, type ResultsFlags, sweepResults, sweepStatus } from './sweep.ts'
import { type QueueFlags, withQueue } from './sweepQueue.ts'

export type QueuedStatus = QueueFlags & { readonly json?: boolean }
export type QueuedResults = QueueFlags & ResultsFlags

/** As sweepStatus, after the results that wait in the queue were taken. */
export function statusOn(dir: string, flags: QueuedStatus): Promise<number> {
  const folder = readSweepFolder(dir, flagsOf)
  return withQueue(dir, flags, async (queue) => {
    if (!queue) return sweepStatus(dir, flags)
    await collect(folder, queue)
    return sweepStatus(dir, flags, await countsOf(queue))
  })
}

/** As sweepResults, after those that wait in the queue were taken. */
export function resultsOn(dir: string, flags: QueuedResults): Promise<number> {
  const folder = readSweepFolder(dir, flagsOf)
  return withQueue(dir, flags, async (queue) => {
    if (queue) await collect(folder, queue)
    return sweepResults(dir, flags)
  })
}

/** As cancelSweep, and workers hear of it. */
export function cancelOn(dir: string, flags: QueueFlags): Promise<number> {
  readSweepFolder(dir, flagsOf)
  return withQueue(dir, flags, async (queue) => {
    if (queue) await cancelQueued(queue)
    return cancelSweep(dir)
  })
}

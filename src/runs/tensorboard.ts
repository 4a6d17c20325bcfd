/** The loop's events as TensorBoard's scalars: what rises or falls with the iterations. */

import { encodeFileVersion, encodeScalars, wholeRecords } from '../formats/tfevents.ts'
import type { TrainEvent } from '../train/events.ts'

/** The name TensorBoard looks for. */
export const BOARD = 'events.out.tfevents'

/** A record for its file; null if the event has no numbers to draw. @param wallTime seconds since 1970 */
export function boardRecord(event: TrainEvent, wallTime: number): Uint8Array | null {
  if (event.type === 'eval') {
    const named = (set: string, score: object | undefined) =>
      Object.entries(score ?? {}).map(([name, value]) => [`${set}/${name}`, value as number] as const)
    const scalars = [...named('test', event.test), ...named('held-out', event.heldOut)]
    return encodeScalars(wallTime, event.iteration, Object.fromEntries(scalars))
  }
  if (event.type !== 'step') return null
  const { loss, gradNorm, clippedShare, liveShare, lr, iterationsPerSecond } = event
  return encodeScalars(wallTime, event.iteration, {
    'train/loss': loss.mean,
    'train/loss_max': loss.max,
    'train/gradient_norm': gradNorm.mean,
    ...(clippedShare !== null && { 'train/clipped_share': clippedShare }),
    'train/live_share': liveShare,
    'train/learning_rate': lr,
    'speed/iterations_per_second': iterationsPerSecond,
  })
}

/**
 * The event file of a run that has these records: what `file` holds of them, with the times at which they were written.
 * Where it does not have them all, it is made anew, as if the run had not rested.
 * @param now seconds since 1970
 */
export function boardOf(file: Uint8Array, events: readonly TrainEvent[], now: number): Uint8Array {
  const began = now - (events.at(-1)?.seconds ?? 0)
  const made = events.flatMap((event) => boardRecord(event, began + event.seconds) ?? [])
  const held = wholeRecords(file).slice(0, 1 + made.length)
  return Buffer.concat(held.length === 1 + made.length ? held : [encodeFileVersion(began), ...made])
}

/**
 * How often a network is right about a frame: of its states, and of its phones folded to 48 and to 39 (Lee & Hon 1989).
 * The answer to a frame is its most probable state, and the phone of that state.
 */
import { refuseNoObject, refuseUnless } from '../../error.ts'
import { lengthOf } from '../../model/values.ts'
import type { Scorer } from '../../task.ts'
import { refuseNoStates, type StateSet } from './targets.ts'
import { FOLD_39, FOLD_48 } from './timit.ts'

/** Error rates over the frames that were added. */
export interface PhoneErrors {
  /** Frames that count: those with a state. */
  readonly frames: number
  /** Shares of them that are wrong. */
  readonly states: number
  readonly phones48: number
  readonly phones39: number
  readonly confusion: {
    /** The 39 phones, sorted. */
    readonly labels: readonly string[]
    /** [39,39] frames of the phone of the row that were taken for the phone of the column. */
    readonly counts: Int32Array
  }
}

/** Counts right and wrong frames, batch after batch. */
export type PhoneScore = Scorer<PhoneErrors>

/** A score over batches of a task of phones with these states. It is at 0 frames. */
export function createPhoneScore(set: StateSet): PhoneScore {
  refuseNoStates('createPhoneScore', set)
  const { states, phoneOf } = set
  const labels = [...new Set(FOLD_39)].sort()
  const column = Int32Array.from(phoneOf, (phone) => labels.indexOf(FOLD_39[phone]!))
  const of48 = Array.from(phoneOf, (phone) => FOLD_48[phone]!)
  const counts = new Int32Array(labels.length ** 2)
  let frames = 0
  let wrong = 0
  let wrong48 = 0
  return {
    add(batch, logits) {
      refuseNoObject('score: batch', batch)
      const { T, B, y, lengths } = batch
      const areThere = typeof y?.length === 'number' && y.length >= T * B
      refuseUnless(areThere, 'score: batch: y', 'a state for each frame', y)
      refuseUnless(lengthOf('score: logits', logits) >= T * B * states, 'score', 'logits of each frame', logits)
      for (let n = 0; n < T * B; n++) {
        const truth = y![n]!
        if (truth < 0 || (lengths && Math.floor(n / B) >= lengths[n % B]!)) continue
        const answer = mostProbable(logits, n * states, states)
        frames += 1
        if (answer !== truth) wrong += 1
        if (of48[answer] !== of48[truth]) wrong48 += 1
        counts[column[truth]! * labels.length + column[answer]!]! += 1
      }
    },
    result() {
      let right39 = 0
      for (let i = 0; i < labels.length; i++) right39 += counts[i * labels.length + i]!
      const share = (n: number) => n / frames
      const confusion = { labels, counts: counts.slice() }
      return { frames, states: share(wrong), phones48: share(wrong48), phones39: share(frames - right39), confusion }
    },
  }
}

/** The first of equals among the `states` logits from `at` on. */
export function mostProbable(logits: ArrayLike<number>, at: number, states: number): number {
  let best = 0
  for (let k = 1; k < states; k++) if (logits[at + k]! > logits[at + best]!) best = k
  return best
}

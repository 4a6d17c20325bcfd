/**
 * What each frame of speech is to be called: 60 phones × 3 states, the thirds of a segment in time, which is the
 * paper's 180; or Kaldi's alignment of the same utterance. A frame is what its middle sample is.
 */
import { InputError, refuseNoObject, refuseUnless, shown } from '../../error.ts'
import { SETTINGS } from '../../features/mel.ts'
import type { Segment } from '../../formats/phn.ts'
import { lengthOf } from '../../model/values.ts'
import { PHONES } from './timit.ts'

/** States of a phone: its beginning, middle and end. */
export const PHONE_STATES = 3

/** The classes a network tells apart. */
export interface StateSet {
  readonly kind: 'phones' | 'alignments'
  readonly states: number
  /** [states] the phone of each, by its index in PHONES. */
  readonly phoneOf: Int32Array
}

/** A day of speech. */
const MOST_FRAMES = 8_640_000
const isCount = (n: unknown): boolean => Number.isInteger(n) && (n as number) >= 0 && (n as number) <= MOST_FRAMES

/** @throws InputError unless it says a phone of each of its states */
export function refuseNoStates(what: string, set: StateSet): void {
  refuseNoObject(what, set)
  const { states, phoneOf } = set
  refuseUnless(isCount(states), `${what}: states`, 'a whole number', states)
  const each = lengthOf(`${what}: phoneOf`, phoneOf) === states
  refuseUnless(each, `${what}: phoneOf`, `the phone of each of ${states} states`, phoneOf)
}

/** State 3 p + k is the third k of phone p. */
export const THIRDS: StateSet = {
  kind: 'phones',
  states: PHONES.length * PHONE_STATES,
  phoneOf: Int32Array.from({ length: PHONES.length * PHONE_STATES }, (_, state) => Math.floor(state / PHONE_STATES)),
}

const INDEX: ReadonlyMap<string, number> = new Map(PHONES.map((phone, index) => [phone, index]))
const MIDDLE = SETTINGS.window / 2

/** The state of every frame; -1 (does not count) in q, between segments, and after the last one. */
export function frameStates(segments: readonly Segment[], frames: number): Int32Array {
  const areSegments =
    Array.isArray(segments) &&
    Array.from(segments).every((one) => typeof one?.start === 'number' && typeof one.end === 'number')
  refuseUnless(areSegments, 'frameStates: segments', 'an array of {start, end, phone}', segments)
  refuseUnless(isCount(frames), 'frameStates: frames', `a whole number, at most ${MOST_FRAMES}`, frames)
  const states = new Int32Array(frames).fill(-1)
  let s = 0
  for (let f = 0; f < frames; f++) {
    const at = f * SETTINGS.shift + MIDDLE
    while (s < segments.length && segments[s]!.end <= at) s++
    if (s === segments.length) break
    const { start, end, phone } = segments[s]!
    const index = INDEX.get(phone)
    if (at < start || index === undefined) continue
    states[f] = PHONE_STATES * index + Math.floor((PHONE_STATES * (at - start)) / (end - start))
  }
  return states
}

/**
 * The alignment of an utterance, which Kaldi calls speaker_sentence.
 * @throws InputError if there is none, or it has another number of frames
 */
export function alignedStates(
  alignments: ReadonlyMap<string, Int32Array>,
  { speaker, sentence, file }: { speaker: string; sentence: string; file: string },
  frames: number,
): Int32Array {
  const name = `${speaker}_${sentence}`
  const states = alignments.get(name)
  if (!states) {
    throw new InputError(
      `${file}: expected an alignment of ${shown(name)} but there is none: give the files of all sets`,
    )
  }
  if (states.length !== frames) {
    throw new InputError(
      `${file}: expected an alignment of ${frames} frames but ${shown(name)} has ${states.length}: align with ` +
        'windows of 25 ms every 10 ms and --snip-edges=true',
    )
  }
  return states
}

/**
 * The states of alignments, 0 … the largest, and of each the phone that it most often stands for: `phones` are the
 * states of the same frames by their segments. One that never occurs where a phone is known counts as silence.
 */
export function alignedSet(states: number, frames: readonly { aligned: Int32Array; phones: Int32Array }[]): StateSet {
  const counts = new Int32Array(states * PHONES.length)
  for (const { aligned, phones } of frames) {
    for (let f = 0; f < aligned.length; f++) {
      if (phones[f]! >= 0) counts[aligned[f]! * PHONES.length + THIRDS.phoneOf[phones[f]!]!]! += 1
    }
  }
  const phoneOf = Int32Array.from({ length: states }, (_, state) => {
    const row = counts.subarray(state * PHONES.length, (state + 1) * PHONES.length)
    const most = Math.max(...row)
    return most > 0 ? row.indexOf(most) : INDEX.get('h#')!
  })
  return { kind: 'alignments', states, phoneOf }
}

/**
 * Phones of speech, frame by frame (Le, Jaitly & Hinton 2015, section 4.4): 120 numbers every 10 ms, and for each frame
 * one of 180 states. Utterances of like lengths make a minibatch, so that little of it is padding. What is kept of an
 * utterance are its 40 filters; Δ and ΔΔ are made as a minibatch is filled, in 0.6 µs a frame: the 3.8 h of TIMIT's
 * sets are 0.2 GB so, and would be 0.7.
 */

import type { Batch, Normalisation } from '../../batch.ts'
import { checked, refuseNoObject, refuseUnless, refuseWithout } from '../../error.ts'
import { SETTINGS } from '../../features/mel.ts'
import { deltas, FEATURES } from '../../features/speech.ts'
import { permutation, rng } from '../../rng.ts'
import * as z from '../../schema.ts'
import { refusingBatches, type Stream, type StreamState, type Task } from '../../task.ts'
import { refuseOther } from '../definition.ts'
import { createPhoneScore } from './score.ts'
import { refuseNoStates, type StateSet, THIRDS } from './targets.ts'

const N = SETTINGS.filters

/** Utterances, one after the other. */
export interface SpeechSet {
  /** [utterances + 1] the first frame of each, and the end. */
  readonly starts: Int32Array
  /** [frames,40] */
  readonly mel: Float32Array
  /** [frames] the state, or -1. */
  readonly targets: Int32Array
}

/** Speech with a state for each frame, in three sets. */
export interface PhoneCorpus {
  /** The start of a SHA-256 of all features and targets: what a stored run knows its data by. */
  readonly id: string
  readonly train: SpeechSet
  readonly dev: SpeechSet
  readonly test: SpeechSet
  readonly set: StateSet
  /** Mean and deviation of the 120 features over `train`. */
  readonly normalisation: Normalisation
}

/** Options of a task of phones. */
export interface PhoneOptions {
  /** Seeds the order of training. */
  seed: number
}

const schema: z.Schema<PhoneOptions> = z.strictObject({ seed: z.int().min(0) })

/**
 * Frames of the corpus. Batches are x [T,B,120], lengths [B] and y [T,B], -1 where a frame has no state; T is the
 * length of the longest of the batch. The held-out set are the dev speakers, the test set those of the core test.
 * @throws InputError for options that make no sense
 */
export function phones(input: Partial<PhoneOptions> & { corpus: PhoneCorpus }): Task {
  refuseWithout('phones', input, 'corpus', ['train', 'dev', 'test', 'set', 'normalisation'])
  const { corpus, ...options } = input
  const { seed } = checked(schema, { seed: 1, ...options }, 'phones')
  const { train, dev, test, set, normalisation } = corpus
  for (const [name, one] of Object.entries({ train, dev, test })) {
    refuseNoSpeech(`phones: ${name}`, one)
    const each =
      Object.prototype.toString.call(one.targets) === '[object Int32Array]' && one.targets.length * N === one.mel.length
    refuseUnless(each, `phones: ${name}: targets`, 'an Int32Array of a state for each frame', one.targets)
  }
  refuseNoStates('phones: set', set)
  const T = Math.max(...[train, dev, test].map(({ starts }) => Math.max(...lengthsOf(starts))))
  const trainSize = sizeOf(train)
  return refusingBatches({
    name: 'phones',
    options: { corpus: corpus.id, targets: set.kind, seed },
    T,
    input: { size: FEATURES },
    head: { kind: 'classification', size: set.states, steps: 'every' },
    metric: 'frameError',
    normalisation,
    baseline: { name: 'the most frequent state', value: mostFrequent(train, test, set.states) },
    trainSize,
    testSize: sizeOf(test),
    train(B) {
      return bucketStream(train, B, seed)
    },
    test: (B) => inOrder(test, B),
    heldOut: (B) => inOrder(dev, B),
    scorer: () => createPhoneScore(set),
  })
}

/** The task of a stored run. @throws InputError when corpus or targets are others */
export function reopenPhones({ corpus: id, targets, ...options }: Task['options'], corpus: PhoneCorpus): Task {
  const remedy = targets === THIRDS.kind ? 'remove --alignments' : 'give --alignments with the same files'
  refuseOther('phones: expected the targets', targets, corpus.set.kind, remedy)
  refuseOther('phones: expected the corpus', id, corpus.id, 'give --data DIR with the same files')
  return phones({ ...options, corpus })
}

function sizeOf({ starts }: SpeechSet): number {
  return starts.length - 1
}

function lengthsOf(starts: Int32Array): Int32Array {
  return Int32Array.from({ length: starts.length - 1 }, (_, i) => starts[i + 1]! - starts[i]!)
}

/** The frame error of always answering what is most frequent in train. */
function mostFrequent(train: SpeechSet, test: SpeechSet, states: number): number {
  const counts = (targets: Int32Array) => {
    const counted = new Int32Array(states)
    for (const state of targets) if (state >= 0) counted[state]! += 1
    return counted
  }
  const known = counts(train.targets)
  const asked = counts(test.targets)
  const all = asked.reduce((sum, n) => sum + n, 0)
  return 1 - asked[known.indexOf(Math.max(...known))]! / all
}

function* inOrder(set: SpeechSet, B: number): Iterable<Batch> {
  const order = byLength(
    Int32Array.from({ length: sizeOf(set) }, (_, i) => i),
    lengthsOf(set.starts),
  )
  const fill = filler(set)
  for (let at = 0; at < order.length; at += B) yield fill(order.subarray(at, at + B))
}

/** Sorted by length; utterances of equal length keep their order. */
function byLength(order: Int32Array, lengths: Int32Array): Int32Array {
  return Int32Array.from(Array.from(order).sort((a, b) => lengths[a]! - lengths[b]!))
}

/**
 * Minibatches that are sorted together. With more of them there is less padding, with fewer more variety between
 * epochs.
 */
const POOL = 32

/**
 * Every utterance once an epoch, in minibatches of B (the last has what is left). An epoch's shuffled utterances are
 * sorted by length in pools of 32 minibatches, and the minibatches are shuffled again. All of it follows from (seed,
 * epoch). With minibatches of 16 from `irnn data speech`, 2.6 % of all frames are padding; with lengths left to chance
 * 34 %.
 */
function bucketStream(set: SpeechSet, B: number, seed: number): Stream {
  const lengths = lengthsOf(set.starts)
  const count = Math.ceil(lengths.length / B)
  const fill = filler(set)
  let now: StreamState = { epoch: 0, position: 0 }
  let batches = shuffle(0)
  function shuffle(epoch: number): Int32Array[] {
    const generator = rng(seed, `phones/order/epoch ${epoch}`)
    const order = permutation(lengths.length, generator)
    const list: Int32Array[] = []
    for (let pool = 0; pool < order.length; pool += POOL * B) {
      const sorted = byLength(order.subarray(pool, pool + POOL * B), lengths)
      for (let at = 0; at < sorted.length; at += B) list.push(sorted.subarray(at, at + B))
    }
    return Array.from(permutation(list.length, generator), (i) => list[i]!)
  }
  return {
    next() {
      if (now.position === count) {
        now = { epoch: now.epoch + 1, position: 0 }
        batches = shuffle(now.epoch)
      }
      const batch = fill(batches[now.position]!)
      now = { ...now, position: now.position + 1 }
      return batch
    },
    get epoch() {
      return now.position === count ? now.epoch + 1 : now.epoch
    },
    getState: () => now,
    setState(state) {
      const good = checked<StreamState>(
        z.strictObject({ epoch: z.int().min(0), position: z.int().min(0).max(count) }),
        state,
        'stream state',
      )
      if (good.epoch !== now.epoch) batches = shuffle(good.epoch)
      now = good
    },
  }
}

/** A function that lays utterances side by side, the shorter ones padded with zeros, always in the same arrays. */
function filler({ starts, mel, targets }: SpeechSet): (utterances: Int32Array) => Batch {
  let x = new Float32Array(0)
  let y = new Int32Array(0)
  return (utterances) => {
    const B = utterances.length
    const lengths = Int32Array.from(utterances, (i) => starts[i + 1]! - starts[i]!)
    const T = Math.max(...lengths)
    if (x.length < T * B * FEATURES) {
      x = new Float32Array(T * B * FEATURES)
      y = new Int32Array(T * B)
    }
    x.fill(0, 0, T * B * FEATURES)
    y.fill(-1, 0, T * B)
    for (const [b, i] of utterances.entries()) {
      const stream = deltas((row, t) => x.set(row, (t * B + b) * FEATURES))
      for (let f = starts[i]!; f < starts[i + 1]!; f++) {
        y[(f - starts[i]!) * B + b] = targets[f]!
        stream.push(mel.subarray(f * N, (f + 1) * N))
      }
      stream.end()
    }
    return { T, B, x: x.subarray(0, T * B * FEATURES), y: y.subarray(0, T * B), lengths }
  }
}

/** @throws InputError unless it has the filters of the frames that it counts */
function refuseNoSpeech(what: string, set: Pick<SpeechSet, 'starts' | 'mel'>): void {
  refuseNoObject(what, set)
  const { starts, mel } = set
  const tag = Object.prototype.toString
  refuseUnless(tag.call(starts) === '[object Int32Array]', `${what}: starts`, 'an Int32Array', starts)
  refuseUnless(tag.call(mel) === '[object Float32Array]', `${what}: mel`, 'a Float32Array', mel)
  const whole = starts.every((start, i) => start >= (starts[i - 1] ?? 0)) && (starts.at(-1) ?? 0) * N === mel.length
  refuseUnless(whole, `${what}: mel`, `${N} filters of each frame that starts counts`, mel)
}

/** Mean and deviation of the 120 features over all frames; a feature that never changes is only shifted. */
export function statistics(set: Pick<SpeechSet, 'starts' | 'mel'>): Normalisation {
  refuseNoSpeech('speechNormalisation', set)
  const { starts, mel } = set
  const frames = starts.at(-1)!
  const sum = new Float64Array(FEATURES)
  const squares = new Float64Array(FEATURES)
  const add = (row: Float32Array) => {
    for (let i = 0; i < FEATURES; i++) {
      sum[i]! += row[i]!
      squares[i]! += row[i]! * row[i]!
    }
  }
  for (let i = 0; i + 1 < starts.length; i++) {
    const stream = deltas(add)
    for (let f = starts[i]!; f < starts[i + 1]!; f++) stream.push(mel.subarray(f * N, (f + 1) * N))
    stream.end()
  }
  const mean = Float32Array.from(sum, (value) => value / frames)
  const std = Float32Array.from(squares, (value, i) => {
    const variance = value / frames - (sum[i]! / frames) ** 2
    return variance > 1e-8 ? Math.sqrt(variance) : 1
  })
  return { mean, std }
}

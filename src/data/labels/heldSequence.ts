/**
 * What a stream holds of a sequence, and how the network reads one more step of it: from its state where it reads
 * forwards only, else all steps again.
 */

import type { Plan } from '../../model/plan.ts'
import type { State } from '../../model/state.ts'
import type { Stepper } from '../../model/stepper.ts'
import * as z from '../../schema.ts'
import { answersOf, probabilitiesOf } from './batches.ts'
import type { StepEncoder } from './encode.ts'
import type { SequenceNetwork } from './sequencePredict.ts'
import type { FittedSequences } from './sequenceSchema.ts'

/** What the streams of a run have in common. */
export interface LabelStreams extends SequenceNetwork {
  /** Tells the run: its weights and its schema. */
  readonly run: () => string
  /** Of one sequence, for networks of one direction; whoever uses it sets its state. */
  readonly stepper: () => Stepper
  /** Buffers for one sequence of T steps. */
  readonly plan: (T: number) => Plan
}

/** A sequence so far. */
export interface Held {
  steps: number
  /** The moment of the last record; NaN: none had one. */
  time: number
  /** Numbers that it takes, and how many one more step adds. */
  readonly numbers: number
  readonly more: number
  /**
   * Reads one more step. What throws leaves the sequence as it was.
   * @param cells [columns] numbers, NaN: missing; of categories words, null: missing
   * @returns probabilities; those that are asked for are the last
   */
  push(cells: readonly (number | string | null)[]): Float64Array
  state(id: string): HeldState
}

/** What all sequences of a stream have in common. */
export interface Shared {
  readonly run: LabelStreams
  readonly fitted: FittedSequences
  readonly encoder: StepEncoder
}

const numbers = z.array(z.number()).max(100_000_000)
/** A sequence of a stream's state. */
export const HELD_STATE = z.strictObject({
  id: z.string().max(100_000),
  steps: z.int().min(1),
  time: z.number().nullable(),
  last: numbers,
  /** Of one direction. */
  before: z.strictObject({ h: numbers, c: numbers.nullable() }).nullable(),
  frame: numbers,
  logits: numbers,
  /** Of both. */
  values: numbers,
  tokens: z.array(z.int().min(0)).max(100_000_000),
})

export type HeldState = z.infer<typeof HELD_STATE>

/** What a sequence takes beside its arrays. */
const OVERHEAD = 64

export function heldSequence(shared: Shared): Held {
  const { model, schema } = shared.run
  const forwards = !model.spec.rnn.bidirectional && schema.layout === 'rows'
  return forwards ? new ForwardSequence(shared) : new WholeSequence(shared)
}

/** @throws what `refuse` throws, for a state that such a run does not make */
export function restoredSequence(state: HeldState, shared: Shared, refuse: (what: string) => never): Held {
  const made = heldSequence(shared) as ForwardSequence | WholeSequence
  if (state.last.length !== shared.fitted.columns.length) refuse('last')
  made.steps = state.steps
  made.time = state.time ?? Number.NaN
  made.last = Float64Array.from(state.last)
  made.restore(state, refuse)
  return made
}

/** Read by one direction: it has a state. */
class ForwardSequence implements Held {
  steps = 0
  time = Number.NaN
  last: Float64Array
  /** Before the frame that is being filled; null: the beginning. */
  #before: State | null = null
  #frame: Float32Array
  /** [frames, outputs] where the mean over time is read. */
  #logits = new Float64Array(0)
  readonly #shared: Shared

  constructor(shared: Shared) {
    this.#shared = shared
    this.last = new Float64Array(shared.fitted.columns.length)
    this.#frame = new Float32Array(shared.fitted.frame * shared.encoder.width)
  }

  get numbers(): number {
    const { rnn } = this.#shared.run.model.spec
    const state = 2 * rnn.layers * rnn.hidden
    return OVERHEAD + state + this.#frame.length + this.last.length + this.#logits.length
  }

  get more(): number {
    return this.#room() - this.#logits.length
  }

  /** The length of `#logits` that one more step needs. */
  #room(): number {
    const { run, fitted } = this.#shared
    if (fitted.reading !== 'mean') return 0
    const frames = Math.ceil((this.steps + 1) / fitted.frame)
    return roomFor(frames * run.model.spec.head.size, this.#logits.length)
  }

  push(cells: readonly (number | string | null)[]): Float64Array {
    const { run, fitted, encoder } = this.#shared
    const { frame: F, reading, classes } = fitted
    const { width, vocabulary } = encoder
    const at = this.steps % F
    const last = this.last.slice()
    const frame = this.#frame.slice()
    const token = encoder.put(cells, last, frame, at * width)
    const stepper = run.stepper()
    if (this.#before === null) stepper.resetState()
    else stepper.setState(this.#before)
    const logits = stepper.step(vocabulary === 0 ? frame : width === 0 ? token : { x: frame, tokens: token })
    const isFull = at + 1 === F
    const state = isFull ? stepper.getState() : this.#before
    const frames = Math.ceil((this.steps + 1) / F)
    const outputs = new Float64Array(classes.length)
    if (reading === 'mean') {
      this.#put(logits, frames - 1)
      answersOf({ B: 1, lengths: Int32Array.of(frames) }, this.#logits, fitted, classes.length, outputs, 0)
    } else answersOf({ B: 1, lengths: Int32Array.of(1) }, logits, fitted, classes.length, outputs, 0)
    this.#before = state
    this.#frame = isFull ? frame.fill(0) : frame
    this.last = last
    this.steps++
    return outputs
  }

  /** Of the frame t; what is there of an unfinished frame is written over. */
  #put(logits: ArrayLike<number>, t: number): void {
    if (this.more > 0) this.#logits = copyOf(this.#logits, new Float64Array(this.#room()))
    this.#logits.set(logits, t * logits.length)
  }

  state(id: string): HeldState {
    const { fitted, run } = this.#shared
    const frames = fitted.reading === 'mean' ? Math.ceil(this.steps / fitted.frame) : 0
    return {
      id,
      steps: this.steps,
      time: Number.isNaN(this.time) ? null : this.time,
      last: [...this.last],
      before: this.#before && { h: [...this.#before.h], c: this.#before.c && [...this.#before.c] },
      frame: [...this.#frame],
      logits: [...this.#logits.subarray(0, frames * run.model.spec.head.size)],
      values: [],
      tokens: [],
    }
  }

  restore({ before, frame, logits, values, tokens }: HeldState, refuse: (what: string) => never): void {
    const { fitted, run } = this.#shared
    const frames = fitted.reading === 'mean' ? Math.ceil(this.steps / fitted.frame) : 0
    if (frame.length !== this.#frame.length) refuse('frame')
    if (logits.length !== frames * run.model.spec.head.size) refuse('logits')
    if (values.length + tokens.length > 0) refuse('values')
    if ((before === null) !== this.steps < fitted.frame) refuse('before')
    if (before !== null) {
      run.stepper().setState({ B: 1, ...before })
      this.#before = run.stepper().getState()
    }
    this.#frame = Float32Array.from(frame)
    this.#logits = Float64Array.from(logits)
  }
}

/** Read by both directions: all of its steps are kept, and read again. */
class WholeSequence implements Held {
  steps = 0
  time = Number.NaN
  last: Float64Array
  /** [at least steps, width] */
  #values: Float32Array
  #tokens: Int32Array
  readonly #shared: Shared

  constructor(shared: Shared) {
    this.#shared = shared
    this.last = new Float64Array(shared.fitted.columns.length)
    this.#values = new Float32Array(0)
    this.#tokens = new Int32Array(0)
  }

  get numbers(): number {
    return OVERHEAD + this.last.length + this.#values.length + this.#tokens.length
  }

  get more(): number {
    const { values, tokens } = this.#room()
    return values + tokens - this.#values.length - this.#tokens.length
  }

  /** The lengths that one more step needs. */
  #room(): { values: number; tokens: number } {
    const { width, vocabulary } = this.#shared.encoder
    const count = this.steps + 1
    return {
      values: roomFor(count * width, this.#values.length),
      tokens: roomFor(vocabulary > 0 ? count : 0, this.#tokens.length),
    }
  }

  push(cells: readonly (number | string | null)[]): Float64Array {
    const { run, fitted, encoder } = this.#shared
    const { width, vocabulary } = encoder
    const count = this.steps + 1
    const room = this.#room()
    if (room.values > this.#values.length) this.#values = copyOf(this.#values, new Float32Array(room.values))
    if (room.tokens > this.#tokens.length) this.#tokens = copyOf(this.#tokens, new Int32Array(room.tokens))
    const last = this.last.slice()
    this.#values.fill(0, this.steps * width, count * width)
    const token = encoder.put(cells, last, this.#values, this.steps * width)
    if (vocabulary > 0) this.#tokens[this.steps] = token
    const plan = run.plan(Math.ceil(count / fitted.frame))
    const probabilities = probabilitiesOf(run.model, this.#encoded(count), Int32Array.of(0), fitted, plan)
    this.last = last
    this.steps = count
    return probabilities
  }

  #encoded(count: number) {
    const { width, vocabulary } = this.#shared.encoder
    return {
      width,
      vocabulary,
      starts: Int32Array.of(0, count),
      values: this.#values.subarray(0, count * width),
      tokens: this.#tokens.subarray(0, vocabulary > 0 ? count : 0),
    }
  }

  state(id: string): HeldState {
    const { values, tokens } = this.#encoded(this.steps)
    const time = Number.isNaN(this.time) ? null : this.time
    const own = { id, steps: this.steps, time, last: [...this.last], values: [...values], tokens: [...tokens] }
    return { ...own, before: null, frame: [], logits: [] }
  }

  restore({ before, frame, logits, values, tokens }: HeldState, refuse: (what: string) => never): void {
    const { width, vocabulary } = this.#shared.encoder
    if (before !== null || frame.length + logits.length > 0) refuse('before')
    if (values.length !== this.steps * width) refuse('values')
    if (tokens.length !== (vocabulary > 0 ? this.steps : 0)) refuse('tokens')
    if (tokens.some((token) => token >= vocabulary)) refuse('tokens')
    this.#values = Float32Array.from(values)
    this.#tokens = Int32Array.from(tokens)
    if (!this.#values.every(Number.isFinite)) refuse('values')
  }
}

/** Twice as long as is needed, where an array is too short, so that one that grows is seldom copied. */
function roomFor(needed: number, length: number): number {
  return needed > length ? 2 * needed : length
}

function copyOf<A extends Float64Array | Float32Array | Int32Array>(from: A, to: A): A {
  to.set(from)
  return to
}

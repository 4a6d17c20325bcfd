/**
 * The hidden state of a model as a plain value: `step` returns it and takes it, and a plan can start from it. Its order
 * is PyTorch's (h_n, c_n): layer by layer, forward direction first.
 */
import type { Backend, Floats } from '../backend/backend.ts'
import type { Numbers } from '../batch.ts'
import { InputError, shown } from '../error.ts'
import cells from '../layers/cells.ts'
import type { Direction, States } from '../layers/layer.ts'
import type { ModelSpec } from './spec.ts'
import { checkFloats, lengthOf, putFloats } from './values.ts'

export interface State {
  /** Sequences. */
  readonly B: number
  /** [layers · directions, B, H] */
  readonly h: Floats
  /** The same of c if the cell has a cell state, else null. */
  readonly c: Floats | null
}

/** A state as a person may give it: in arrays of any kind, also from JSON. */
export interface StateInput {
  readonly B: number
  readonly h: Numbers
  readonly c?: Numbers | null | undefined
}

/** An array outside the backend's memory, in the backend's precision. */
export function hostFloats(backend: Backend, n: number): Floats {
  return backend.name === 'reference' ? new Float64Array(n) : new Float32Array(n)
}

/** An array of the same kind. */
function hostFloatsLike(array: Floats, n: number): Floats {
  return array instanceof Float64Array ? new Float64Array(n) : new Float32Array(n)
}

/** Ends the messages that refuse something to bidirectional models. */
export const ONE_WAY: string =
  'a bidirectional model reads the sequence from its end, so it needs all of it: use one direction'

export function zeroState(directions: readonly Direction[]): void {
  for (const { h, c } of directions) {
    h.initial.fill(0)
    c?.initial.fill(0)
  }
}

/**
 * Copies the final states to slot 0. Forward in time, the next batch finds slot 0 in the same place, whatever its T.
 */
export function carryState(directions: readonly Direction[]): void {
  for (const { h, c } of directions) {
    h.initial.set(h.final)
    c?.initial.set(c.final)
  }
}

/**
 * Prepares slot 0 row by row: of B rows those whose `carry` is 1 get their final state, the others 0. `held` is the B
 * of the final states; the next batch may have more rows or fewer. Forward in time only.
 */
export function carryRows(directions: readonly Direction[], carry: Int32Array, B: number, held: number): void {
  for (const { h, c } of directions) {
    carryRowsOf(h, carry, B, held)
    if (c) carryRowsOf(c, carry, B, held)
  }
}

function carryRowsOf({ all, final }: States, carry: Int32Array, B: number, held: number): void {
  const H = final.length / held
  const from = (final.byteOffset - all.byteOffset) / all.BYTES_PER_ELEMENT
  // Slot 0 of carried rows ends before the final states begin. That of new rows may overlap them, so it comes second.
  for (let b = 0; b < B; b++) if (carry[b]) all.copyWithin(b * H, from + b * H, from + (b + 1) * H)
  for (let b = 0; b < B; b++) if (!carry[b]) all.fill(0, b * H, (b + 1) * H)
}

/** A copy of the final states. */
export function readState(backend: Backend, directions: readonly Direction[], B: number): State {
  const join = (finals: readonly Floats[]): Floats => {
    const all = hostFloats(backend, finals.length * finals[0]!.length)
    finals.forEach((final, d) => {
      all.set(final, d * final.length)
    })
    return all
  }
  const h = join(directions.map((direction) => direction.h.final))
  const cells = directions.flatMap((direction) => (direction.c ? [direction.c.final] : []))
  return { B, h, c: cells.length > 0 ? join(cells) : null }
}

/**
 * The states of parts, each of as many rows, as those of all rows, part by part.
 * @param H units of a layer
 */
export function joinedStates(parts: readonly State[], H: number): State {
  const { B: b, c } = parts[0]!
  const B = parts.length * b
  const joined = (of: readonly Floats[]): Floats => {
    const made = hostFloatsLike(of[0]!, of.length * of[0]!.length)
    for (const [p, part] of of.entries()) {
      for (let at = 0; at < part.length; at += b * H)
        made.set(part.subarray(at, at + b * H), at * parts.length + p * b * H)
    }
    return made
  }
  return { B, h: joined(parts.map((part) => part.h)), c: c && joined(parts.map((part) => part.c!)) }
}

/** Rows `from` … `from + b` of a state. @param H units of a layer */
export function stateRows({ B, h, c }: State, from: number, b: number, H: number): State {
  const rows = (all: Floats): Floats => {
    const made = all.slice(0, (all.length / B) * b)
    for (let at = 0; at < made.length; at += b * H) {
      const begin = (at / b) * B + from * H
      made.set(all.subarray(begin, begin + b * H), at)
    }
    return made
  }
  return { B: b, h: rows(h), c: c && rows(c) }
}

/** A copy of the outputs of one layer's directions side by side, [T,B,directions·H], 0 at padded steps. */
export function readOutput(
  backend: Backend,
  directions: readonly Direction[],
  T: number,
  B: number,
  lengths: Int32Array | null,
): Floats {
  const H = T === 0 ? 0 : directions[0]!.h.output.length / (T * B)
  const W = directions.length * H
  const out = hostFloats(backend, T * B * W)
  for (let n = 0; n < T * B; n++) {
    if (lengths && Math.floor(n / B) >= lengths[n % B]!) continue
    directions.forEach(({ h }, d) => {
      out.set(h.output.subarray(n * H, (n + 1) * H), n * W + d * H)
    })
  }
  return out
}

/** Puts 0 in the initial slots of those of B rows whose `carry` is 0. */
export function zeroRows(directions: readonly Direction[], carry: Int32Array, B: number): void {
  for (const { h, c } of directions)
    for (const states of c ? [h, c] : [h]) {
      const H = states.initial.length / B
      for (let b = 0; b < B; b++) if (!carry[b]) states.initial.fill(0, b * H, (b + 1) * H)
    }
}

/** Puts `state` in the initial slots. */
export function writeState(directions: readonly Direction[], state: State): void {
  directions.forEach(({ h, c }, d) => {
    const n = h.initial.length
    h.initial.set(state.h.subarray(d * n, (d + 1) * n))
    c?.initial.set(state.c!.subarray(d * n, (d + 1) * n))
  })
}

/**
 * A copy of a state that was given, in the backend's precision.
 * @throws InputError unless it has the arrays of such a model, finite
 */
export function copyOfState(backend: Backend, spec: ModelSpec, given: StateInput): State {
  if (typeof given !== 'object' || given === null) {
    throw new InputError(`state: expected { B, h, c } but received ${shown(given)}: ${TAKE}`)
  }
  const { B, h, c = null } = given
  if (!Number.isInteger(B) || B < 1)
    throw new InputError(`state: B: expected a whole number >= 1 but received ${shown(B)}`)
  const { hidden, layers, bidirectional } = spec.rnn
  const n = layers * (bidirectional ? 2 : 1) * B * hidden
  const { cellState } = cells[spec.rnn.cell]
  const lengths = { h: lengthOf('state: h', h), c: c === null ? null : lengthOf('state: c', c) }
  if (lengths.h !== n || lengths.c !== (cellState ? n : null)) {
    throw new InputError(
      `state: expected h of ${n} elements (layers·directions·B·H) and c ${cellState ? 'of as many' : 'null'} but ` +
        `received h of ${lengths.h} and c ${lengths.c === null ? 'null' : `of ${lengths.c}`}: ${TAKE}`,
    )
  }
  const copy = (name: string, from: Numbers): Floats => {
    const held = hostFloats(backend, n)
    putFloats(from, held, n)
    checkFloats(`state: ${name}`, from, held, n, 'start without a state')
    return held
  }
  return { B, h: copy('h', h), c: c && copy('c', c) }
}

const TAKE = 'take the state that this model returned'

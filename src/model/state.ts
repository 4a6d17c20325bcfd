/**
 * The hidden state of a model as a plain value: `step` returns it and takes it, and a plan can start from it. Its order
 * is PyTorch's (h_n, c_n): layer by layer, forward direction first.
 */
import type { Backend, Floats } from '../backend/backend.ts'
import { allFinite } from '../batch.ts'
import { InputError } from '../error.ts'
import cells from '../layers/cells.ts'
import type { Direction, States } from '../layers/layer.ts'
import type { ModelSpec } from './spec.ts'

export interface State {
  /** Sequences. */
  readonly B: number
  /** [layers · directions, B, H] */
  readonly h: Floats
  /** The same of c if the cell has a cell state, else null. */
  readonly c: Floats | null
}

/** An array outside the backend's memory, in the backend's precision. */
export function hostFloats(backend: Backend, n: number): Floats {
  return backend.name === 'reference' ? new Float64Array(n) : new Float32Array(n)
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
 * Prepares slot 0 row by row: rows whose `carry` is 1 get their final state, the others 0. `held` is the B of the final
 * states; the next batch may have more rows or fewer. Forward in time only.
 */
export function carryRows(directions: readonly Direction[], carry: Uint8Array, held: number): void {
  for (const { h, c } of directions) {
    carryRowsOf(h, carry, held)
    if (c) carryRowsOf(c, carry, held)
  }
}

function carryRowsOf({ all, final }: States, carry: Uint8Array, held: number): void {
  const H = final.length / held
  const from = (final.byteOffset - all.byteOffset) / all.BYTES_PER_ELEMENT
  // Slot 0 of carried rows ends before the final states begin. That of new rows may overlap them, so it comes second.
  for (let b = 0; b < carry.length; b++) if (carry[b]) all.copyWithin(b * H, from + b * H, from + (b + 1) * H)
  for (let b = 0; b < carry.length; b++) if (!carry[b]) all.fill(0, b * H, (b + 1) * H)
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

/** Puts 0 in the initial slots of the rows whose `carry` is 0. */
export function zeroRows(directions: readonly Direction[], carry: Uint8Array): void {
  for (const { h, c } of directions)
    for (const states of c ? [h, c] : [h]) {
      const H = states.initial.length / carry.length
      for (let b = 0; b < carry.length; b++) if (!carry[b]) states.initial.fill(0, b * H, (b + 1) * H)
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

/** @throws InputError unless `state` has the arrays of such a model, finite */
export function checkState(spec: ModelSpec, { B, h, c }: State): void {
  const { hidden, layers, bidirectional } = spec.rnn
  const length = layers * (bidirectional ? 2 : 1) * B * hidden
  const { cellState } = cells[spec.rnn.cell]
  if (h.length !== length || (cellState ? c?.length !== length : c !== null)) {
    throw new InputError(
      `state: expected h of ${length} elements (layers·directions·B·H) and c ${cellState ? 'of as many' : 'null'} but ` +
        `received h of ${h.length} and c ${c === null ? 'null' : `of ${c?.length}`}: take the state that this model returned`,
    )
  }
  if (!allFinite(h) || (c && !allFinite(c))) {
    throw new InputError('state: expected finite numbers but it holds NaN or Infinity: start without a state')
  }
}

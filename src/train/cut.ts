/** Cuts minibatches into parts of as many sequences each. */
import type { Batch } from '../batch.ts'
import { refuseUnless } from '../error.ts'

type Column = Float32Array | Float64Array | Int32Array
/** Arrays that have a row for each step and sequence. */
type Timed = 'x' | 'tokens' | 'y'

/** Makes part `p` of a batch. Its arrays are filled again by the next call, or are views of those of the batch. */
export type Cut = (batch: Batch, p: number) => Batch

/**
 * @param parts of a whole batch
 * @param steps what the head reads: targets are [B,D] or [T,B,D]
 */
export function cutter(task: string, B: number, parts: number, steps: 'last' | 'every'): Cut {
  const b = B / parts
  const kept: Partial<Record<Timed, Column>> = {}
  /** Rows `from` … `from + b` of [T,B,W] as [T,b,W]. */
  function columns(name: Timed, given: Column, T: number, from: number): Column {
    const W = given.length / (T * B)
    const n = T * b * W
    let held = kept[name]
    if (!held || held.length < n || held.constructor !== given.constructor) {
      held = new (given.constructor as Float32ArrayConstructor)(n) as Column
      kept[name] = held
    }
    for (let t = 0; t < T; t++) {
      const at = (t * B + from) * W
      for (let i = 0; i < b * W; i++) held[t * b * W + i] = given[at + i]!
    }
    return held.length === n ? held : held.subarray(0, n)
  }
  return (batch, p) => {
    const { T, x, bytes, tokens, lengths, carry, y } = batch
    refuseUnless(batch.B === B, `task ${task}: train(): batch: B`, `${B}, to be cut into ${parts} parts,`, batch.B)
    const from = p * b
    const rows = <A extends Column | Uint8Array>(array: A, width = 1) =>
      array.subarray(from * width, (from + b) * width) as A
    const targets = () => (steps === 'last' ? rows(y!, y!.length / B) : columns('y', y!, T, from))
    return {
      T,
      B: b,
      ...(x && { x: columns('x', x, T, from) as Float32Array }),
      ...(bytes && { bytes: { ...bytes, starts: rows(bytes.starts) } }),
      ...(tokens && { tokens: columns('tokens', tokens, T, from) as Int32Array }),
      ...(lengths && { lengths: rows(lengths) }),
      ...(carry && { carry: rows(carry) }),
      ...(y && { y: targets() }),
    }
  }
}

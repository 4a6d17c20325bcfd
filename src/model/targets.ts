/** The targets of a plan's batches: copied into memory of its own, and checked there. */
import type { Floats } from '../backend/backend.ts'
import type { BatchInput, BatchShape } from '../batch.ts'
import { InputError, shown } from '../error.ts'
import type { Memory } from '../layers/layer.ts'
import { misfit } from './inputs.ts'
import type { OutputScale } from './outputScale.ts'
import { checkFloats, checkWhole, fits, lengthOf, putFloats, putWhole } from './values.ts'

/** What the loss expects of y. */
interface Expected {
  /** Targets of a row, for regression. */
  readonly D: number
  /** What a row of each class counts; null: 1. */
  readonly weights: readonly number[] | null
}

export class Targets {
  /** Classification: [B] or [T,B], -1 where there is no target. */
  readonly classes: Int32Array | null
  /** Regression: [B,D] or [T,B,D] in the units of the loss, NaN where there is no target. */
  values: Floats | null
  private readonly arena: Memory
  private readonly scale: OutputScale | null
  /** Targets before they are scaled, which float32 may not tell apart. */
  private given = new Float64Array(0)
  private readonly head: BatchShape['head']
  /** The most rows. */
  private readonly rows: number

  constructor(arena: Memory, { T, B, head }: BatchShape, scale: OutputScale | null) {
    this.arena = arena
    this.scale = scale
    this.rows = head.steps === 'last' ? B : T * B
    this.head = head
    this.classes = head.kind === 'classification' ? arena.ints(this.rows) : null
    this.values = head.kind === 'regression' ? arena.floats(this.rows * head.size) : null
  }

  /**
   * Copies y, and counts what matters of it: rows with a class for classification, each as much as the weight of its
   * class; values for regression; padded steps and what has no target not.
   * @param lengths of the batch, checked; null if all steps count
   * @throws InputError unless y fits
   */
  read({ T, B, y }: BatchInput, lengths: Int32Array | null, { D, weights }: Expected): number {
    const { size: K, steps } = this.head
    const rows = steps === 'last' ? B : T * B
    const letters = steps === 'last' ? 'B' : 'T·B'
    if (y === undefined) throw new InputError('batch: y: expected targets for the loss but received none: add y')
    const length = lengthOf('batch: y', y)
    const padded = steps === 'every' ? lengths : null
    if (this.values) {
      const n = rows * D
      if (length !== n) throw misfit('batch: y', y, n, `${letters}·${D === K ? 'K' : 'D'} = ${rows}·${D}`)
      if (D > K && this.values.length < this.rows * D) this.values = this.arena.floats(this.rows * D)
      this.putValues(y as ArrayLike<number>, n, rows)
      if (fits(this.values, n)) return (padded ? sum(padded, B) : rows) * D
      checkFloats('batch: y', y as ArrayLike<number>, this.values, n, undefined, true)
      return countKnown(this.values, n, padded, B, D)
    }
    const classes = this.classes!
    if (length !== rows) throw misfit('batch: y', y, rows, `${letters} = ${rows}`)
    putWhole(y, classes, rows)
    checkWhole('batch: y', y, classes, rows, -1, K - 1)
    let count = 0
    for (let n = 0; n < rows; n++) {
      if (classes[n]! >= 0 && (!padded || Math.floor(n / B) < padded[n % B]!)) count += weights?.[classes[n]!] ?? 1
    }
    return count
  }

  private putValues(y: ArrayLike<number>, n: number, rows: number): void {
    if (!this.scale) {
      putFloats(y, this.values!, n)
      return
    }
    if (this.given.length < n) this.given = new Float64Array(n)
    putFloats(y, this.given, n)
    this.scale.scaleTargets(this.given, this.values!, rows)
  }

  /** Puts -1 where steps are padded, for losses that know of no lengths. */
  ignorePadded(T: number, B: number, lengths: Int32Array): void {
    for (let b = 0; b < B; b++) for (let t = lengths[b]!; t < T; t++) this.classes![t * B + b] = -1
  }
}

/**
 * Refuses another batch than the one that was given to forward: its targets would be counted by the lengths of one, and
 * summed by those of the other.
 * @param now the sizes of the last forward
 * @param held its lengths; null if all steps count
 */
export function refuseOther(batch: BatchInput, now: { T: number; B: number }, held: Int32Array | null): void {
  const { T, B } = now
  if (batch?.T !== T || batch.B !== B) {
    throw new InputError(
      `plan.loss: expected the batch given to forward, T ${T} and B ${B}, but received ` +
        (batch ? `T ${shown(batch.T)} and B ${shown(batch.B)}` : shown(batch)),
    )
  }
  const { lengths } = batch
  for (let b = 0; b < B; b++) {
    const steps = held ? held[b] : T
    const given = lengths === undefined ? T : lengths?.[b]
    if (given === steps || (typeof given === 'bigint' && Number(given) === steps)) continue
    throw new InputError(
      `plan.loss: lengths[${b}]: expected ${steps}, as in forward, but received ${shown(given)}: give both the same batch`,
    )
  }
}

/** How many of n targets, of which some may be missing, are known and not of padded steps. */
function countKnown(values: Floats, n: number, lengths: Int32Array | null, B: number, D: number): number {
  let count = 0
  for (let i = 0; i < n; i++) {
    const row = Math.floor(i / D)
    if (!Number.isNaN(values[i]) && (!lengths || Math.floor(row / B) < lengths[row % B]!)) count++
  }
  return count
}

function sum(values: Int32Array, n: number): number {
  let total = 0
  for (let i = 0; i < n; i++) total += values[i]!
  return total
}

/**
 * Logits in the target's units: what the head computes, z, times the deviation of the target plus its mean. The loss is
 * of z against scaled targets, so that its gradients and the learning rate do not depend on the units. Mean and
 * deviation are part of the spec, and so of the model's file.
 */
import type { Floats } from '../backend/backend.ts'
import type { Memory } from '../layers/layer.ts'
import type { OutputSpec } from './spec.ts'

export interface OutputScale {
  /** Targets of a row. */
  readonly D: number
  /** logits [rows,K] = z [rows,K] in the target's units. */
  apply(z: Floats, logits: Floats, rows: number): void
  /** y [rows,D] = (given - mean) / std. May be in place. */
  scaleTargets(given: Floats, y: Floats, rows: number): void
}

/**
 * logits [K] = z · factor + shift.
 * @param K width of the head: a multiple of the targets, since each may have several quantiles
 */
export function scaleFactors(
  { mean, std, gaussian }: OutputSpec,
  K: number,
): { factor: Float64Array; shift: Float64Array } {
  const each = K / mean.length
  const factor = new Float64Array(K)
  const shift = new Float64Array(K)
  for (let k = 0; k < K; k++) {
    const d = Math.floor(k / each)
    const isLog = gaussian === true && k % 2 === 1 // ln (σ std) = ln σ + ln std
    factor[k] = isLog ? 1 : std[d]!
    shift[k] = isLog ? Math.log(std[d]!) : mean[d]!
  }
  return { factor, shift }
}

/** @param K width of the head */
export function outputScale(output: OutputSpec, K: number): OutputScale {
  const { mean, std } = output
  const D = mean.length
  const { factor, shift } = scaleFactors(output, K)
  return {
    D,
    apply(z, logits, rows) {
      for (let n = 0, at = 0; n < rows; n++) {
        for (let k = 0; k < K; k++, at++) logits[at] = z[at]! * factor[k]! + shift[k]!
      }
    },
    scaleTargets(given, y, rows) {
      for (let n = 0, at = 0; n < rows; n++) {
        for (let d = 0; d < D; d++, at++) y[at] = (given[at]! - mean[d]!) / std[d]!
      }
    },
  }
}

/** The logits of a plan in the target's units, made when they are first asked for after a forward. */
export class ScaledLogits {
  private readonly scale: OutputScale
  private readonly K: number
  private readonly all: Floats
  private current = false

  /** @param rows the most of them */
  constructor(arena: Memory, scale: OutputScale, rows: number, K: number) {
    this.scale = scale
    this.K = K
    this.all = arena.floats(rows * K)
  }

  /** A forward has begun. */
  forget(): void {
    this.current = false
  }

  of(z: Floats): Floats {
    if (!this.current) this.scale.apply(z, this.all, z.length / this.K)
    this.current = true
    return this.all.subarray(0, z.length)
  }
}

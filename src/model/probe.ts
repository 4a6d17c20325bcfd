/**
 * How far the gradient of a minibatch travels, and what the units do on the way: what a run writes down now and
 * then, as curves over the steps of a sequence.
 */
import type { Floats } from '../backend/backend.ts'
import type { BatchInput } from '../batch.ts'
import { withMemory } from '../layers/layer.ts'
import type { LossSpec, OwnLoss } from '../loss.ts'
import { backFromLoss, fate, type Verdict } from './flow.ts'
import type { NetModel } from './model.ts'
import { named } from './parameters.ts'
import { Tape } from './tape.ts'
import { SATURATED } from './units.ts'

/** Of the top layer. Curves have a number a bucket of `every` steps, the first step first. */
export interface ProbeCurves {
  /** Steps of the sequences. */
  readonly T: number
  /** Steps of a bucket, the last of which may have fewer; there are at most 128 buckets. */
  readonly every: number
  /**
   * log10 of the norm of dL/dh_t, the total derivative of each sequence's own loss before any clipping: quadratic mean
   * over sequences and steps. -Infinity where it is exactly 0.
   */
  readonly flow: readonly number[]
  /** The 10th and the 90th percentile over the sequences. */
  readonly flowLow: readonly number[]
  readonly flowHigh: readonly number[]
  /** log10 of what the first step gets of what the last one gets: see GradientFlow. */
  readonly decades: number
  readonly verdict: Verdict
  /** Norm of h_t, quadratic mean. */
  readonly hNorm: readonly number[]
  /** Share of units that pass a gradient on: not 0, and of tanh, lstm and gru not saturated (|h| at most 0.95). */
  readonly activeT: readonly number[]
  /** Spectral radius of the recurrent matrix, by power iteration; null for cells with gates. */
  readonly rho: number | null
}

export const MOST_BUCKETS = 128

/** The norms of a state or gradient [T,B,H]: sums of squares [buckets,B], and rows in each. */
interface Squares {
  readonly sums: Float64Array
  readonly rows: Int32Array
}

/** Looks into a model of one direction, and leaves it as it was. @throws InputError if the batch does not fit it */
export function probe(net: NetModel, batch: BatchInput, loss: LossSpec | OwnLoss | undefined): ProbeCurves {
  const { spec } = net
  const { T, B } = batch
  return withMemory(net.backend, (arena) => {
    const tape = new Tape(net, arena, { T, B, readout: spec.head.steps })
    tape.forward(batch)
    backFromLoss(net, tape, batch.y, loss)
    const every = Math.ceil(T / MOST_BUCKETS)
    const gradient = squaresOf(tape.dh.at(-1)!, tape, every)
    const curves = {
      T,
      every,
      ...flowOf(gradient, B),
      ...fate(normsOver(squaresOf(tape.dh.at(-1)!, tape, 1), B)),
      hNorm: normsOver(squaresOf(tape.h.at(-1)!, tape, every), B),
      activeT: activeOver(tape.h.at(-1)!, tape, every, spec.rnn.cell === 'irnn' || spec.rnn.cell === 'relu'),
      rho: radiusOf(net),
    }
    arena.release()
    return curves
  })
}

/** Whether sequence b has step t. */
function isThere({ lengths }: Tape, t: number, b: number): boolean {
  return lengths === null || t < lengths[b]!
}

function squaresOf(all: Floats, tape: Tape, every: number): Squares {
  const { T, B } = tape
  const H = all.length / (T * B)
  const n = Math.ceil(T / every) * B
  const [sums, rows] = [new Float64Array(n), new Int32Array(n)]
  for (let t = 0; t < T; t++) {
    for (let b = 0; b < B; b++) {
      if (!isThere(tape, t, b)) continue
      const at = Math.floor(t / every) * B + b
      let sum = 0
      for (let i = (t * B + b) * H; i < (t * B + b + 1) * H; i++) sum += all[i]! * all[i]!
      sums[at]! += sum
      rows[at]! += 1
    }
  }
  return { sums, rows }
}

/** Quadratic means over sequences and steps. */
function normsOver({ sums, rows }: Squares, B: number): number[] {
  const total = (of: ArrayLike<number>, k: number) => {
    let sum = 0
    for (let b = 0; b < B; b++) sum += of[k * B + b]!
    return sum
  }
  return Array.from({ length: sums.length / B }, (_, k) => Math.sqrt(total(sums, k) / Math.max(1, total(rows, k))))
}

function flowOf(squares: Squares, B: number): Pick<ProbeCurves, 'flow' | 'flowLow' | 'flowHigh'> {
  const { sums, rows } = squares
  const flow = normsOver(squares, B).map(Math.log10)
  const each = flow.map((_, k) => {
    const norms = Array.from({ length: B }, (_, b) => Math.sqrt(sums[k * B + b]! / rows[k * B + b]!))
    return Float64Array.from(norms.filter((norm) => !Number.isNaN(norm))).sort()
  })
  const at = (share: number) => each.map((norms) => Math.log10(percentile(norms, share)))
  return { flow, flowLow: at(0.1), flowHigh: at(0.9) }
}

/** Of sorted numbers, on the line between neighbours. */
function percentile(sorted: Float64Array, share: number): number {
  const at = share * (sorted.length - 1)
  const low = Math.floor(at)
  const below = sorted[low] ?? 0
  return below + (at - low) * ((sorted[low + 1] ?? below) - below)
}

function activeOver(h: Floats, tape: Tape, every: number, ofRelu: boolean): number[] {
  const { T, B } = tape
  const H = h.length / (T * B)
  const limit = ofRelu ? Number.POSITIVE_INFINITY : SATURATED
  return Array.from({ length: Math.ceil(T / every) }, (_, k) => {
    let [active, all] = [0, 0]
    for (let t = k * every; t < Math.min(T, (k + 1) * every); t++) {
      for (let b = 0; b < B; b++) {
        if (!isThere(tape, t, b)) continue
        for (let i = (t * B + b) * H; i < (t * B + b + 1) * H; i++) {
          if (h[i] !== 0 && Math.abs(h[i]!) <= limit) active += 1
        }
        all += H
      }
    }
    return active / Math.max(1, all)
  })
}

/** Steps of the power iteration, the first of which only turn the vector. */
const [TURNS, MEASURED] = [20, 40]

/**
 * The largest absolute eigenvalue of the recurrent matrix of the top layer. A pair of complex ones makes the growth of
 * a step swing about it: it is the mean over several steps, right to a few per cent then.
 */
function radiusOf({ spec, parameters }: NetModel): number | null {
  const { cell, layers, hidden: H } = spec.rnn
  if (cell === 'lstm' || cell === 'gru') return null
  const W = named(parameters, `rnn.weight_hh_l${layers - 1}`).data
  // Of no symmetry, and so at an angle to no eigenvector that is likely.
  let v = Float64Array.from({ length: H }, (_, i) => 1 + ((i * 0.618033988749895) % 1))
  let growth = 0
  for (let k = 0; k < TURNS + MEASURED; k++) {
    const next = new Float64Array(H)
    for (let i = 0; i < H; i++) for (let j = 0; j < H; j++) next[i]! += W[i * H + j]! * v[j]!
    const ratio = Math.hypot(...next) / Math.hypot(...v)
    if (!(ratio > 0)) return ratio
    if (k >= TURNS) growth += Math.log(ratio)
    v = next.map((value) => value / ratio)
  }
  return Math.exp(growth / MEASURED)
}

/**
 * How far the gradient of a minibatch travels, and what the units do on the way: what a run writes down now and
 * then, as curves over the steps of a sequence.
 */
import type { Floats } from '../backend/backend.ts'
import { Life } from '../backend/lifetime.ts'
import type { BatchInput } from '../batch.ts'
import cells from '../layers/cells.ts'
import { type Memory, withMemory } from '../layers/layer.ts'
import type { LossSpec, OwnLoss } from '../loss.ts'
import { fate, ScaledLoss, type Verdict } from './flow.ts'
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

/** Looks into a model of one direction, time after time with the same memory, and leaves it as it was. */
export class Prober {
  private readonly life: Life
  private readonly net: NetModel
  private readonly arena: Memory
  private readonly tape: Tape
  private readonly loss: ScaledLoss
  private readonly radius: Radius | null

  /**
   * @param size the most steps and sequences of a batch
   * @throws RangeError where there is no memory for it
   */
  constructor(net: NetModel, size: { readonly T: number; readonly B: number }) {
    this.net = net
    const { rnn, head } = net.spec
    const made = withMemory(net.backend, (arena) => ({
      arena,
      tape: new Tape(net, arena, { ...size, readout: head.steps }, rnn.layers - 1),
      loss: new ScaledLoss(net, arena, size),
      radius: cells[rnn.cell].gated ? null : new Radius(net, arena),
    }))
    this.life = new Life('probe', 'train anew', net.life)
    this.arena = made.arena
    this.tape = made.tape
    this.loss = made.loss
    this.radius = made.radius
  }

  /** @throws InputError if the batch does not fit the model */
  probe(batch: BatchInput, loss: LossSpec | OwnLoss | undefined): ProbeCurves {
    const { net, tape } = this
    this.life.check()
    tape.forward(batch)
    this.loss.run(batch, tape.lengths, loss, tape.logits, tape.dlogits)
    tape.backward()
    const { T, B } = batch
    const top = net.spec.rnn.layers - 1
    const seen = { T, B, lengths: tape.lengths, dh: tape.dh[top]!, h: tape.states(top).h }
    clearPadded(seen)
    const every = Math.ceil(T / MOST_BUCKETS)
    return {
      T,
      every,
      ...flowOf(seen, every),
      ...fate(normAt(seen, 0), normAt(seen, T - 1), T),
      ...statesOf(seen, every, net),
      rho: this.radius?.measure() ?? null,
    }
  }

  /** Gives its memory back. */
  dispose(): void {
    if (this.life.end()) this.arena.release()
  }
}

/** What a probe sees of the top layer. */
interface Seen {
  readonly T: number
  readonly B: number
  /** [B]; null: all sequences are T steps long. */
  readonly lengths: Int32Array | null
  /** [T,B,H], 0 at padded steps: the states, and the total gradient of each. */
  readonly h: Floats
  readonly dh: Floats
}

/** States of padded steps are those before them. */
function clearPadded({ T, B, lengths, h }: Seen): void {
  const H = h.length / (T * B)
  for (let b = 0; lengths !== null && b < B; b++) {
    for (let t = lengths[b]!; t < T; t++) h.fill(0, (t * B + b) * H, (t * B + b + 1) * H)
  }
}

/** Sequences that have step t. */
function sequencesAt({ lengths, B }: Seen, t: number): number {
  return lengths ? lengths.reduce((sum, length) => sum + Number(t < length), 0) : B
}

/** The sum of the squares of the numbers from one place to another. */
function squares(all: Floats, from: number, end: number): number {
  let sum = 0
  for (let i = from; i < end; i++) sum += all[i]! * all[i]!
  return sum
}

/** The quadratic mean of |dL/dh_t| over the sequences that have step t. */
function normAt(seen: Seen, t: number): number {
  const { dh, T } = seen
  const n = dh.length / T
  return Math.sqrt(squares(dh, t * n, (t + 1) * n) / Math.max(1, sequencesAt(seen, t)))
}

function flowOf(seen: Seen, every: number): Pick<ProbeCurves, 'flow' | 'flowLow' | 'flowHigh'> {
  const { dh, T, B, lengths } = seen
  const H = dh.length / (T * B)
  const [flow, flowLow, flowHigh]: [number[], number[], number[]] = [[], [], []]
  for (let t0 = 0; t0 < T; t0 += every) {
    const end = Math.min(T, t0 + every)
    let [sum, rows] = [0, 0]
    const norms: number[] = []
    for (let b = 0; b < B; b++) {
      const steps = Math.min(end, lengths?.[b] ?? T) - t0
      if (steps <= 0) continue
      let own = 0
      for (let t = t0; t < t0 + steps; t++) own += squares(dh, (t * B + b) * H, (t * B + b + 1) * H)
      norms.push(Math.sqrt(own / steps))
      sum += own
      rows += steps
    }
    const sorted = Float64Array.from(norms).sort()
    flow.push(Math.log10(Math.sqrt(sum / Math.max(1, rows))))
    flowLow.push(Math.log10(percentile(sorted, 0.1)))
    flowHigh.push(Math.log10(percentile(sorted, 0.9)))
  }
  return { flow, flowLow, flowHigh }
}

/** Of sorted numbers, on the line between neighbours. */
function percentile(sorted: Float64Array, share: number): number {
  const at = share * (sorted.length - 1)
  const low = Math.floor(at)
  const below = sorted[low] ?? 0
  return below + (at - low) * ((sorted[low + 1] ?? below) - below)
}

function statesOf(seen: Seen, every: number, { spec, backend }: NetModel): Pick<ProbeCurves, 'hNorm' | 'activeT'> {
  const { h, T, B } = seen
  const n = h.length / T
  const { cell } = spec.rnn
  const rectified = cell === 'irnn' || cell === 'relu'
  const [hNorm, activeT]: [number[], number[]] = [[], []]
  for (let t0 = 0; t0 < T; t0 += every) {
    const end = Math.min(T, t0 + every)
    let rows = 0
    for (let t = t0; t < end; t++) rows += sequencesAt(seen, t)
    rows = Math.max(1, rows)
    const part = h.subarray(t0 * n, end * n)
    const active = rectified ? backend.count_nonzero(part.length, part) : unsaturated(part)
    hNorm.push(Math.sqrt(backend.sum_of_squares(part.length, part) / rows))
    activeT.push((active * B) / (rows * n))
  }
  return { hNorm, activeT }
}

/**
 * How many are not 0, and not saturated. Without a branch: which units are 0 cannot be foretold, and a branch that is
 * foretold wrong takes five times as long.
 */
function unsaturated(h: Floats): number {
  let active = 0
  for (let i = 0; i < h.length; i++) active += Number(h[i] !== 0) & Number(Math.abs(h[i]!) <= SATURATED)
  return active
}

/** Steps of the power iteration, the first of which only turn the vector. */
const [TURNS, MEASURED] = [20, 40]

/**
 * The largest absolute eigenvalue of the recurrent matrix of the top layer. A pair of complex ones makes the growth of
 * a step swing about it: it is the mean over several steps, right to a few per cent then.
 */
class Radius {
  private readonly net: NetModel
  private readonly W: Floats
  private readonly packed: Floats
  private readonly v: Floats
  private readonly next: Floats

  constructor(net: NetModel, arena: Memory) {
    const { layers, hidden: H } = net.spec.rnn
    this.net = net
    this.W = named(net.parameters, `rnn.weight_hh_l${layers - 1}`).data
    this.packed = arena.floats(arena.backend.packed_floats(H, H, 0))
    this.v = arena.floats(H)
    this.next = arena.floats(H)
  }

  measure(): number {
    const { v, next, packed } = this
    const { backend } = this.net
    const H = v.length
    backend.step_pack(H, H, 0, this.W, null, null, null, packed)
    // Of no symmetry, and so at an angle to no eigenvector that is likely.
    for (let i = 0; i < H; i++) v[i] = 1 + ((i * 0.618033988749895) % 1)
    let growth = 0
    for (let k = 0; k < TURNS + MEASURED; k++) {
      backend.dense_step(1, H, H, v, packed, next)
      const ratio = Math.sqrt(squares(next, 0, H) / squares(v, 0, H))
      if (!(ratio > 0)) return ratio
      if (k >= TURNS) growth += Math.log(ratio)
      for (let i = 0; i < H; i++) v[i] = next[i]! / ratio
    }
    return Math.exp(growth / MEASURED)
  }
}

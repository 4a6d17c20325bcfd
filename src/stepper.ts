/**
 * Streaming: a model fed one time step at a time, as fast as it goes. The weights are packed once and the kernels bound to their
 * arrays once, so that a step allocates nothing. Weights are packed again when the model says that they have changed.
 */
import { type Backend, type Floats, RELU, TANH } from './backend/backend.ts'
import type { Normalisation } from './batch.ts'
import { InputError, shown } from './error.ts'
import type { DenseWeights } from './layers/dense.ts'
import { type Memory, memory, type RecurrentWeights } from './layers/layer.ts'
import { normaliser } from './normalisation.ts'
import { named, type Parameter, widths } from './parameters.ts'
import type { ModelSpec } from './spec.ts'
import { denseWeights, recurrentWeights } from './stack.ts'
import { checkState, hostFloats, ONE_WAY, type State } from './state.ts'

export interface Stepper {
  /** Sequences that are fed side by side. */
  readonly B: number
  /**
   * One time step from the state of the last: x [I] or [B,I], or one token or B tokens. Returns logits [B,K], always the same array.
   * Fed a sequence it gives the very numbers of `forward`. Weights are the model's, and training is followed as it goes on;
   * what was written into them by hand is seen after `model.weightsChanged()`.
   * @throws InputError if x does not fit or is not finite
   */
  step(x: number | ArrayLike<number>): Floats
  /** [B,H]: what the last layer put out, a view. */
  readonly output: Floats
  /** The next step starts from zero, as the first one does. */
  resetState(): void
  /** The next step starts from `state`. */
  setState(state: State): void
  /** A copy of the state. */
  getState(): State
  /** Gives the memory back; the stepper is of no use afterwards. */
  dispose(): void
}

interface Parts {
  readonly spec: ModelSpec
  readonly backend: Backend
  readonly parameters: readonly Parameter[]
  readonly normalisation: Normalisation | null
  /** Rises when weights change. */
  readonly version: number
}

/** @throws InputError for a bidirectional model, or a B that is none */
export function createStepper(parts: Parts, B: number): Stepper {
  if (parts.spec.rnn.bidirectional) throw new InputError(`step: ${ONE_WAY}`)
  if (!Number.isInteger(B) || B < 1) {
    throw new InputError(`stepper: B: expected a whole number >= 1 but received ${shown(B)}`)
  }
  const arena = memory(parts.backend)
  try {
    return unrolled(parts, arena, B)
  } catch (error) {
    arena.release()
    throw error
  }
}

/** A layer of one step: what packs its weights, what runs it, and where its output is. */
interface Cell {
  readonly pack: () => void
  readonly run: () => void
  readonly y: Floats
  /** c of lstm. */
  readonly c?: Floats
}

function unrolled(parts: Parts, arena: Memory, B: number): Stepper {
  const { spec, backend, parameters, normalisation } = parts
  const { input, rnn, projection, head } = spec
  const { input: I, stack: W } = widths(spec)
  const tokens = 'vocabulary' in input ? arena.ints(B) : null
  const table = tokens && named(parameters, 'embedding.weight').data // read where it lies
  const x = arena.floats(B * I)
  const recurrent: Cell[] = []
  for (let l = 0; l < rnn.layers; l++) {
    const below = recurrent.at(-1)?.y ?? x
    const sizes = { B, I: l === 0 ? I : W, H: rnn.hidden }
    recurrent.push(recurrentCell(rnn.cell, arena, recurrentWeights(parameters, `_l${l}`), sizes, below))
  }
  const output = recurrent.at(-1)!.y
  const cells = [...recurrent]
  const dense = (name: string, I: number, K: number) =>
    cells.push(denseCell(arena, denseWeights(parameters, name), { B, I, K }, cells.at(-1)!.y))
  if (projection) dense('projection', W, projection.size)
  dense('head', projection?.size ?? W, head.size)
  const logits = cells.at(-1)!.y

  const runs = cells.map(({ run }) => run)
  if (table) runs.unshift(backend.bind('embedding_forward', B, I, tokens, table, x))
  const normalise = normalisation && normaliser(normalisation)
  const read = tokens ? tokenReader(tokens, input as { vocabulary: number }) : valueReader(x, I)
  let packed = -1 // the version of the packed weights

  return {
    B,
    output,
    step(values) {
      read(values)
      normalise?.apply(x, B)
      if (packed !== parts.version) {
        for (const { pack } of cells) pack()
        packed = parts.version
      }
      for (let i = 0; i < runs.length; i++) runs[i]!()
      return logits
    },
    resetState() {
      for (const { y, c } of recurrent) {
        y.fill(0)
        c?.fill(0)
      }
    },
    setState(state) {
      if (state.B !== B) throw new InputError(`step: state: expected one of B = ${B} but received one of ${state.B}`)
      checkState(spec, state)
      recurrent.forEach(({ y, c }, l) => {
        y.set(state.h.subarray(l * y.length, (l + 1) * y.length))
        c?.set(state.c!.subarray(l * y.length, (l + 1) * y.length))
      })
    },
    getState() {
      const join = (arrays: readonly Floats[]): Floats => {
        const all = hostFloats(backend, arrays.length * B * rnn.hidden)
        for (const [l, array] of arrays.entries()) all.set(array, l * array.length)
        return all
      }
      const c = recurrent.flatMap((cell) => (cell.c ? [cell.c] : []))
      return { B, h: join(recurrent.map(({ y }) => y)), c: c.length > 0 ? join(c) : null }
    },
    dispose: () => arena.release(),
  }
}

function recurrentCell(
  cell: ModelSpec['rnn']['cell'],
  arena: Memory,
  { Wxh, Whh, bx, bh }: RecurrentWeights,
  { B, I, H }: { B: number; I: number; H: number },
  x: Floats,
): Cell {
  const { backend } = arena
  const h = arena.floats(B * H)
  if (cell === 'gru') {
    const both = arena.floats(backend.packed_floats(2 * H, I, H))
    const candidateX = arena.floats(backend.packed_floats(H, I, 0))
    const candidateH = arena.floats(backend.packed_floats(H, 0, H))
    const n = 2 * H // the first row of the candidate
    return {
      pack() {
        backend.step_pack(n, I, H, Wxh, Whh, bx, bh, both)
        backend.step_pack(H, I, 0, Wxh.subarray(n * I), null, bx.subarray(n), null, candidateX)
        backend.step_pack(H, 0, H, null, Whh.subarray(n * H), null, bh.subarray(n), candidateH)
      },
      run: backend.bind('gru_step', B, I, H, x, both, candidateX, candidateH, h),
      y: h,
    }
  }
  const N = cell === 'lstm' ? 4 * H : H
  const packed = arena.floats(backend.packed_floats(N, I, H))
  const pack = () => backend.step_pack(N, I, H, Wxh, Whh, bx, bh, packed)
  if (cell === 'lstm') {
    const c = arena.floats(B * H)
    return { pack, run: backend.bind('lstm_step', B, I, H, x, packed, h, c), y: h, c }
  }
  const activation = cell === 'tanh' ? TANH : RELU
  return { pack, run: backend.bind('rnn_step', B, I, H, activation, x, packed, h), y: h }
}

function denseCell(
  arena: Memory,
  { W, b }: DenseWeights,
  { B, I, K }: { B: number; I: number; K: number },
  x: Floats,
): Cell {
  const { backend } = arena
  const packed = arena.floats(backend.packed_floats(K, I, 0))
  const y = arena.floats(B * K)
  const pack = () => backend.step_pack(K, I, 0, W, null, b, null, packed)
  return { pack, run: backend.bind('dense_step', B, I, K, x, packed, y), y }
}

type Reader = (values: number | ArrayLike<number>) => void

function valueReader(x: Floats, I: number): Reader {
  return (values) => {
    const n = typeof values === 'number' ? 1 : values.length
    if (n !== x.length) {
      throw new InputError(`step: x: expected [B,I] = [${x.length / I},${I}] values but received ${n}`)
    }
    if (typeof values === 'number') x[0] = values
    else for (let i = 0; i < n; i++) x[i] = values[i]!
    for (let i = 0; i < n; i++) {
      if (x[i]! - x[i]! === 0) continue
      throw new InputError(`step: x[${i}]: expected a finite number but received ${x[i]}: clean the data`)
    }
  }
}

function tokenReader(tokens: Int32Array, { vocabulary }: { vocabulary: number }): Reader {
  return (values) => {
    const n = typeof values === 'number' ? 1 : values.length
    if (n !== tokens.length) throw new InputError(`step: x: expected B = ${tokens.length} tokens but received ${n}`)
    for (let i = 0; i < n; i++) {
      const token = typeof values === 'number' ? values : values[i]!
      if (!Number.isInteger(token) || token < 0 || token >= vocabulary) {
        throw new InputError(`step: x[${i}]: expected a token, 0 … ${vocabulary - 1}, but received ${token}`)
      }
      tokens[i] = token
    }
  }
}

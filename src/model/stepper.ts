/**
 * Streaming: a model that reads one time step at a time. Weights are packed once and kernels are bound to their arrays
 * once, so that a step allocates nothing. When the model says that weights have changed, they are packed again.
 */
import type { Floats } from '../backend/backend.ts'
import { DISPOSE, Life } from '../backend/lifetime.ts'
import { InputError, shown } from '../error.ts'
import cells from '../layers/cells.ts'
import { type Memory, withMemory } from '../layers/layer.ts'
import { denseStep, recurrentStep, type StepLayer } from '../layers/step.ts'
import { outputScale } from './outputScale.ts'
import { widths } from './parameters.ts'
import { denseWeights, type ModelParts, recurrentWeights } from './stack.ts'
import { copyOfState, hostFloats, ONE_WAY, type State, type StateInput } from './state.ts'
import { type StepInput, stepReader } from './stepInput.ts'

/**
 * A model that is fed one time step at a time, without allocation. `Model.stepper` makes it. After `dispose`, also by
 * `using`, or after that of its model, every call throws an InputError.
 */
export interface Stepper extends Disposable {
  /** The number of sequences side by side. */
  readonly B: number
  /**
   * Runs one time step from the state of the last one: x [I] or [B,I], or one token or B tokens, or { x, tokens } for a
   * model that reads both. Returns logits [B,K], always in the same array. A sequence gives the same bits as `forward`.
   * Weights are the model's own: a stepper follows training, and sees weights that you edit after
   * `model.weightsChanged()`.
   * @throws InputError if x does not fit or is not finite; then no step was made
   */
  step(x: StepInput): Floats
  /** The output of the last recurrent layer [B,H], a view. */
  readonly output: Floats
  /** The next step starts from zero, as the first one does. */
  resetState(): void
  /** The next step starts from a copy of `state`. @throws InputError if it does not fit or is not finite */
  setState(state: StateInput): void
  /** A copy of the state. */
  getState(): State
  /** Gives the memory back; a second time it does nothing. */
  dispose(): void
}

interface Parts extends ModelParts {
  /** Rises when weights change. */
  readonly version: number
}

/** @throws InputError for a bidirectional model, or if B is no whole number >= 1 */
export function createStepper(parts: Parts, B: number): Stepper {
  parts.life.check()
  if (parts.spec.rnn.bidirectional) throw new InputError(`step: ${ONE_WAY}`)
  if (!Number.isInteger(B) || B < 1) {
    throw new InputError(`stepper: B: expected a whole number >= 1 but received ${shown(B)}`)
  }
  const { rnn, head } = parts.spec
  const widest = B * Math.max(widths(parts.spec).input, rnn.hidden, head.size)
  if (widest >= 2 ** 31) {
    throw new InputError(
      `stepper: B: expected buffers of fewer than 2^31 elements but ${B} sequences need ${widest}: take fewer`,
    )
  }
  return withMemory(parts.backend, (arena) => buildStepper(parts, arena, B))
}

function buildStepper(parts: Parts, arena: Memory, B: number): Stepper {
  const { spec } = parts
  const { input: I } = widths(spec)
  const x = arena.floats(B * I)
  const { read, binds } = stepReader(parts, arena, B, x)
  const { recurrent, layers } = createSteps(parts, arena, B, x)
  const { y } = layers.at(-1)!
  const scale = spec.output && outputScale(spec.output, spec.head.size)
  const logits = scale ? arena.floats(y.length) : y
  const runs = [...binds, ...layers.map(({ run }) => run)]
  const life = new Life('stepper', 'make another with model.stepper()', parts.life)
  let packed = -1 // the version of the packed weights
  const dispose = (): void => {
    if (life.end()) arena.release()
  }

  return {
    B,
    get output() {
      life.check()
      return recurrent.at(-1)!.y
    },
    step(values) {
      life.check()
      read(values)
      if (packed !== parts.version) {
        for (const { pack } of layers) pack()
        packed = parts.version
      }
      for (let i = 0; i < runs.length; i++) runs[i]!()
      scale?.apply(y, logits, B)
      return logits
    },
    ...stateOf(parts, life, B, recurrent),
    dispose,
    [DISPOSE]: dispose,
  }
}

/** The layers of one step over x [B,I]: the recurrent ones, and all. */
function createSteps(
  { spec, parameters }: Parts,
  arena: Memory,
  B: number,
  x: Floats,
): { recurrent: StepLayer[]; layers: StepLayer[] } {
  const { rnn, projection, head } = spec
  const { input: I, stack: W } = widths(spec)
  const layers: StepLayer[] = []
  for (let l = 0; l < rnn.layers; l++) {
    const sizes = { B, I: l === 0 ? I : W, H: rnn.hidden }
    const weights = recurrentWeights(parameters, `_l${l}`)
    layers.push(recurrentStep(cells[rnn.cell], arena, weights, sizes, layers.at(-1)?.y ?? x))
  }
  const recurrent = [...layers]
  const dense = (name: string, I: number, K: number) =>
    layers.push(denseStep(arena, denseWeights(parameters, name), { B, I, K }, layers.at(-1)!.y))
  if (projection) dense('projection', W, projection.size)
  dense('head', projection?.size ?? W, head.size)
  return { recurrent, layers }
}

/** What a stepper does with its state, which lies in its recurrent layers. */
function stateOf(
  { spec, backend }: Parts,
  life: Life,
  B: number,
  recurrent: readonly StepLayer[],
): Pick<Stepper, 'resetState' | 'setState' | 'getState'> {
  const join = (arrays: readonly Floats[]): Floats => {
    const all = hostFloats(backend, arrays.length * B * spec.rnn.hidden)
    for (const [l, array] of arrays.entries()) all.set(array, l * array.length)
    return all
  }
  return {
    resetState() {
      life.check()
      for (const { y, c } of recurrent) {
        y.fill(0)
        c?.fill(0)
      }
    },
    setState(given) {
      life.check()
      const state = copyOfState(backend, spec, given)
      if (state.B !== B) throw new InputError(`step: state: expected one of B = ${B} but received one of ${state.B}`)
      for (const [l, { y, c }] of recurrent.entries()) {
        y.set(state.h.subarray(l * y.length, (l + 1) * y.length))
        c?.set(state.c!.subarray(l * y.length, (l + 1) * y.length))
      }
    },
    getState() {
      life.check()
      const c = recurrent.flatMap((layer) => (layer.c ? [layer.c] : []))
      return { B, h: join(recurrent.map(({ y }) => y)), c: c.length > 0 ? join(c) : null }
    },
  }
}

/** What a network does with one sequence: its states, where its gradient goes, what an answer depends on. */
import type { Floats } from '../backend/backend.ts'
import type { BatchInput, Numbers, WholeNumbers } from '../batch.ts'
import { InputError, refuseNoObject, refuseUnknown, shown } from '../error.ts'
import { type Memory, type Steps, withMemory } from '../layers/layer.ts'
import type { LossSpec, OwnLoss } from '../loss.ts'
import { fate, normsOf, ScaledLoss, type Verdict } from './flow.ts'
import { type Model, modelOf, type NetModel } from './model.ts'
import { outputScale, scaleFactors } from './outputScale.ts'
import { ONE_WAY } from './state.ts'
import { Tape } from './tape.ts'
import { lengthOf } from './values.ts'

/**
 * One sequence: its values [T,I], or the tokens [T] of a model that reads tokens alone; of one that reads both an
 * object with the two.
 */
export type SequenceInput = Numbers | WholeNumbers | { readonly x?: Numbers; readonly tokens?: WholeNumbers }

/** What `read` gives. Arrays are the caller's own. */
export interface Reading {
  /** Steps. */
  readonly T: number
  /** The hidden state after every step, [T,H], of each layer, the lowest first. */
  readonly h: readonly Floats[]
  /** The cell state likewise; none if the cell has no cell state. */
  readonly c: readonly Floats[]
  /** [T,K]: the head read out after every step, whichever it is trained for, in the target's units. */
  readonly logits: Floats
}

/** What `gradientFlow` gives. Arrays are the caller's own. */
export interface GradientFlow {
  readonly T: number
  /** Mean over the targets that are there. */
  readonly loss: number
  /**
   * dL/dh_t, the total derivative, [T,H] of each layer, the lowest first: through all later steps and all layers above,
   * before any clipping.
   */
  readonly dh: readonly Floats[]
  /** Euclidean norms of the rows of `dh` of the top layer, [T]. */
  readonly norms: Float64Array
  /** dL/dx [T,I]; of a model that reads tokens alone, of the embedding of each, [T,E]. */
  readonly dx: Floats
  /**
   * log10 of the first step's norm over the last step's: -8 where the first step gets 10⁻⁸ of what the last one gets.
   * -Infinity where it gets nothing; NaN where the last step gets nothing, too; Infinity where it is not finite.
   */
  readonly decades: number
  /** vanishes or explodes: by more than half a decade in 100 steps. */
  readonly verdict: Verdict
}

/** What `connectivity` gives. Arrays are the caller's own. */
export interface Connectivity {
  /** d logit_k(t) / d x_s for s = 0 … t, [t+1,I]; of a model that reads tokens alone, of their embeddings, [t+1,E]. */
  readonly dx: Floats
  /** Euclidean norms of its rows, [t+1]. */
  readonly norms: Float64Array
}

/**
 * Runs one sequence from a state of zero and keeps all of it.
 * @throws InputError for a bidirectional model, or if the sequence does not fit the model
 */
export function read(model: Model, x: SequenceInput): Reading {
  return recorded('read', model, x, 'every', (tape, { spec }) => {
    const { head, output, rnn } = spec
    const states = Array.from({ length: rnn.layers }, (_, layer) => tape.states(layer))
    const logits = tape.logits.slice()
    if (output) outputScale(output, head.size).apply(logits, logits, tape.T)
    return {
      T: tape.T,
      h: states.map(({ h }) => h.slice()),
      c: states.flatMap(({ c }) => (c ? [c.slice()] : [])),
      logits,
    }
  })
}

/**
 * The gradient of the loss of one sequence, with respect to the hidden state at every step: where it vanishes, the
 * network cannot learn from what it saw there.
 * @param y its targets, as `Batch.y` has them with B = 1
 * @param options loss: default crossEntropy() for classification, squaredError() for regression
 * @throws InputError for a bidirectional model, or if the sequence or y do not fit the model
 */
export function gradientFlow(
  model: Model,
  x: SequenceInput,
  y: NonNullable<BatchInput['y']>,
  options: { readonly loss?: LossSpec | OwnLoss | undefined } = {},
): GradientFlow {
  refuseNoObject('gradientFlow: options', options)
  refuseUnknown('gradientFlow', options, ['loss'])
  return recorded('gradientFlow', model, x, modelOf(model).spec.head.steps, (tape, net, arena) => {
    const { T, B, logits, dlogits } = tape
    const loss = new ScaledLoss(net, arena, { T, B }).run({ T, B, y }, null, options.loss, logits, dlogits)
    tape.backward()
    const dh = tape.dh.map((one) => one.slice())
    const norms = normsOf(dh.at(-1)!, T)
    return { T, loss, dh, norms, dx: tape.inputGradient(), ...fate(norms[0]!, norms[T - 1]!, T) }
  })
}

/**
 * What the logit of class or output k after step t depends on: its gradient with respect to all that was read until
 * then.
 * @param t from 0 @param k from 0
 * @throws InputError for a bidirectional model, or if sequence, t or k do not fit
 */
export function connectivity(model: Model, x: SequenceInput, t: number, k: number): Connectivity {
  return recorded('connectivity', model, x, 'every', (tape, { spec }) => {
    const { size } = spec.head
    refuseNoIndex('t', t, tape.T)
    refuseNoIndex('k', k, size)
    tape.dlogits.fill(0)
    tape.dlogits[t * size + k] = spec.output ? scaleFactors(spec.output, size).factor[k]! : 1
    tape.backward()
    const all = tape.inputGradient()
    const dx = all.slice(0, (all.length / tape.T) * (t + 1))
    return { dx, norms: normsOf(dx, t + 1) }
  })
}

function refuseNoIndex(name: string, value: unknown, n: number): void {
  if (Number.isInteger(value) && (value as number) >= 0 && (value as number) < n) return
  throw new InputError(`connectivity: ${name}: expected a whole number from 0 to ${n - 1} but received ${shown(value)}`)
}

/** `work` on a sequence that was run forward; what it needed of the backend's memory goes back. */
function recorded<R>(
  call: string,
  model: Model,
  given: SequenceInput,
  readout: Steps,
  work: (tape: Tape, net: NetModel, arena: Memory) => R,
): R {
  const net = modelOf(model)
  if (net.spec.rnn.bidirectional) throw new InputError(`${call}: ${ONE_WAY}`)
  const batch = batchOf(net, given)
  return withMemory(net.backend, (arena) => {
    const tape = new Tape(net, arena, { T: batch.T, B: 1, readout }, 0)
    tape.forward(batch)
    const result = work(tape, net, arena)
    arena.release()
    return result
  })
}

function batchOf({ spec: { input } }: NetModel, given: SequenceInput): BatchInput {
  const values = 'size' in input
  const both = values && 'vocabulary' in input
  const parts = typeof given === 'object' && given !== null && ('x' in given || 'tokens' in given)
  if (both && !parts) {
    throw new InputError(`sequence: expected { x, tokens }, as the model reads both, but received ${shown(given)}`)
  }
  if (parts) refuseUnknown('sequence', given, ['x', 'tokens'])
  const { x, tokens } = (parts ? given : values ? { x: given } : { tokens: given }) as Partial<BatchInput>
  const n = values ? lengthOf('sequence: x', x) / input.size : lengthOf('sequence: tokens', tokens)
  if (!Number.isInteger(n) || n < 1) {
    throw new InputError(
      `sequence: expected at least one step${values ? ` of ${input.size} values` : ''} but received ${shown(given)}`,
    )
  }
  return { T: n, B: 1, x, tokens }
}

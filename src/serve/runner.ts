/**
 * Sequences through a model. One stepper serves all sessions, for the packed weights of each would be as large as the
 * model: a session keeps its state alone, which the stepper takes up and gives back.
 */
import { InputError } from '../error.ts'
import type { Model, State, Stepper } from '../model/model.ts'
import type { Work } from './queue.ts'

/** The steps of a sequence: values, tokens, or both, as many of one as of the other. */
export interface Steps {
  readonly T: number
  readonly x?: readonly (number | readonly number[])[] | undefined
  readonly tokens?: readonly number[] | undefined
}

/** Runs sequences of a model; never two at once, which the queue sees to. */
export interface Runner {
  /** Whether it reads one way, so that it can answer before the end. */
  readonly oneWay: boolean
  /**
   * Runs a sequence from a state, null: from zero. `each` gets the logits [K] after every step, a view; of a model that
   * reads both ways with a head on the last step, after the last one alone. Resolves to the state after it; null of
   * such a model.
   * @throws InputError for a step that the model does not take, and then the state given is still good
   */
  run(
    steps: Steps,
    from: State | null,
    work: Work,
    each: (logits: ArrayLike<number>, t: number) => void,
  ): Promise<State | null>
  /** One token more, from where the last run of this piece of work ended: logits [K], a view. */
  next(token: number): ArrayLike<number>
}

export function runnerOf(model: Model): Runner {
  const oneWay = !model.spec.rnn.bidirectional
  let stepper: Stepper | null = null // made when it is needed, and given back with the model
  return {
    oneWay,
    async run(steps, from, work, each) {
      if (!oneWay) {
        bothWays(model, steps, each)
        return null
      }
      stepper ??= model.stepper()
      if (from === null) stepper.resetState()
      else stepper.setState(from)
      for (let t = 0; t < steps.T; t++) {
        each(stepOf(stepper, steps, t), t)
        const pause = t % 32 === 31 ? work.pause() : undefined
        if (pause) await pause
      }
      return stepper.getState()
    },
    next: (token) => stepper!.step(token),
  }
}

function stepOf(stepper: Stepper, { x, tokens }: Steps, t: number): ArrayLike<number> {
  const step = x !== undefined && tokens !== undefined ? { x: x[t]!, tokens: tokens[t]! } : (x ?? tokens)![t]!
  try {
    return stepper.step(step)
  } catch (error) {
    if (!(error instanceof InputError)) throw error
    throw new InputError(`body: step ${t}: ${error.message.replace(/^step: /, '')}`)
  }
}

/** All of a sequence at once, on a plan that is given back: a plan for the longest so far would stay in memory. */
function bothWays(model: Model, { T, x, tokens }: Steps, each: (logits: ArrayLike<number>, t: number) => void): void {
  const { size: K, steps } = model.spec.head
  const plan = model.plan({ T, B: 1, training: false })
  try {
    plan.forward({ T, B: 1, ...(x && { x: x.flat() }), ...(tokens && { tokens }) })
    if (steps === 'last') each(plan.logits.subarray(0, K), T - 1)
    else for (let t = 0; t < T; t++) each(plan.logits.subarray(t * K, (t + 1) * K), t)
  } finally {
    plan.dispose()
  }
}

/** The first of the greatest. */
export function mostProbable(logits: ArrayLike<number>): number {
  let best = 0
  for (let k = 1; k < logits.length; k++) if (logits[k]! > logits[best]!) best = k
  return best
}

/** Probabilities of logits. */
export function softmax(logits: ArrayLike<number>): Float64Array {
  const most = logits[mostProbable(logits)]!
  const weights = Float64Array.from(logits, (logit) => Math.exp(logit - most))
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  return weights.map((weight) => weight / total)
}

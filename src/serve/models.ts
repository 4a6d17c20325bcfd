/** A model over plain numbers or tokens as a service has it: steps in, logits out. */

import { InputError } from '../error.ts'
import type { Model, State } from '../model/model.ts'
import type { ModelSpec } from '../model/spec.ts'
import * as z from '../schema.ts'
import type { Limits } from './limits.ts'
import type { Work } from './queue.ts'
import { mostProbable, type Runner, runnerOf, type Steps } from './runner.ts'
import { bodyOf, float, listOf, refuseLong, refuseMany, type Served, type Session, type Sessions } from './served.ts'

type Sequence = Omit<Steps, 'T'>

/** The steps of one sequence: x [T][size], tokens [T], or both. */
function sequenceSchema({ input }: ModelSpec, most: number): z.Schema<Sequence> {
  const size = 'size' in input ? input.size : 0
  const row = listOf(float, { min: size, max: size })
  const step = size === 1 ? z.union([float, row]) : row
  return z.strictObject({
    ...(size > 0 && { x: listOf<number | number[]>(step, { max: most }).describe(`steps, each of ${size} values`) }),
    ...('vocabulary' in input && {
      tokens: listOf(z.int().min(0).lt(input.vocabulary), { max: most }).describe('one a step'),
    }),
  })
}

/** @throws InputError unless there are as many tokens as values */
function stepsOf({ x, tokens }: Sequence): Steps {
  const { length: T } = (x ?? tokens)!
  if (tokens === undefined || tokens.length === T) return { T, x, tokens }
  throw new InputError(`body: tokens: expected ${T}, one for each step of x, but received ${tokens.length}`)
}

interface Prediction {
  readonly logits: number[] | number[][]
  readonly class?: number | number[]
}

/** Of a classification the class is told; of a regression logits are values, in the units of the targets. */
function predictionSchema({ head }: ModelSpec, each: boolean): z.Schema<unknown> {
  const logits = z.array(z.number()).describe(`${head.size} of them`)
  const one = z.int().describe('the most probable class, from 0')
  return z.object({
    logits: each ? z.array(logits) : logits,
    ...(head.kind === 'classification' && { class: each ? z.array(one) : one }),
  })
}

const BOTH_WAYS =
  'a bidirectional model reads a sequence from its end, so that there is no session: send it whole, to predict'

/** @param about more that is to be said of it */
export function servedModel(model: Model, limits: Limits, about: object = {}): Served {
  const { spec } = model
  const { head } = spec
  const runner = runnerOf(model)
  const each = head.steps === 'every'
  const sequence = sequenceSchema(spec, limits.maxRows)
  const batch = z.strictObject({ sequences: listOf(sequence, { max: limits.maxRows }) })
  const answer = z.object({ predictions: z.array(predictionSchema(spec, each)).describe('one for each sequence') })

  async function predictionOf(steps: Steps, work: Work): Promise<Prediction> {
    const all: number[][] = []
    await runner.run(steps, null, work, (logits, t) => {
      if (each || t === steps.T - 1) all.push(Array.from(logits))
    })
    const logits = each ? all : all[0]!
    if (head.kind === 'regression') return { logits }
    const classes = all.map(mostProbable)
    return { logits, class: each ? classes : classes[0]! }
  }

  return {
    kind: 'model',
    about: {
      kind: 'model',
      input: inputOf(spec),
      head: { kind: head.kind, size: head.size, steps: head.steps },
      ...about,
    },
    calls: {
      predict: {
        summary: `Logits of one sequence, or of several: ${each ? 'after every step' : 'after the last step'}.`,
        request: z.union([sequence, batch]),
        answer,
        async run(body, work) {
          const several = typeof body === 'object' && body !== null && 'sequences' in body
          const given = several ? bodyOf(batch, body).sequences : [bodyOf(sequence, body)]
          const all = (given as Sequence[]).map(stepsOf)
          const total = all.reduce((sum, { T }) => sum + T, 0)
          refuseMany(total, limits.maxRows)
          refuseLong(each ? total : all.length, head.size)
          const predictions = []
          for (const steps of all) predictions.push(await predictionOf(steps, work))
          return { body: { predictions }, steps: total }
        },
      },
    },
    sessions: runner.oneWay ? modelSessions(model, runner, sequence) : BOTH_WAYS,
    dispose: () => model.dispose(),
  }
}

function inputOf({ input }: ModelSpec): object {
  return {
    ...('size' in input && { size: input.size }),
    ...('vocabulary' in input && { vocabulary: input.vocabulary }),
  }
}

/** The state of a session as JSON. */
const stateSchema = z.strictObject({ h: listOf(float), c: listOf(float).nullable() })

/** The body that opens a session, from zero or from a state. */
export const OPENING: z.Schema<{ state?: z.infer<typeof stateSchema> | undefined }> = z.strictObject({
  state: stateSchema.optional().describe('of another session of the same model, to go on from; default: from zero'),
})

/** A state that a body brought. @throws InputError unless it is one of the model */
function openedState(model: Model, body: unknown): State | null {
  const { state } = bodyOf(OPENING, body)
  if (state === undefined) return null
  const stepper = model.stepper()
  try {
    stepper.setState({ B: 1, ...state })
    return stepper.getState()
  } finally {
    stepper.dispose()
  }
}

/** What became of the rows of a body: the state after them, their number, and what is told of them. */
interface Stepped {
  readonly state: State | null
  readonly rows: number
  readonly told: object
}

/**
 * A session that holds the state of a model.
 * @param body opens it, from zero or from a state that it brings
 * @param step makes the steps of a later body; what it refuses changes nothing
 */
export function stateSession(
  model: Model,
  body: unknown,
  step: (body: unknown, from: State | null, work: Work) => Promise<Stepped>,
): Session {
  let state = openedState(model, body)
  let taken = 0
  return {
    kept: 0,
    state: () => (state === null ? undefined : { h: Array.from(state.h), c: state.c && Array.from(state.c) }),
    async take(body, work) {
      const { rows, told, ...after } = await step(body, state, work)
      state = after.state
      taken += rows
      return { body: { rows: taken, ...told }, steps: rows }
    },
  }
}

function modelSessions(model: Model, runner: Runner, sequence: z.Schema<unknown>): Sessions {
  const { head } = model.spec
  return {
    summary: 'Takes steps, and answers each with the logits after it.',
    opening: OPENING,
    request: sequence,
    answer: z.object({
      rows: z.int().describe('steps of the session so far'),
      predictions: z.array(predictionSchema(model.spec, false)).describe('one for each step'),
    }),
    open: (body) =>
      stateSession(model, body, async (body, from, work) => {
        const steps = stepsOf(bodyOf(sequence, body) as Sequence)
        refuseLong(steps.T, head.size)
        const predictions: Prediction[] = []
        const state = await runner.run(steps, from, work, (logits) => {
          const own = { logits: Array.from(logits) }
          predictions.push(head.kind === 'regression' ? own : { ...own, class: mostProbable(logits) })
        })
        return { state, rows: steps.T, told: { predictions } }
      }),
  }
}

/** One time step as people give it: read by steppers, and made a batch of for `Model.step`. */
import type { Floats } from '../backend/backend.ts'
import type { BatchInput, Normalisation, Numbers, WholeNumbers } from '../batch.ts'
import { InputError, shown } from '../error.ts'
import type { Memory } from '../layers/layer.ts'
import { normaliser } from './normalisation.ts'
import { inputWidths, named } from './parameters.ts'
import type { ModelSpec } from './spec.ts'
import type { ModelParts } from './stack.ts'
import { checkFloats, checkWhole, lengthOf, putFloats, putWhole } from './values.ts'

type ValuesOfStep = number | bigint | WholeNumbers
type TokensOfStep = number | bigint | WholeNumbers

/** One time step: x [I] or [B,I], or one token or B tokens; of a model that reads both, { x, tokens }. */
export type StepInput = number | bigint | WholeNumbers | StepOfBoth

/** One time step of a model that reads values and tokens: x [size] or [B,size], and one token or B tokens. */
export interface StepOfBoth {
  readonly x: number | Numbers
  readonly tokens: number | bigint | WholeNumbers
}

/** @throws InputError unless it has both */
function bothOf(given: StepInput): StepOfBoth {
  const { x, tokens } = (given ?? {}) as Partial<StepOfBoth>
  if (x !== undefined && tokens !== undefined) return given as StepOfBoth
  throw new InputError(`step: expected { x, tokens } for a model that reads both but received ${shown(given)}`)
}

/**
 * What reads a step to where the layers begin, and the kernels that run after it.
 * @param into [B,I], what the first layer reads
 */
export function stepReader(
  { spec, backend, parameters, normalisation }: ModelParts,
  arena: Memory,
  B: number,
  into: Floats,
): { read: (given: StepInput) => void; binds: (() => void)[] } {
  const { input } = spec
  const { size, E } = inputWidths(spec)
  const I = size + E
  if (!('vocabulary' in input)) {
    return { read: valueReader(into, I, normalisation) as (given: StepInput) => void, binds: [] }
  }
  const tokens = arena.ints(B)
  const { data: table } = named(parameters, 'embedding.weight') // not packed: a step reads a few rows
  const what = size > 0 ? 'step: tokens' : 'step: x'
  const readTokens = tokenReader(tokens, input.vocabulary, what)
  const look = (y: Floats) => backend.bind('embedding_forward', B, E, tokens, table, y)
  if (size === 0) return { read: readTokens as (given: StepInput) => void, binds: [look(into)] }
  const [x, row] = [arena.floats(B * size), arena.floats(B * E)]
  const readValues = valueReader(x, size, normalisation)
  return {
    read(given) {
      const both = bothOf(given)
      readValues(both.x as ValuesOfStep)
      readTokens(both.tokens)
    },
    binds: [
      look(row),
      backend.bind('copy_columns', B, size, x, size, 0, into, I, 0, 0),
      backend.bind('copy_columns', B, E, row, E, 0, into, I, size, 0),
    ],
  }
}

/** A batch of one step. @throws InputError unless it is of whole sequences */
export function stepBatch(spec: ModelSpec, given: StepInput): BatchInput {
  const { input } = spec
  const { size } = inputWidths(spec)
  if ('vocabulary' in input && size > 0) {
    const both = bothOf(given)
    const [x, tokens] = [listed(both.x), listed(both.tokens)]
    return { T: 1, B: countOf(tokens, 1, 'step: tokens', 'one token or B tokens'), x: x as Numbers, tokens }
  }
  const values = listed(given as ValuesOfStep)
  if ('vocabulary' in input) return { T: 1, B: countOf(values, 1, 'step: x', 'one token or B tokens'), tokens: values }
  const B = countOf(values, size, 'step: x', `[I] or [B,I] with I = ${size}`)
  return { T: 1, B, x: values as Numbers }
}

const listed = (given: number | bigint | WholeNumbers): WholeNumbers =>
  typeof given === 'number' || typeof given === 'bigint' ? ([given] as WholeNumbers) : given

function countOf(values: WholeNumbers, width: number, what: string, expected: string): number {
  const n = lengthOf(what, values)
  if (n > 0 && n % width === 0) return n / width
  throw new InputError(`${what}: expected ${expected} but received ${n} elements`)
}

function valueReader(x: Floats, I: number, normalisation: Normalisation | null): (given: ValuesOfStep) => void {
  const normalise = normalisation && normaliser(normalisation)
  const raw = normalise ? new Float64Array(x.length) : x
  const n = x.length
  return (given) => {
    const length = typeof given === 'number' ? 1 : lengthOf('step: x', given)
    if (length !== n) throw new InputError(`step: x: expected [B,I] = [${n / I},${I}] values but received ${length}`)
    if (typeof given === 'number') raw[0] = given
    else putFloats(given as ArrayLike<number>, raw, n)
    normalise?.apply(raw, x, n / I)
    checkFloats('step: x', given as ArrayLike<number>, x, n)
  }
}

function tokenReader(tokens: Int32Array, vocabulary: number, what: string): (given: TokensOfStep) => void {
  const single: (number | bigint)[] = [0]
  return (given) => {
    const one = typeof given === 'number' || typeof given === 'bigint'
    if (one) single[0] = given
    const values = one ? single : given
    const n = lengthOf(what, values)
    if (n !== tokens.length) throw new InputError(`${what}: expected B = ${tokens.length} tokens but received ${n}`)
    putWhole(values as WholeNumbers, tokens, n)
    checkWhole(what, values as WholeNumbers, tokens, n, 0, vocabulary - 1)
  }
}

/**
 * A model is data: what goes in, the recurrent stack, the head. `modelSpec` checks it and fills in every default, so
 * that the spec stored with the weights is complete and says the same in ten years. The makers are for people: those of
 * the heads are here, those of the recurrent stack in ../layers/cells.ts.
 *
 * Default initialisers depend on the cell (../layers/cells.ts). Those of the projection, glorot(), and of an embedding,
 * uniform(0.1) as word models have it (Zaremba et al. 2014), do not.
 */
import type { Numbers } from '../batch.ts'
import { checked, InputError, nearest, refuseUnknown } from '../error.ts'
import { glorot, type Init, initSchema, uniform } from '../init.ts'
import cells, { type BiasOptions, type Cell, type RnnInput } from '../layers/cells.ts'
import * as z from '../schema.ts'
import { biasOptions, refuseOptions } from './cellOptions.ts'

/** The names of all cells. */
export const CELLS: readonly [Cell, ...Cell[]] = Object.keys(cells) as [Cell, ...Cell[]]

/** Values [T,B,size]. If `normalise`, the model subtracts its mean from them and divides them by its deviation. */
export interface ValuesSpec {
  readonly size: number
  readonly normalise?: true
}
/** Tokens [T,B], which are looked up in a table [vocabulary, embedding]. */
export interface TokensSpec {
  readonly vocabulary: number
  readonly embedding: number
  readonly init: Init
}
/** A model reads values, or tokens, or both: then each step is the values and, after them, the token's row. */
export type InputSpec = ValuesSpec | TokensSpec | (ValuesSpec & TokensSpec)

/** The recurrent stack, complete. */
export interface RnnSpec extends BiasOptions {
  readonly cell: Cell
  /** Hidden units of each layer and direction. */
  readonly hidden: number
  readonly layers: number
  readonly bidirectional: boolean
  /** Initialisers of the matrices from h to h, and of those from the layer below. Each gate is drawn by itself. */
  readonly init: { readonly recurrent: Init; readonly input: Init }
}

/** What a head is, complete. */
export interface HeadSpec {
  readonly kind: 'classification' | 'regression'
  /** Classes, or values. */
  readonly size: number
  /** One output after the last step of each sequence, or one at every step. */
  readonly steps: 'last' | 'every'
  readonly init: Init
  /** Initial bias. */
  readonly bias: number
}

/**
 * What a regression's logits are scaled by, D targets: logits are z · std + mean in the target's units, from `forward`,
 * `step` and steppers; losses are of z and of (y - mean) / std. A head of D·Q values has Q for each target, laid out
 * [D,Q], which share their target's scale.
 */
export interface OutputSpec {
  /** [D] */
  readonly mean: readonly number[]
  /** [D], each above 0. */
  readonly std: readonly number[]
  /**
   * The head, of size 2·D laid out [D,2], answers with a mean and the log of a deviation (`gaussianNll`): the mean is
   * scaled, and to the log is added ln std.
   */
  readonly gaussian?: true
}

/** A complete model spec, as `modelSpec` returns it and checkpoints store it. */
export interface ModelSpec {
  readonly input: InputSpec
  readonly rnn: RnnSpec
  /** A linear layer between the stack and the head (the paper's "linear 512"). */
  readonly projection?: { readonly size: number; readonly init: Init }
  readonly head: HeadSpec
  readonly output?: OutputSpec
}

/** What a person writes: everything that has a default may be left out. */
export interface ModelInput {
  readonly input:
    | number
    | { readonly size: number; readonly normalise?: boolean | undefined }
    | { readonly vocabulary: number; readonly embedding: number; readonly init?: Init | undefined }
    | {
        readonly size: number
        readonly normalise?: boolean | undefined
        readonly vocabulary: number
        readonly embedding: number
        readonly init?: Init | undefined
      }
  readonly rnn: RnnInput
  readonly projection?: number | { readonly size: number; readonly init?: Init | undefined } | undefined
  readonly head: HeadInput
  /** Units of a regression's targets. Absent: logits are what the head computes. */
  readonly output?: OutputInput | undefined
}

/** `OutputSpec` as a person writes it. */
export interface OutputInput {
  readonly mean: Numbers
  readonly std: Numbers
  readonly gaussian?: boolean | undefined
}

/** What a head is, as a person writes it; `classification` and `regression` make it. */
export interface HeadInput {
  readonly kind: 'classification' | 'regression'
  readonly size: number
  readonly steps?: 'last' | 'every' | undefined
  readonly init?: Init | undefined
  readonly bias?: number | undefined
}

// No real model reaches these bounds. They keep a hostile file from asking for memory before it is refused.
const size = z
  .int()
  .min(1)
  .max(2 ** 24)
const biasSchema = Object.fromEntries(biasOptions().map(([name]) => [name, z.number().optional()])) as {
  [name in keyof BiasOptions]-?: z.Optional<number | undefined>
}
const rnnSchema = z.strictObject({
  cell: z.enum(CELLS),
  hidden: size,
  layers: z.int().min(1).max(1000).default(1),
  bidirectional: z.boolean().default(false),
  ...biasSchema,
  init: z.strictObject({ recurrent: initSchema.optional(), input: initSchema.optional() }).default({}),
})
const headSchema = z.strictObject({
  kind: z.enum(['classification', 'regression']),
  size,
  steps: z.enum(['last', 'every']).default('last'),
  init: initSchema.optional(),
  bias: z.number().default(0),
})
const values = { size, normalise: z.boolean().default(false) }
const tokens = { vocabulary: size, embedding: size, init: initSchema.default(uniform(0.1)) }
const unlessFalse = <I extends { normalise: boolean }>({ normalise, ...rest }: I) =>
  normalise ? { ...rest, normalise } : rest
const valuesSchema = z.strictObject(values).transform(unlessFalse)
const tokensSchema = z.strictObject(tokens)
const bothSchema = z.strictObject({ ...values, ...tokens }).transform(unlessFalse)
const projectionSchema = z.strictObject({ size, init: initSchema.default(glorot()) })
const unit = z.number().min(-1e30).max(1e30)
const outputSchema = z
  .strictObject({
    mean: z.array(unit).min(1),
    std: z.array(unit.gt(0)).min(1),
    gaussian: z.boolean().default(false),
  })
  .transform(({ gaussian, ...scale }) => (gaussian ? { ...scale, gaussian } : scale))
const outline = z.strictObject({
  input: z.union([z.number(), z.looseObject({})]),
  rnn: rnnSchema,
  projection: z.union([z.number(), z.looseObject({})]).optional(),
  head: headSchema,
  output: z.looseObject({}).optional(),
})

/**
 * Completes the spec that a person wrote or a file holds.
 * @throws InputError, one line: `model spec: rnn.hidden: expected a number >= 1 but received 0`
 */
export function modelSpec(value: unknown): ModelSpec {
  const what = 'model spec'
  const { input, rnn, projection, head, output } = checked(outline, value, what)
  const given = typeof input === 'number' ? { size: input } : input
  const schema = inputSchemaOf(given)
  const inputSpec = checked<InputSpec>(schema as unknown as z.Schema<InputSpec>, given, `${what}: input`)
  refuseOptions(rnn.cell, rnn, (name, only) => `${what}: rnn.${name}: ${only}, and this is ${rnn.cell}: remove it`)
  const { init } = cells[rnn.cell]
  const spec: ModelSpec = {
    input: inputSpec,
    rnn: {
      cell: rnn.cell,
      hidden: rnn.hidden,
      layers: rnn.layers,
      bidirectional: rnn.bidirectional,
      ...Object.fromEntries(biasOptions([rnn.cell]).map(([name, option]) => [name, rnn[name] ?? option.default])),
      init: { recurrent: rnn.init.recurrent ?? init.recurrent, input: rnn.init.input ?? init.input },
    },
    ...(projection !== undefined && {
      projection: checked(
        projectionSchema,
        typeof projection === 'number' ? { size: projection } : projection,
        `${what}: projection`,
      ),
    }),
    head: { kind: head.kind, size: head.size, steps: head.steps, init: head.init ?? init.input, bias: head.bias },
    ...(output !== undefined && { output: outputOf(output, head) }),
  }
  refuseSquareOnly('input.init', 'init' in spec.input ? spec.input.init : undefined)
  refuseSquareOnly('rnn.init.input', spec.rnn.init.input)
  refuseSquareOnly('projection.init', spec.projection?.init)
  refuseSquareOnly('head.init', spec.head.init)
  return spec
}

/** What kind of input is meant, its keys well spelt or not. */
function inputSchemaOf(given: object): z.Schema<unknown> {
  const known = Object.keys({ ...values, ...tokens })
  const meant = Object.keys(given).map((key) => nearest(key, known))
  if (!meant.includes('vocabulary') && !meant.includes('embedding')) return valuesSchema
  return meant.includes('size') ? bothSchema : tokensSchema
}

/** @throws InputError unless the scale is one, and fits the head */
function outputOf(given: object, head: { kind: string; size: number }): OutputSpec {
  const what = 'model spec: output'
  const plain = Object.entries(given).map(([name, value]) => [name, ArrayBuffer.isView(value) ? listed(value) : value])
  const output = checked<OutputSpec>(outputSchema as z.Schema<OutputSpec>, Object.fromEntries(plain), what)
  const { mean, std, gaussian } = output
  if (head.kind !== 'regression') {
    throw new InputError(
      `${what}: expected a regression head, whose targets have units, but it is ${head.kind}: remove it`,
    )
  }
  if (std.length !== mean.length) {
    throw new InputError(`${what}: std: expected ${mean.length}, as many as mean, but received ${std.length}`)
  }
  const wanted = gaussian ? 2 * mean.length : Math.ceil(head.size / mean.length) * mean.length
  if (head.size === wanted) return output
  throw new InputError(
    `${what}: expected a head of size ${gaussian ? wanted : `a multiple of ${mean.length}`}, for ${mean.length} ` +
      `targets, but it is ${head.size}`,
  )
}

const listed = (array: ArrayBufferView): number[] => Array.from(array as Float64Array)

function refuseSquareOnly(where: string, init: Init | undefined): void {
  if (init?.kind === 'random-walk' || init?.kind === 'np-rnn') {
    throw new InputError(`model spec: ${where}: ${init.kind} is for the recurrent matrix only: use gaussian or glorot`)
  }
}

/** Options of `classification` and `regression`. */
export interface HeadOptions {
  /** Default 'last'. */
  steps?: 'last' | 'every' | undefined
  init?: Init | undefined
  /** Initial bias, default 0. */
  bias?: number | undefined
}

const HEAD_OPTIONS = ['steps', 'init', 'bias']

/** One of `classes` classes, trained by softmax cross-entropy (`crossEntropy`). */
export function classification(classes: number, options: HeadOptions = {}): HeadInput {
  refuseUnknown('classification', options, HEAD_OPTIONS)
  return { kind: 'classification', size: classes, ...options }
}

/** `size` real values, trained by squared error, or by another loss: `pinball`, `huber`, `gaussianNll`, `ownLoss`. */
export function regression(size: number, options: HeadOptions = {}): HeadInput {
  refuseUnknown('regression', options, HEAD_OPTIONS)
  return { kind: 'regression', size, ...options }
}

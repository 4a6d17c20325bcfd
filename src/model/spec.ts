/**
 * A model is data: what goes in, the recurrent stack, the head. `modelSpec` checks it and fills in every default, so that
 * the spec stored with the weights is complete and says the same in ten years. The makers below it are for people.
 *
 * Defaults of the initialisers. irnn: recurrent identity(1), everything else gaussian(0.001), biases 0 (Le et al. 2015,
 * section 3). relu and tanh, the paper's baselines: recurrent randomWalk(), everything else as irnn. lstm and gru:
 * recurrent orthogonal(1) (Saxe et al. 2014), everything else glorot(), forget bias 1 (Gers et al. 2000; the first of the
 * paper's grid). The projection: glorot(). Embeddings: uniform(0.1), as word models have it (Zaremba et al. 2014).
 */
import { z } from 'zod'
import { checked, InputError } from '../error.ts'
import { gaussian, glorot, type Init, identity, initSchema, orthogonal, randomWalk, uniform } from './init.ts'

export const CELLS = ['irnn', 'relu', 'tanh', 'lstm', 'gru'] as const
export type Cell = (typeof CELLS)[number]

/**
 * Values [T,B,size] in, less the mean and divided by the deviation that the model then has if `normalise`; or tokens [T,B]
 * looked up in a table [vocabulary, embedding].
 */
export type InputSpec =
  | { readonly size: number; readonly normalise?: true }
  | { readonly vocabulary: number; readonly embedding: number; readonly init: Init }

export interface RnnSpec {
  readonly cell: Cell
  /** Hidden units of each layer and direction. */
  readonly hidden: number
  readonly layers: number
  readonly bidirectional: boolean
  /** lstm only: the initial bias of the forget gate. */
  readonly forgetBias?: number
  /** Initialisers of the matrices from h to h, and of those from the layer below (drawn for each gate by itself). */
  readonly init: { readonly recurrent: Init; readonly input: Init }
}

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

/** A complete model spec, as `modelSpec` returns it and checkpoints store it. */
export interface ModelSpec {
  readonly input: InputSpec
  readonly rnn: RnnSpec
  /** A linear layer between the stack and the head (the paper's "linear 512"). */
  readonly projection?: { readonly size: number; readonly init: Init }
  readonly head: HeadSpec
}

/** What a person writes: everything with a default may be left out. */
export interface ModelInput {
  readonly input:
    | number
    | { readonly size: number; readonly normalise?: boolean | undefined }
    | { readonly vocabulary: number; readonly embedding: number; readonly init?: Init | undefined }
  readonly rnn: RnnInput
  readonly projection?: number | { readonly size: number; readonly init?: Init | undefined } | undefined
  readonly head: HeadInput
}

export interface RnnInput {
  readonly cell: Cell
  readonly hidden: number
  readonly layers?: number | undefined
  readonly bidirectional?: boolean | undefined
  readonly forgetBias?: number | undefined
  readonly init?: { readonly recurrent?: Init | undefined; readonly input?: Init | undefined } | undefined
}

export interface HeadInput {
  readonly kind: 'classification' | 'regression'
  readonly size: number
  readonly steps?: 'last' | 'every' | undefined
  readonly init?: Init | undefined
  readonly bias?: number | undefined
}

// Bounds no real model meets; they keep a hostile file from asking for memory before it is refused.
const size = z
  .int()
  .min(1)
  .max(2 ** 24)
const rnnSchema = z.strictObject({
  cell: z.enum(CELLS),
  hidden: size,
  layers: z.int().min(1).max(1000).default(1),
  bidirectional: z.boolean().default(false),
  forgetBias: z.number().optional(),
  init: z.strictObject({ recurrent: initSchema.optional(), input: initSchema.optional() }).default({}),
})
const headSchema = z.strictObject({
  kind: z.enum(['classification', 'regression']),
  size,
  steps: z.enum(['last', 'every']).default('last'),
  init: initSchema.optional(),
  bias: z.number().default(0),
})
const valuesSchema = z
  .strictObject({ size, normalise: z.boolean().default(false) })
  .transform(({ size, normalise }) => (normalise ? { size, normalise } : { size }))
const tokensSchema = z.strictObject({ vocabulary: size, embedding: size, init: initSchema.default(uniform(0.1)) })
const projectionSchema = z.strictObject({ size, init: initSchema.default(glorot()) })
const outline = z.strictObject({
  input: z.union([z.number(), z.looseObject({})]),
  rnn: rnnSchema,
  projection: z.union([z.number(), z.looseObject({})]).optional(),
  head: headSchema,
})

/**
 * The complete spec of what a person wrote or a file holds.
 * @throws InputError, one line: `model spec: rnn.hidden: expected a number >= 1 but received 0`
 */
export function modelSpec(value: unknown): ModelSpec {
  const what = 'model spec'
  const { input, rnn, projection, head } = checked(outline, value, what)
  const values = typeof input === 'number' ? { size: input } : input
  const inputSpec = checked<InputSpec>('vocabulary' in values ? tokensSchema : valuesSchema, values, `${what}: input`)
  const recurrent = rnn.cell === 'lstm' || rnn.cell === 'gru'
  const rest = recurrent ? glorot() : gaussian(0.001)
  if (rnn.forgetBias !== undefined && rnn.cell !== 'lstm') {
    throw new InputError(`${what}: rnn.forgetBias: only an lstm has a forget gate, and this is ${rnn.cell}: remove it`)
  }
  const spec: ModelSpec = {
    input: inputSpec,
    rnn: {
      cell: rnn.cell,
      hidden: rnn.hidden,
      layers: rnn.layers,
      bidirectional: rnn.bidirectional,
      ...(rnn.cell === 'lstm' && { forgetBias: rnn.forgetBias ?? 1 }),
      init: {
        recurrent: rnn.init.recurrent ?? (rnn.cell === 'irnn' ? identity(1) : recurrent ? orthogonal(1) : randomWalk()),
        input: rnn.init.input ?? rest,
      },
    },
    ...(projection !== undefined && {
      projection: checked(
        projectionSchema,
        typeof projection === 'number' ? { size: projection } : projection,
        `${what}: projection`,
      ),
    }),
    head: { kind: head.kind, size: head.size, steps: head.steps, init: head.init ?? rest, bias: head.bias },
  }
  refuseSquareOnly('input.init', 'init' in spec.input ? spec.input.init : undefined)
  refuseSquareOnly('rnn.init.input', spec.rnn.init.input)
  refuseSquareOnly('projection.init', spec.projection?.init)
  refuseSquareOnly('head.init', spec.head.init)
  return spec
}

function refuseSquareOnly(where: string, init: Init | undefined): void {
  if (init?.kind === 'random-walk' || init?.kind === 'np-rnn') {
    throw new InputError(`model spec: ${where}: ${init.kind} is for the recurrent matrix only: use gaussian or glorot`)
  }
}

export interface StackOptions {
  layers?: number | undefined
  bidirectional?: boolean | undefined
  /** Initialiser of the recurrent matrices. */
  recurrent?: Init | undefined
  /** Initialiser of the matrices from the layer below. */
  input?: Init | undefined
}

function stack(cell: Cell, hidden: number, { layers, bidirectional, recurrent, input }: StackOptions): RnnInput {
  return { cell, hidden, layers, bidirectional, init: { recurrent, input } }
}

export interface IrnnOptions extends StackOptions {
  /** The recurrent matrix starts at scale · I. Default 1. */
  scale?: number | undefined
  /** Standard deviation of the input weights. Default 0.001. */
  inputStd?: number | undefined
}

/**
 * The paper's network: ReLU units, recurrent matrix scale · I (scale 0.01 is the paper's iRNN for speech), biases 0, and
 * input weights of standard deviation inputStd (Le et al. 2015, section 3).
 */
export function irnn(
  hidden: number,
  {
    scale = 1,
    inputStd = 0.001,
    recurrent = identity(scale),
    input = gaussian(inputStd),
    ...options
  }: IrnnOptions = {},
): RnnInput {
  return stack('irnn', hidden, { recurrent, input, ...options })
}

/** ReLU units with a random-walk recurrent matrix: the paper's RNN + ReLU. */
export function relu(hidden: number, options: StackOptions = {}): RnnInput {
  return stack('relu', hidden, options)
}

/** tanh units with a random-walk recurrent matrix: the paper's RNN + tanh. */
export function tanh(hidden: number, options: StackOptions = {}): RnnInput {
  return stack('tanh', hidden, options)
}

/** LSTM with forget gates in PyTorch's form; the paper searches forgetBias over 1, 4, 10, 20. */
export function lstm(
  hidden: number,
  { forgetBias = 1, ...options }: StackOptions & { forgetBias?: number | undefined } = {},
): RnnInput {
  return { ...stack('lstm', hidden, options), forgetBias }
}

/** GRU in PyTorch's form (reset gate after the matrix product). */
export function gru(hidden: number, options: StackOptions = {}): RnnInput {
  return stack('gru', hidden, options)
}

export interface HeadOptions {
  /** Default 'last'. */
  steps?: 'last' | 'every' | undefined
  init?: Init | undefined
  /** Initial bias, default 0. */
  bias?: number | undefined
}

/** One of `classes` classes, trained by softmax cross-entropy. */
export function classification(classes: number, options: HeadOptions = {}): HeadInput {
  return { kind: 'classification', size: classes, ...options }
}

/** `size` real values, trained by squared error. */
export function regression(size: number, options: HeadOptions = {}): HeadInput {
  return { kind: 'regression', size, ...options }
}

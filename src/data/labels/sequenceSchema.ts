/** The decisions of labelling and of next items: both read sequences and answer with one of several words. */

import { InputError, shown } from '../../error.ts'
import * as z from '../../schema.ts'
import type { Written } from '../../table/table.ts'

/** A column that the network reads. */
export interface SequenceColumn {
  readonly name: string
  readonly type: 'number' | 'flag' | 'category'
}

/** What was measured of a column on the training part. */
export interface FittedSequenceColumn {
  readonly name: string
  /** One value, a value for each level and one for `<other>`, or a token, of which a network reads one a step. */
  readonly as: 'value' | 'levels' | 'token'
  /** Of a value. */
  readonly mean: number
  readonly std: number
  /** Of levels and tokens, sorted; what is none of them is `<other>`. */
  readonly levels: readonly string[]
  /** Of tokens: kinds of rare words, by their ending, which have tokens of their own; sorted. */
  readonly endings: readonly string[]
  /** Whether more than 1 % was missing, so that a flag for it is one more input. */
  readonly gaps: boolean
}

/** Where a label is read off: the last step, every step, or the mean over all steps of a sequence. */
export type Reading = 'last' | 'every' | 'mean'

/** What validation decides by. */
export type SequenceScore = 'accuracy' | 'macroF1' | 'perplexity'

/** What was measured on the training part, and what validation chose. */
export interface FittedSequences {
  /** Labels or items, sorted: the order of probabilities. */
  readonly classes: readonly string[]
  readonly columns: readonly FittedSequenceColumn[]
  readonly reading: Reading
  /** So many steps are one input. */
  readonly frame: number
  /** So many networks lie side by side in the model; their probabilities are averaged. */
  readonly members: number
}

/** The decisions. */
export interface SequenceSchema {
  readonly irnn: 'schema'
  readonly version: 1
  readonly kind: 'label' | 'next'
  /** What has a label. */
  readonly of: 'sequence' | 'row'
  /** The column of labels, or of items. */
  readonly target: string
  /** A step is a row of the table; or a sequence is: its steps are cells of the row, or letters of one cell. */
  readonly layout: 'rows' | 'cells' | 'letters'
  /** The column that says of which sequence a row is; null: each row is one, or the table is. */
  readonly id: string | null
  /** Rows of a sequence are sorted by it; null: they stand in order. */
  readonly time: string | null
  /** The column that says of which part a sequence is: train, validation or test; null: chosen by content. */
  readonly split: string | null
  /** Of cells: steps in order. */
  readonly inputs: readonly SequenceColumn[]
  /** The words that mean "no value"; null: the usual ones. */
  readonly missing: readonly string[] | null
  /** How texts are written, as far as it was said. */
  readonly written?: Written | undefined
  /** What validation decides by. */
  readonly score: SequenceScore
  /** Whether classes count alike in the loss, however rare. */
  readonly balanced: boolean
  /** Whether labels depend on what came before alone: the network reads in one direction, as a stream does. */
  readonly oneWay: boolean
  readonly fitted: FittedSequences | null
}

/** Older schemas do not have it. */
export const missingWords = z.array(z.string().max(1000)).max(1000).nullable().default(null)

/** Only where something was said. */
export const written = z
  .strictObject({
    decimal: z.enum(['.', ',']).optional(),
    dayFirst: z.boolean().optional(),
    delimiter: z.string().min(1).max(1).optional(),
    encoding: z.enum(['utf-8', 'latin1']).optional(),
  })
  .optional()

const name = z.string().min(1).max(1000)
const level = z.string().max(100_000)
const fitted = z.strictObject({
  classes: z.array(level).min(2).max(1_000_000),
  columns: z
    .array(
      z.strictObject({
        name,
        as: z.enum(['value', 'levels', 'token']),
        mean: z.number(),
        std: z.number().gt(0),
        levels: z.array(level).max(1_000_000),
        endings: z.array(z.string().max(100)).max(100_000),
        gaps: z.boolean(),
      }),
    )
    .min(1)
    .max(2000),
  reading: z.enum(['last', 'every', 'mean']),
  frame: z.int().min(1).max(100_000),
  members: z.int().min(1).max(100),
})

/** The schema of the kind `kind`. */
export function sequenceSchema<K extends SequenceSchema['kind']>(kind: K) {
  return z.strictObject({
    irnn: z.literal('schema'),
    version: z.literal(1),
    kind: z.literal(kind),
    of: z.enum(['sequence', 'row']),
    target: name,
    layout: z.enum(['rows', 'cells', 'letters']),
    id: name.nullable(),
    time: name.nullable(),
    split: name.nullable(),
    inputs: z
      .array(z.strictObject({ name, type: z.enum(['number', 'flag', 'category']) }))
      .min(1)
      .max(100_000),
    missing: missingWords,
    written,
    score: z.enum(['accuracy', 'macroF1', 'perplexity']),
    balanced: z.boolean(),
    oneWay: z.boolean().default(kind === 'next'), // schemas of 0.1.0 do not say it
    fitted: fitted.nullable(),
  })
}

/** @throws InputError where parts of a schema do not agree */
export function refuseSequenceContradictions(schema: SequenceSchema, what: string): void {
  const { kind, of, layout, id, time, split, target, inputs, fitted } = schema
  const uses = [...(kind === 'label' ? [target] : []), id, time, split, ...inputs.map(({ name }) => name)]
  const names = uses.filter((name) => name !== null)
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined) {
    throw new InputError(`${what}: expected each column to have one use but ${shown(twice)} has two: remove one`)
  }
  if (of === 'row' && layout !== 'rows') throw new InputError(`${what}: layout: expected rows, for each has a label`)
  if (kind === 'next' && (inputs.length !== 1 || inputs[0]!.name !== target)) {
    throw new InputError(`${what}: inputs: expected the column of items, ${shown(target)}, alone`)
  }
  if (kind === 'next' && !schema.oneWay) {
    throw new InputError(`${what}: oneWay: expected true, for the other direction would see the next item`)
  }
  if (fitted === null) return
  const expected = layout === 'cells' ? ['steps'] : inputs.map(({ name }) => name)
  if (fitted.columns.length !== expected.length || expected.some((name, i) => fitted.columns[i]!.name !== name)) {
    throw new InputError(`${what}: fitted.columns: expected those of inputs, in that order`)
  }
  if (fitted.columns.filter((column) => column.as === 'token').length > 1) {
    throw new InputError(`${what}: fitted.columns: expected at most one as token`)
  }
  if (of === 'row' && (fitted.frame > 1 || fitted.reading !== 'every')) {
    throw new InputError(`${what}: fitted: expected every step to be read, one by one, for each row has a label`)
  }
}

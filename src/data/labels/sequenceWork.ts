/** Labelling and next items as kinds of work. */
import { InputError } from '../../error.ts'
import { gaussian, type Init, uniform } from '../../init.ts'
import type { Model } from '../../model/model.ts'
import { classification } from '../../model/spec.ts'
import type { Table } from '../../table/table.ts'
import { type Note, note } from '../notes.ts'
import type { Outcome, Trial, Tried, Work } from '../work.ts'
import { probabilitiesOf, type Shape } from './batches.ts'
import {
  type InferredSequences,
  inferLabels,
  inferNext,
  type LabelChoices,
  type NextChoices,
} from './inferSequences.ts'
import { itemBaselines, labelBaselines, stepsIn } from './labelBaselines.ts'
import { answersIn, itemScores, labelScores } from './labelScores.ts'
import type { SequenceParts } from './parts.ts'
import { type PreparedSequences, prepareSequences } from './preparedSequences.ts'
import { FEW, stackOf, trainingOf, type Variation, type Wish, wishesOf } from './sequenceRecipes.ts'
import { type Method, sequenceFiles, winnerOf } from './sequenceReport.ts'
import type { FittedSequences, SequenceSchema } from './sequenceSchema.ts'
import { sequenceTask } from './sequenceTask.ts'

export interface SequenceTrial extends Trial {
  readonly wish: Wish
  readonly shape: Shape
}

/** Labels or next items, ready to be fitted. */
export interface SequenceWork extends Work<SequenceTrial> {
  readonly schema: SequenceSchema
  /** Sequences of each part. */
  readonly parts: { readonly [part in keyof SequenceParts]: number }
  /** Labels or items. */
  readonly classes: readonly string[]
}

/** Decides all that labelling needs. @throws InputError where the table and the choices do not give it */
export function labelling(table: Table, choices: LabelChoices): SequenceWork {
  return sequenceWork(table, inferLabels(table, choices), choices)
}

/** Decides all that guessing the next item needs. @throws InputError where the table and the choices do not give it */
export function nextItem(table: Table, choices: NextChoices): SequenceWork {
  return sequenceWork(table, inferNext(table, choices), choices)
}

/** Labels or next items by decisions that are there already. @throws InputError where the table does not fit them */
export function sequencesBy(table: Table, schema: SequenceSchema): SequenceWork {
  const inferred = { schema: { ...schema, fitted: null }, notes: [] }
  return sequenceWork(table, inferred, { members: schema.fitted?.members })
}

function sequenceWork(
  table: Table,
  { schema, notes: inferred }: InferredSequences,
  { members, frame }: { members?: number | undefined; frame?: number | undefined },
): SequenceWork {
  const prepared = prepareSequences(table, schema, members)
  const { parts, data, fitted } = prepared
  const notes = [...inferred, ...notesOf(prepared)]
  const lengths = Array.from(parts.training, (n) => data.starts[n + 1]! - data.starts[n]!).sort((a, b) => a - b)
  const variations = wishesOf({
    schema,
    sequences: parts.training.length,
    length: lengths[lengths.length >> 1]!,
    tokens: data.vocabulary > 0,
    frame: frame ?? null,
  })
  if ((frame ?? 1) > 1 && (schema.of === 'row' || data.vocabulary > 0)) {
    throw new InputError(`--frame: expected 1 where each row has a label, or steps are words, but received ${frame}`)
  }
  return {
    kind: schema.kind,
    schema,
    notes,
    title: schema.target,
    members: fitted.members,
    parts: { training: parts.training.length, validation: parts.validation.length, test: parts.test.length },
    classes: fitted.classes,
    next: (tried, seed) => nextTrial(tried, variations, prepared, seed),
    judge: ({ shape }, model) => judged(prepared, shape, model),
    again({ wish, shape, name }, iterations, seed) {
      const learnt = Int32Array.from([...parts.training, ...parts.validation])
      const all = { ...parts, training: learnt, validation: new Int32Array(0) }
      const few = parts.training.length < FEW
      const training = trainingOf(learnt.length, wish.dropout)
      const most = few ? training.iterations! : Math.max(iterations, training.iterations! / 2)
      const trial = trialOf({ ...prepared, parts: all }, { name, wish, shape }, seed)
      return { ...trial, training: { ...training, iterations: most, evalEvery: most } }
    },
    finish: ({ shape, name }, model) =>
      outcomeOf({ ...prepared, notes }, name, { ...shape, members: fitted.members }, model),
  }
}

function notesOf({ schema, parts, sequences, empty }: PreparedSequences): Note[] {
  const notes: Note[] = []
  if (empty > 0) notes.push(note('empty', `${empty} rows left out: they have no step`))
  if (parts.training.length < FEW) {
    notes.push(
      note(
        'few',
        `${parts.training.length} training sequences: too few for validation to choose, so the usual recipe is taken`,
      ),
    )
  }
  if (schema.layout === 'rows' && schema.id === null) {
    notes.push(
      note('pieces', `no id: ${sequences.ids.length} pieces of 128 rows are the sequences, the last the test part`),
    )
  }
  if (schema.balanced)
    notes.push(note('balanced', 'labels are unequal: each counts alike in training, macro-F1 decides'))
  return notes
}

function nextTrial(
  tried: readonly Tried<SequenceTrial>[],
  variations: readonly Variation[],
  prepared: PreparedSequences,
  seed: number,
): SequenceTrial | null {
  const variation = variations[tried.length]
  if (variation === undefined) return null
  const best = [...tried].sort((a, b) => a.score - b.score)[0]?.trial.wish
  const wish = variation.change(best ?? { reading: 'last', frame: 1, dropout: 0 })
  return trialOf(prepared, { name: spoken(wish, prepared), wish, shape: { ...wish, members: 1 } }, seed)
}

function spoken({ reading, frame, dropout }: Wish, { schema }: PreparedSequences): string {
  const { hidden, bidirectional } = stackOf(schema)
  const parts = [`${bidirectional ? 'bidirectional ' : ''}gru ${hidden}`]
  if (schema.of === 'sequence') parts.push(reading === 'mean' ? 'mean over time' : 'last step')
  if (frame > 1) parts.push(`frames of ${frame} steps`)
  if (dropout > 0) parts.push(`dropout ${dropout}`)
  return parts.join(', ')
}

/** Tokens that are fewer than this are letters and codes, which come again and again; more are words, mostly rare. */
const WORDS = 1000

/**
 * First rows of an embedding. Letters as PyTorch draws them: from uniform(0.1) a network starts with next to no input,
 * and first names had a loss of 0.37 instead of 0.31. Words stay small, for a rare one keeps what was drawn: parts of
 * speech in the Brown corpus had a loss of 0.28 instead of 0.14 from N(0, 1).
 */
export function firstRows(vocabulary: number): Init {
  return vocabulary < WORDS ? gaussian(1) : uniform(0.1)
}

/** Columns of an embedding: four times the root of the levels, at most 64. */
function embeddingOf(vocabulary: number): number {
  return Math.min(64, Math.ceil(4 * Math.sqrt(vocabulary)))
}

function trialOf(
  prepared: PreparedSequences,
  { name, wish, shape }: Pick<SequenceTrial, 'name' | 'wish' | 'shape'>,
  seed: number,
): SequenceTrial {
  const { schema, data, targets, K, parts } = prepared
  const task = sequenceTask({ schema, data, targets, K, ...parts }, shape, seed)
  const { width, vocabulary } = data
  const values = width > 0 ? { size: width * shape.frame } : {}
  const tokens = vocabulary > 0 ? { vocabulary, embedding: embeddingOf(vocabulary), init: firstRows(vocabulary) } : {}
  return {
    name,
    recipe: name,
    wish,
    shape,
    task,
    model: {
      input: { ...values, ...tokens } as SequenceTrial['model']['input'],
      rnn: stackOf(schema),
      head: classification(K, { steps: shape.reading === 'last' ? 'last' : 'every' }),
    },
    training: trainingOf(parts.training.length, wish.dropout),
  }
}

/** The targets of what is asked for a part: sequences or steps. */
function targetsOf({ schema, sequences, targets }: PreparedSequences, which: Int32Array): Int32Array {
  const places = schema.of === 'row' ? stepsIn(sequences, which) : which
  return places.map((i) => targets[i]!)
}

function judged(prepared: PreparedSequences, shape: Shape, model: Model) {
  const { data, parts, K, schema, names } = prepared
  const probabilities = probabilitiesOf(model, data, parts.validation, shape)
  const targets = targetsOf(prepared, parts.validation)
  if (schema.kind === 'next') {
    const { hitRate, perplexity } = itemScores(targets, K, (i, k) => probabilities[i * K + k]!)
    return { score: perplexity, shown: { hitRate, perplexity } }
  }
  const { accuracy, macroF1 } = padded(targets, probabilities, K, names.length)
  const { perplexity } = itemScores(targets, K, (i, k) => probabilities[i * K + k]!)
  // Of equally right recipes the one that is surer of what is right.
  const score = 1 - (schema.score === 'macroF1' ? macroF1 : accuracy) + 1e-6 * Math.log(perplexity)
  return { score, shown: { accuracy, macroF1 } }
}

/** Scores where some labels are none of the network's classes. */
function padded(targets: Int32Array, probabilities: Float64Array, K: number, all: number) {
  return labelScores(targets, answersIn(probabilities, K), all)
}

function outcomeOf(
  prepared: PreparedSequences & { readonly notes: readonly Note[] },
  trial: string,
  shape: Shape,
  model: Model,
): Outcome {
  const { schema, fitted: measured, data, parts, sequences, K, names, notes } = prepared
  const fitted: FittedSequences = { ...measured, reading: shape.reading, frame: shape.frame }
  const whole: SequenceSchema = { ...schema, fitted }
  const probabilities = probabilitiesOf(model, data, parts.test, shape)
  const targets = targetsOf(prepared, parts.test)
  const more: Note[] = []
  const methods: Method[] = []
  if (schema.kind === 'next') {
    const steps = stepsIn(sequences, parts.test)
    for (const { name, probability } of itemBaselines({ ...prepared })) {
      methods.push({ name, ...itemScores(targets, K, (i, k) => probability(steps[i]!, k)) })
    }
    methods.push({ name: 'network', ...itemScores(targets, K, (i, k) => probabilities[i * K + k]!) })
  } else {
    const baselines = labelBaselines({ ...prepared, K: names.length })
    for (const { name, answers } of baselines.methods) methods.push(scored(name, targets, answers, names.length))
    methods.push(scored('network', targets, answersIn(probabilities, K), names.length))
    for (const text of baselines.skipped) more.push(note('skipped', text))
  }
  const winner = winnerOf(schema, methods)
  const report = { prepared: { ...prepared, schema: whole }, methods, winner, trial, notes: [...notes, ...more] }
  return {
    schema: whole,
    methods,
    winner,
    notes: report.notes,
    files: sequenceFiles({ ...report, probabilities, targets }),
  }
}

function scored(name: string, targets: Int32Array, answers: Int32Array, all: number): Method {
  const { accuracy, macroF1 } = labelScores(targets, answers, all)
  return { name, accuracy, macroF1 }
}

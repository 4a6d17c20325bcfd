/**
 * The options of training, each declared once: its type, default and check, its place in config.json (the order below),
 * its flags and their help. The only other place that knows of an option is where it
 * is used.
 */

import { checked, InputError, shown } from '../error.ts'
import { below1, type Flag, finite, flagged, type Given, kindOf, names, oneOf, powerOfTwo, whole } from '../flag.ts'
import { checkedLoss, type LossSpec, type OwnLoss } from '../loss.ts'
import * as z from '../schema.ts'
import { CLIP_FLAGS, clipNorm, clipSchema } from './clip.ts'
import { CURRICULUM_FLAGS, curriculumSchema } from './curriculum.ts'
import { adam, optimizerSchema } from './optim.ts'
import { OPTIMIZER_FLAGS } from './optimFlags.ts'
import { kinds, option, type TrainOption } from './option.ts'
import type { TableUpdate } from './rules.ts'
import { constantRate, SCHEDULE_FLAGS, scheduleSchema } from './schedule.ts'
import { SOFTMAX_FLAGS, softmaxSchema } from './softmax.ts'

/** A run has at most so many step records: the default and the check of stepEvery follow from it. */
export const MAX_STEP_RECORDS = 20_000

export const OPTIONS = {
  /** Sequences of a minibatch. Default 16. */
  batch: option({ value: whole(), default: 16, flag: '--batch <B>', help: 'sequences of a minibatch' }),
  /** Minibatch updates at most. Default 10,000. */
  iterations: option({
    value: whole(),
    default: 10_000,
    flag: '--iterations <N>',
    help: 'minibatch updates',
    mayChange: true,
  }),
  /** Default adam(). */
  optimizer: kinds(optimizerSchema, { default: adam(), flags: OPTIMIZER_FLAGS }),
  /**
   * Whether training sequences grow from short ones to those of the task: default noCurriculum(), or growingLengths().
   */
  curriculum: kinds(curriculumSchema, { default: { kind: 'none' }, flags: CURRICULUM_FLAGS, onRequest: true }),
  /** Of the learning rate. Default constantRate(). */
  schedule: kinds(scheduleSchema, { default: constantRate(), flags: SCHEDULE_FLAGS }),
  /** Default clipNorm(1). */
  clip: kinds(clipSchema, { default: clipNorm(1), flags: CLIP_FLAGS }),
  /**
   * Evaluate and save, in place of the weights themselves, an average of them over the iterations, in which what was
   * counts for this much from one iteration to the next: 0.999 is over about the last thousand. Training goes on with
   * the weights themselves. In the beginning it is over a ninth of the run. Default 0: no average.
   */
  average: option({
    value: below1,
    default: 0,
    flag: '--average <a>',
    help:
      'evaluate and save an average of the weights, over about the last 1 / (1 - a) iterations: 0.999 (default: 0, ' +
      'the weights themselves)',
  }),
  /**
   * Minibatches whose gradients make one update, as those of one minibatch so many times as large. Default 1.
   * Iterations are updates.
   */
  accumulate: option({
    value: whole(),
    default: 1,
    flag: '--accumulate <k>',
    help: 'minibatches that make one update: as a batch k times as large, in the memory of one (default: 1)',
  }),
  /**
   * Parts of equal size that every minibatch is cut into, a power of two: each is computed as a minibatch of its own,
   * and what they find is summed as a balanced binary tree, so that ranks which share the parts get the same bits.
   * Dropout and the candidates of a sampled softmax are drawn part by part. Default 1.
   */
  shards: option({
    value: powerOfTwo,
    default: 1,
    flag: '--shards <V>',
    help:
      'cut every minibatch into V parts, a power of two, for as many ranks or fewer; the result depends on V ' +
      '(default: 1)',
  }),
  /** Parameters that are left alone, by name (`head.bias`) or its beginning (`embedding`, `rnn`). Default none. */
  frozen: option<readonly string[]>({
    value: names,
    default: [],
    flag: '--frozen <names>',
    help: 'parameters that are left alone, by name or its beginning, with commas between: embedding,rnn.weight_hh_l0',
  }),
  /**
   * How rows of an embedding, or of the head under a sampled softmax, are updated for which a minibatch has no
   * gradient: `dense`, by a gradient of 0 as any other weight; `lazy`, not at all; `auto`, the default: densely in
   * tables of at most 10 million numbers. Runs of 0.1.0 were lazy, and are when they go on.
   */
  tables: option<TableUpdate>({
    value: oneOf('auto', 'dense', 'lazy'),
    default: 'auto',
    flag: '--tables <how>',
    help:
      'words that a minibatch does not have: moved by what the optimiser remembers of them (dense), left alone ' +
      '(lazy), or dense in tables of at most 10 million numbers (default: auto)',
    onRequest: true,
  }),
  /** What is minimised; null, the default: the task's loss. Of a loss of your own, config.json has the name alone. */
  loss: {
    default: null,
    mayChange: false,
    onRequest: false,
    flags: [],
    check: (given, name) => (given === null ? null : checkedLoss(`training: ${name}`, given as LossSpec)),
    fromFlags: (base) => base,
  } as TrainOption<LossSpec | OwnLoss | null>,
  /**
   * Whether gradients are of the loss averaged (the default) or summed over the batch. Reported losses are always
   * means.
   */
  reduction: option<'mean' | 'sum'>({
    value: oneOf('mean', 'sum'),
    default: 'mean',
    flag: '--loss <how>',
    help: 'mean or sum over the batch (default: mean)',
  }),
  /**
   * Iterations between evaluations on the test set, and the held-out set where the task has one; the last iteration is
   * always evaluated. Default: a twentieth of the run.
   */
  evalEvery: option({
    value: whole(),
    default: (iterations) => Math.max(1, Math.ceil(iterations / 20)),
    flag: '--eval-every <N>',
    help: 'iterations between evaluations',
  }),
  /**
   * Iterations between probes: how far a gradient travels back through the steps, and what the units do on the way
   * (ProbeEvent). The first is before the first iteration. A probe costs as much as two or three iterations and changes
   * no bit of the run. There are none where one would keep more than 64 MB, even of one sequence. Default 0: none. Not
   * for bidirectional models.
   */
  probeEvery: option({
    value: whole(0),
    default: 0,
    flag: '--probe-every <N>',
    help:
      'iterations between records of how far the gradient travels back through the steps, each of which costs as ' +
      'much as two or three iterations (default: 0, none)',
    mayChange: true,
  }),
  /** Sequences of a batch in an evaluation. Default 100. */
  evalBatch: option({ value: whole(), default: 100 }),
  /** Iterations that a step record covers. Default 10, or more where a run would have over 20,000 records. */
  stepEvery: option({
    value: whole(),
    default: (iterations) => Math.max(10, Math.ceil(iterations / MAX_STEP_RECORDS)),
    mayChange: true,
  }),
  /**
   * Stop at the first evaluation as good as this (mse at most, accuracy at least; METRICS says which way); null, the
   * default: use all iterations.
   */
  target: option<number | null>({
    value: kindOf(z.number().nullable(), finite.expected),
    default: null,
    flag: '--target <score>',
    help: ({ score }) => `stop at the first evaluation as good as this: ${score}`,
    mayChange: true,
  }),
  /**
   * After a collapse (collapse.ts), or a loss or gradient that is not finite: say so and go on (the default), or stop.
   */
  onCollapse: option<'continue' | 'stop'>({
    value: oneOf('continue', 'stop'),
    default: 'continue',
    flag: '--on-collapse <what>',
    help: 'when the training loss is ten times its best, or a minibatch is not finite (default: continue, and say so)',
    mayChange: true,
  }),
  /**
   * The loss of training: over all classes (the default), or over `samples` of them that are drawn anew for each
   * minibatch. Evaluation is over all.
   */
  softmax: kinds(softmaxSchema, { default: { kind: 'full' }, flags: SOFTMAX_FLAGS, onRequest: true }),
  /** Share of the units that dropout leaves out after an embedding, between layers and below the head. Default 0. */
  dropout: option({
    value: below1,
    default: 0,
    flag: '--dropout <p>',
    help:
      'share of the units left out in training: after the embedding, between layers and below the output ' +
      '(default: 0)',
    onRequest: true,
  }),
  /** Of what training draws by itself: candidates of a sampled softmax, masks of dropout. Default 1. */
  seed: option({
    value: whole(0),
    default: 1,
    flag: '--seed <n>',
    help: 'seed of data, weights and training: the same seed gives the same bits',
    flagDefault: 1,
  }),
  /**
   * Keep only every √T-th state and compute the others again (PlanOptions): for sequences too long for memory, same
   * bits.
   */
  activationCheckpointing: option({
    value: flagged,
    default: false,
    flag: '--activation-checkpointing',
    help: 'keep every √T-th state only and compute the others again: memory for very long sequences, the same bits',
    mayChange: true,
  }),
}

type Specified<Options> = { readonly [K in keyof Options]: Options[K] extends TrainOption<infer V> ? V : never }

/** How a model is trained, complete: what config.json stores. */
export interface TrainSpec extends Specified<typeof OPTIONS> {}

/** What a person gives; undefined is the default. */
export type TrainOptions = { readonly [K in keyof TrainSpec]?: TrainSpec[K] | undefined }

const ENTRIES = Object.entries(OPTIONS) as [keyof TrainSpec, TrainOption<unknown>][]

/** For the check that there are no other options, which says which one was meant. */
const NAMES = z.strictObject(Object.fromEntries(ENTRIES.map(([name]) => [name, z.unknown().optional()])))

/** @throws InputError unless every option is there, as `trainSpec` leaves them */
export function refuseIncomplete(spec: TrainSpec): void {
  const given: unknown = spec
  if (typeof given === 'object' && given !== null && ENTRIES.every(([name]) => Object.hasOwn(given, name))) {
    for (const [name, option] of ENTRIES) option.check(spec[name], name)
    return
  }
  throw new InputError(`training: expected what trainSpec() gives but received ${shown(given)}`)
}

/** Options that every stored run has. The others came later: a run without one has its default. */
const STORED: readonly string[] = ['batch', 'iterations', 'optimizer', 'schedule', 'clip', 'reduction', 'evalEvery']

/**
 * Refuses the options of a stored run that are not what they can be; those of later versions are passed over.
 * @throws InputError, one line naming the option
 */
export function refuseDamagedOptions(stored: Readonly<Record<string, unknown>>): void {
  for (const [name, option] of ENTRIES) {
    const value = stored[name] as { readonly kind?: unknown } | null | undefined
    if (name === 'loss' && value?.kind === 'own') continue // of a loss of one's own a run holds the name alone
    if (Object.hasOwn(stored, name) || STORED.includes(name)) option.check(value, name)
  }
}

/** What every config.json of 0.1.0 has, whose runs updated tables lazily and could not say so. */
const OF_010 = (
  'batch iterations optimizer schedule clip reduction evalEvery evalBatch stepEvery target onCollapse softmax ' +
  'dropout seed activationCheckpointing'
).split(' ') as (keyof TrainSpec)[]

/**
 * The options of a run with every default filled in. Those of a run of 0.1.0, complete but for what is newer, stay what
 * they were then.
 * @throws InputError, one line naming the option
 */
export function trainSpec(given: TrainOptions = {}): TrainSpec {
  checked(NAMES, given, 'training')
  const of010 = given.tables === undefined && OF_010.every((name) => given[name] !== undefined)
  const options: TrainOptions = of010 ? { ...given, tables: 'lazy' } : given
  const spec: Partial<Record<keyof TrainSpec, unknown>> = {}
  for (const [name, option] of ENTRIES) {
    const value = options[name] ?? (options[name] === undefined ? defaultOf(option, spec.iterations as number) : null)
    spec[name] = option.check(value, name)
  }
  return withinRecords(spec as TrainSpec)
}

function defaultOf(option: TrainOption<unknown>, iterations: number): unknown {
  return typeof option.default === 'function' ? option.default(iterations) : option.default
}

function withinRecords(spec: TrainSpec): TrainSpec {
  const { iterations, stepEvery } = spec
  if (iterations <= stepEvery * MAX_STEP_RECORDS) return spec
  throw new InputError(
    `training: stepEvery: expected at least ${Math.ceil(iterations / MAX_STEP_RECORDS)}, for at most ` +
      `${MAX_STEP_RECORDS} records, but received ${stepEvery}`,
  )
}

/** The flags of training, for a task that asks for `requested` of the options that are not for every task. */
export function trainingFlags(requested: readonly string[] = []): readonly Flag[] {
  return ENTRIES.flatMap(([name, { flags, onRequest }]) => (onRequest && !requested.includes(name) ? [] : flags))
}

/**
 * The options of a recipe, with flags in place of what they set. @throws InputError when flags contradict each other
 */
export function optionsFromFlags(recipe: TrainOptions, given: Given): TrainOptions {
  return Object.fromEntries(ENTRIES.map(([name, option]) => [name, option.fromFlags(recipe[name], given)]))
}

/** Whether a resumed run may have another value of that option than it began with. */
export function mayChange(name: string): boolean {
  return Object.hasOwn(OPTIONS, name) && OPTIONS[name as keyof TrainSpec].mayChange
}

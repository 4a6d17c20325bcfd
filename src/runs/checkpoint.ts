/**
 * A checkpoint: all that a run needs to go on to the same bits, in one file. It is a safetensors file like a model's,
 * and loads as one: the weights under PyTorch's names, and of a run with an average the average. Beside them are the
 * optimiser's arrays as `optimizer.m` …, the weights that training goes on with as `trained.weights` where there is an
 * average, the state of streams of text as `carried.h`, and in the metadata the rest of the state, what run it is of,
 * how long its records were, and a SHA-256 of the whole file.
 *
 * Three are kept: the last, the one before it, and the one with the best test score.
 */
import * as fs from 'node:fs'
import * as path from 'node:path'
import type { Floats } from '../backend/backend.ts'
import { readingFile } from '../disk.node.ts'
import { checked, InputError, refuseNoObject, refuseUnless, shown } from '../error.ts'
import { decode, encodeParts, type NamedTensor, type Source, sourceOf } from '../formats/safetensors.ts'
import { type Model, modelOf } from '../model/model.ts'
import { modelTensors } from '../model/modelFile.ts'
import { allFinite } from '../model/values.ts'
import * as z from '../schema.ts'
import { mayChange, type TrainSpec } from '../train/options.ts'
import type { RunState } from '../train/runState.ts'
import { FIRST_RATE } from '../train/schedule.ts'
import { NO_SUM, readOnce, writeSum } from './checksum.ts'
import { type Mark, markAt } from './records.ts'

export const LAST = 'checkpoint-last.safetensors'
export const PREVIOUS = 'checkpoint-previous.safetensors'
export const BEST = 'checkpoint-best.safetensors'

/** What identifies a run in config.json. A checkpoint continues only the run that it was written by. */
export interface RunIdentity {
  readonly seed: number
  readonly task: { readonly name: string; readonly options: object }
  readonly model: object
  readonly training: TrainSpec
}

/** What a checkpoint holds beside the model. */
export interface Checkpoint {
  readonly state: RunState
  /** Where it stands among the run's records. */
  readonly mark: Mark
  /** The whole file in memory, for `loadModel`. Its arrays and those of the state are the same. */
  readonly source: Source
}

const FORMAT = 1
const OPTIMIZER = 'optimizer.'
const CARRIED = 'carried.'
const TRAINED = 'trained.weights'
const count = z.int().min(0)
const spread = z.tuple([z.number(), z.number(), z.number()]).nullable()
// A test score may be NaN or infinite, for which JSON has no numbers: strings in the file, as in metrics.jsonl.
const score = z.record(
  z.string(),
  z.custom<number>((value) => typeof value === 'number'),
)
const judge = z.object({ name: z.string(), lowerIsBetter: z.boolean(), percent: z.boolean().optional() })
const stateSchema = z.object({
  iteration: count,
  seconds: z.number(),
  stream: z.looseObject({}),
  rate: z.object({ best: z.number().nullable(), drops: count }).default({ ...FIRST_RATE }),
  generator: z.array(z.int()).nullable().default(null),
  window: z.object({ n: count, loss: spread, gradNorm: spread, clipped: count, lr: z.number(), ms: z.number() }),
  liveShare: z.number(),
  collapse: z.object({ n: count, sum: z.number(), best: z.number().nullable(), collapsed: z.boolean() }),
  skipped: count,
  test: score.nullable(),
  heldOut: score.optional(),
  judge: judge.optional(),
  evaluated: count,
  probed: z.int().min(-1).optional(),
  loss: z.looseObject({ kind: z.string() }).optional(),
  tables: z.enum(['auto', 'dense', 'lazy']).optional(),
  best: z.object({ iteration: count, test: score, heldOut: score.optional(), judge: judge.optional() }).nullable(),
})
const runSchema = z.object({ format: z.literal(FORMAT), identity: z.string() })
const markSchema: z.Schema<Mark> = z.object({
  count,
  last: z
    .object({
      type: z.enum(['run', 'step', 'collapse', 'stage', 'probe', 'eval', 'checkpoint', 'alert', 'done']),
      iteration: count,
    })
    .nullable(),
})

/**
 * The bytes of a checkpoint, in parts to be written one after the other: its header, and views of the weights and
 * arrays.
 */
export function encodeCheckpoint(model: Model, state: RunState, run: RunIdentity, mark: Mark): Uint8Array[] {
  modelOf(model)
  refuseNoObject('checkpoint: state', state)
  refuseNoObject('checkpoint: state: optimizer', state.optimizer)
  refuseNoIdentity(run)
  checked(markSchema, mark, 'checkpoint: mark')
  refuseNoArrays(state)
  const { optimizer, carried, trained, bestWeights: _, ...rest } = state // the best weights have a file of their own
  const arrays = Object.entries(optimizer).map(([name, data]) => ({
    name: OPTIMIZER + name,
    shape: [data.length],
    data,
  }))
  if (trained) arrays.push({ name: TRAINED, shape: [trained.length], data: trained })
  const parts = encodeParts([...modelTensors(modelOf(model)), ...arrays, ...statesOf(carried, model.spec.rnn.hidden)], {
    irnn: JSON.stringify(model.spec),
    run: JSON.stringify({ format: FORMAT, identity: identityOf(run) }),
    mark: JSON.stringify(mark),
    state: JSON.stringify(rest, (name, value) => {
      writable('checkpoint: state', name, value)
      return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value
    }),
    sha256: NO_SUM,
  })
  writeSum(parts)
  return parts
}

/** @throws InputError unless its arrays are those of floats */
function refuseNoArrays({ optimizer, carried, trained }: RunState): void {
  const given = {
    ...optimizer,
    ...(carried && { h: carried.h, c: carried.c ?? carried.h }),
    ...(trained && { trained }),
  }
  for (const [name, data] of Object.entries(given)) {
    refuseUnless(ArrayBuffer.isView(data), `checkpoint: state: ${name}`, 'an array of floats', data)
  }
  if (carried) refuseUnless(carried.B >= 1, 'checkpoint: state: carried: B', 'a whole number >= 1', carried.B)
}

/** The states from which streams of text go on, as tensors [layers, B, H]. */
function statesOf(carried: RunState['carried'], H: number): NamedTensor[] {
  if (!carried) return []
  const { B, h, c } = carried
  const tensor = (name: string, data: Floats) => ({ name: CARRIED + name, shape: [data.length / (B * H), B, H], data })
  return [tensor('h', h), ...(c ? [tensor('c', c)] : [])]
}

/**
 * Reads a checkpoint, all of it and once: its checksum, whether its numbers are finite, and where the run goes on.
 * @throws InputError when a bit is not what was written, or it is of another run, or of one that had diverged
 */
export function decodeCheckpoint(file: Uint8Array | Source, run: RunIdentity): Checkpoint {
  refuseNoIdentity(run)
  const { metadata, arrays, source } = readOnce(sourceOf(file))
  const part = <T>(schema: z.Schema<T>, name: string): T =>
    checked(schema, parsed(name, metadata.get(name)), `checkpoint: ${name}`)
  if (part(runSchema, 'run').identity !== identityOf(run)) {
    throw new InputError('of another run: its seed, task, model or training are not those of config.json')
  }
  for (const { name, data } of arrays) {
    if (!allFinite(data)) throw new InputError(`of a run that had diverged: ${name} is not finite`)
  }
  const named = (name: string) => arrays.find((array) => array.name === name)
  const optimizer = Object.fromEntries(
    arrays
      .filter(({ name }) => name.startsWith(OPTIMIZER))
      .map(({ name, data }) => [name.slice(OPTIMIZER.length), data]),
  )
  const h = named(`${CARRIED}h`)
  const carried = h ? { B: h.shape[1]!, h: h.data, c: named(`${CARRIED}c`)?.data ?? null } : null
  const state = part(stateSchema as z.Schema<unknown>, 'state') as Omit<RunState, 'optimizer' | 'carried' | 'trained'>
  const trained = named(TRAINED)?.data
  const mark = metadata.has('mark') ? part(markSchema, 'mark') : markOf010(state)
  return { state: { ...state, optimizer, carried, ...(trained && { trained }) }, mark, source }
}

/** Checkpoints of 0.1.0 knew the bytes of their files; how many records these were it does not say. */
function markOf010({ iteration, window }: Pick<RunState, 'iteration' | 'window'>): Mark {
  return { count: 0, last: markAt(iteration, window.n > 0) }
}

/** @throws InputError for what is no JSON */
function parsed(name: string, text = 'null'): unknown {
  try {
    return JSON.parse(text, revived)
  } catch {
    throw new InputError(`checkpoint: ${name}: expected JSON but received ${shown(text)}`)
  }
}

/** The iteration of a checkpoint that is used as a model; null for a file that is a model alone. */
export function iterationOf(file: Uint8Array | Source): number | null {
  const state = decode(file).metadata.get('state')
  if (state === undefined) return null
  return checked(z.looseObject({ iteration: count }), parsed('state', state), 'checkpoint: state').iteration
}

export interface Found {
  readonly checkpoint: Checkpoint
  /** Its name in the folder. */
  readonly name: string
}

/**
 * The last good checkpoint of the run in `dir`, and what is wrong with those that were passed over, a line each;
 * `found` is null if there is none at all. `lacking` says what the run's records lack up to a mark, null if nothing: a
 * checkpoint before the lack is preferred, since the run makes the records again from there; where there is none, the
 * last good one serves.
 * @throws InputError when there are checkpoints but none is good
 */
export function findCheckpoint(
  dir: string,
  run: RunIdentity,
  lacking: (mark: Mark) => string | null,
): { found: Found | null; problems: string[] } {
  const problems: string[] = []
  let incomplete: Found | null = null
  for (const name of [LAST, PREVIOUS, BEST]) {
    const file = path.join(dir, name)
    if (!fs.lstatSync(file, { throwIfNoEntry: false })) continue
    try {
      const checkpoint = readingFile(file, (source) => decodeCheckpoint(source, run))
      const lack = lacking(checkpoint.mark)
      if (lack === null) return { found: { checkpoint, name }, problems }
      incomplete ??= { checkpoint, name }
      problems.push(`${file}: ${lack}`)
    } catch (error) {
      if (!(error instanceof InputError)) throw error
      problems.push(error.message.startsWith(file) ? error.message : `${file}: ${error.message}`)
    }
  }
  if (incomplete) return { found: incomplete, problems }
  if (problems.length > 0) {
    throw new InputError(`${dir}: cannot go on: no checkpoint is good: ${problems.join('; ')}: start the run anew`)
  }
  return { found: null, problems }
}

/** @throws InputError unless it is the config of a run, or has what tells one from another */
function refuseNoIdentity(run: RunIdentity): void {
  refuseNoObject('run', run)
  refuseUnless(Number.isSafeInteger(run.seed), 'run: seed', 'a whole number', run.seed)
  refuseNoObject('run: task', run.task)
  refuseNoObject('run: model', run.model)
  refuseNoObject('run: training', run.training)
  refuseNoObject('run: training: schedule', run.training.schedule)
}

/**
 * The parts of a config that decide the numbers of a run. How long the run is belongs to them only if its rate falls
 * towards the end.
 */
function identityOf({ seed, task, model, training }: RunIdentity): string {
  const numbers = Object.fromEntries(Object.entries(training).filter(([name]) => !mayChange(name)))
  const end = knowsItsEnd(training) ? { iterations: training.iterations } : {}
  const parts = { seed, task: { name: task.name, options: task.options }, model, training: { ...numbers, ...end } }
  return JSON.stringify(parts, (name, value) => writable('run', name, value))
}

/** @throws InputError for what JSON does not write */
function writable(what: string, name: string, value: unknown): unknown {
  refuseUnless(typeof value !== 'bigint', `${what}: ${name}`, 'a number', value)
  return value
}

/** Whether the numbers of a run depend on how many iterations it is to have. */
export function knowsItsEnd({ schedule }: TrainSpec): boolean {
  return schedule.kind === 'cosine'
}

function revived(_: string, value: unknown): unknown {
  return value === 'NaN' || value === 'Infinity' || value === '-Infinity' ? Number(value) : value
}

/**
 * A checkpoint: all that a run needs to go on to the same bits, in one file. It is a safetensors file like a model's, and
 * loads as one: the weights under PyTorch's names, beside them the optimiser's arrays as `optimizer.m` … and the state of streams of
 * text as `carried.h`, and in the metadata the rest of the state, what run it is of, how long its records were, and a SHA-256 of the whole file.
 *
 * Three are kept: the last, the one before it, and the one with the best test score.
 */
import { createHash } from 'node:crypto'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { z } from 'zod'
import type { Floats } from '../backend/backend.ts'
import { readingFile } from '../disk.node.ts'
import { checked, InputError } from '../error.ts'
import { decode, encodeParts, type NamedTensor, type Source, sourceOf } from '../formats/safetensors.ts'
import type { Model } from '../model/model.ts'
import { modelTensors } from '../model/modelFile.ts'
import { allFinite } from '../model/values.ts'
import type { TrainSpec } from '../train/iteration.ts'
import type { RunState } from '../train/loop.ts'
import { FIRST_RATE } from '../train/schedule.ts'

export const LAST = 'checkpoint-last.safetensors'
export const PREVIOUS = 'checkpoint-previous.safetensors'
export const BEST = 'checkpoint-best.safetensors'

/** What a run is, as config.json has it: a checkpoint goes on only with the run it is of. */
export interface RunIdentity {
  readonly seed: number
  readonly task: { readonly name: string; readonly options: object }
  readonly model: object
  readonly training: TrainSpec
}

/** Bytes of the run's growing files that belong to the state. */
export interface Lengths {
  readonly metrics: number
  readonly board: number
}

/** What a checkpoint holds beside the model. */
export interface Checkpoint {
  readonly state: RunState
  readonly lengths: Lengths
}

const FORMAT = 1
const OPTIMIZER = 'optimizer.'
const CARRIED = 'carried.'
const MARK = '"sha256":"'
const NO_SUM = '0'.repeat(64)
/** The mark is among the first bytes of a file. */
const HEAD = 2 ** 20
/** Bytes that go into the sum at a time. */
const PART = 2 ** 24

const count = z.int().min(0)
const spread = z.tuple([z.number(), z.number(), z.number()]).nullable()
// A test score may be NaN or infinite, for which JSON has no numbers: strings in the file, as in metrics.jsonl.
const score = z.record(
  z.string(),
  z.custom<number>((value) => typeof value === 'number'),
)
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
  evaluated: count,
  best: z.object({ iteration: count, test: score, heldOut: score.optional() }).nullable(),
})
const runSchema = z.object({ format: z.literal(FORMAT), identity: z.string() })
const lengthsSchema: z.ZodType<Lengths> = z.object({ metrics: count, board: count })

/** The bytes of a checkpoint, in parts to be written one after the other: its header, and views of the weights and arrays. */
export function encodeCheckpoint(model: Model, state: RunState, run: RunIdentity, lengths: Lengths): Uint8Array[] {
  const { optimizer, carried, ...rest } = state
  const arrays = Object.entries(optimizer).map(([name, data]) => ({
    name: OPTIMIZER + name,
    shape: [data.length],
    data,
  }))
  const parts = encodeParts([...modelTensors(model), ...arrays, ...statesOf(carried, model.spec.rnn.hidden)], {
    irnn: JSON.stringify(model.spec),
    run: JSON.stringify({ format: FORMAT, identity: identityOf(run) }),
    lengths: JSON.stringify(lengths),
    state: JSON.stringify(rest, (_, value) =>
      typeof value === 'number' && !Number.isFinite(value) ? String(value) : value,
    ),
    sha256: NO_SUM,
  })
  const hash = createHash('sha256')
  for (const part of parts) for (let i = 0; i < part.length; i += PART) hash.update(part.subarray(i, i + PART))
  const header = parts[0]!
  header.set(Buffer.from(hash.digest('hex'), 'latin1'), sumPosition(header))
  return parts
}

/** What streams of text go on from, as tensors [layers, B, H]. */
function statesOf(carried: RunState['carried'], H: number): NamedTensor[] {
  if (!carried) return []
  const { B, h, c } = carried
  const tensor = (name: string, data: Floats) => ({ name: CARRIED + name, shape: [data.length / (B * H), B, H], data })
  return [tensor('h', h), ...(c ? [tensor('c', c)] : [])]
}

/** @throws InputError when a bit is not what was written, or it is of another run */
export function decodeCheckpoint(file: Uint8Array | Source, run: RunIdentity): Checkpoint {
  refuseDamaged(sourceOf(file))
  const { tensors, metadata } = decode(file)
  const part = <T>(schema: z.ZodType<T>, name: string): T =>
    checked(schema, JSON.parse(metadata.get(name) ?? 'null', revived), `checkpoint: ${name}`)
  if (part(runSchema, 'run').identity !== identityOf(run)) {
    throw new InputError('of another run: its seed, task, model or training are not those of config.json')
  }
  for (const [name, tensor] of tensors) for (const values of tensor.parts()) refuseDiverged(name, values)
  const optimizer: Record<string, RunState['optimizer'][string]> = {}
  for (const [name, tensor] of tensors) {
    if (name.startsWith(OPTIMIZER)) optimizer[name.slice(OPTIMIZER.length)] = tensor.read()
  }
  const h = tensors.get(`${CARRIED}h`)
  const carried = h ? { B: h.shape[1]!, h: h.read(), c: tensors.get(`${CARRIED}c`)?.read() ?? null } : null
  const state = part(stateSchema as z.ZodType<unknown>, 'state') as Omit<RunState, 'optimizer' | 'carried'>
  return { state: { ...state, optimizer, carried }, lengths: part(lengthsSchema, 'lengths') }
}

function refuseDiverged(name: string, values: Floats): void {
  if (!allFinite(values)) throw new InputError(`of a run that had diverged: ${name} is not finite`)
}

/** The iteration of a checkpoint that is used as a model; null for a file that is a model alone. */
export function iterationOf(file: Uint8Array | Source): number | null {
  const state = decode(file).metadata.get('state')
  if (state === undefined) return null
  return checked(z.looseObject({ iteration: count }), JSON.parse(state), 'checkpoint: state').iteration
}

export interface Found {
  readonly checkpoint: Checkpoint
  /** Its name in the folder. */
  readonly name: string
}

/**
 * The last good checkpoint of the run in `dir` that `usable` has nothing against (it throws an InputError if it has), and what
 * is wrong with those that were passed over, a line each; `found` is null if there is none at all.
 * @throws InputError when there are checkpoints but none is good, or one cannot be read
 */
export function findCheckpoint(
  dir: string,
  run: RunIdentity,
  usable: (checkpoint: Checkpoint) => void,
): { found: Found | null; problems: string[] } {
  const problems: string[] = []
  for (const name of [LAST, PREVIOUS, BEST]) {
    const file = path.join(dir, name)
    if (!fs.existsSync(file)) continue
    const checkpoint = readingFile(file, (source) => {
      try {
        const checkpoint = decodeCheckpoint(source, run)
        usable(checkpoint)
        return checkpoint
      } catch (error) {
        if (!(error instanceof InputError)) throw error
        problems.push(`${file}: ${error.message}`)
        return null
      }
    })
    if (checkpoint) return { found: { checkpoint, name }, problems }
  }
  if (problems.length > 0) {
    throw new InputError(`${dir}: cannot go on: no checkpoint is good: ${problems.join('; ')}: start the run anew`)
  }
  return { found: null, problems }
}

/** How long a run is changes nothing on the way, unless its rate falls towards the end; nor does what is only said of it, or saves memory. */
function identityOf({ seed, task, model, training }: RunIdentity): string {
  const { iterations, stepEvery: _, target: __, onCollapse: ___, activationCheckpointing: ____, ...numbers } = training
  const end = knowsItsEnd(training) ? { iterations } : {}
  return JSON.stringify({
    seed,
    task: { name: task.name, options: task.options },
    model,
    training: { ...numbers, ...end },
  })
}

/** Whether the numbers of a run depend on how many iterations it is to have. */
export function knowsItsEnd({ schedule }: TrainSpec): boolean {
  return schedule.kind === 'cosine'
}

function revived(_: string, value: unknown): unknown {
  return value === 'NaN' || value === 'Infinity' || value === '-Infinity' ? Number(value) : value
}

/** Where the checksum stands: quotes inside other metadata are escaped, so the mark cannot occur before. -1: nowhere. */
function sumPosition(bytes: Uint8Array): number {
  const at = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).indexOf(MARK)
  return at < 0 ? -1 : at + MARK.length
}

/**
 * The sum is the SHA-256 of the file with zeros in its place, in hexadecimal.
 * @throws InputError when a bit is not what was written; it begins with `what`, a file, where that is given
 */
export function refuseDamaged(source: Source, what?: string): void {
  const refuse = (how: string) => new InputError(`${what === undefined ? '' : `${what}: `}damaged: ${how}`)
  const { size } = source
  const head = Buffer.alloc(Math.min(size, HEAD))
  source.read(0, head)
  const at = sumPosition(head)
  if (at < 0) throw refuse('it has no checksum: it was cut off, or is no checkpoint')
  const stored = head.toString('latin1', at, at + NO_SUM.length)
  head.write(NO_SUM, at, 'latin1')
  const hash = createHash('sha256').update(head)
  const part = new Uint8Array(Math.min(PART, size - head.length))
  for (let from = head.length; from < size; from += PART) {
    const bytes = part.subarray(0, Math.min(PART, size - from))
    source.read(from, bytes)
    hash.update(bytes)
  }
  if (stored !== hash.digest('hex')) throw refuse('its checksum does not fit: it was cut off or changed')
}

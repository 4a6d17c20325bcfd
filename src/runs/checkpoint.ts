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
import { checked, InputError } from '../error.ts'
import { decode, encode, type NamedTensor } from '../formats/safetensors.ts'
import { type Model, modelTensors } from '../model.ts'
import { FIRST_RATE } from '../schedule.ts'
import type { RunState } from '../train.ts'
import type { TrainSpec } from '../training.ts'
import { explaining } from './disk.ts'

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

export interface Checkpoint {
  readonly state: RunState
  readonly lengths: Lengths
  /** The file, which `loadModel` takes. */
  readonly bytes: Uint8Array
}

const FORMAT = 1
const OPTIMIZER = 'optimizer.'
const CARRIED = 'carried.'
const MARK = '"sha256":"'
const NO_SUM = '0'.repeat(64)

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

/** The bytes of a checkpoint. */
export function encodeCheckpoint(model: Model, state: RunState, run: RunIdentity, lengths: Lengths): Uint8Array {
  const { optimizer, carried, ...rest } = state
  const arrays = Object.entries(optimizer).map(([name, data]) => ({
    name: OPTIMIZER + name,
    shape: [data.length],
    data,
  }))
  const bytes = encode([...modelTensors(model), ...arrays, ...statesOf(carried, model.spec.rnn.hidden)], {
    irnn: JSON.stringify(model.spec),
    run: JSON.stringify({ format: FORMAT, identity: identityOf(run) }),
    lengths: JSON.stringify(lengths),
    state: JSON.stringify(rest, (_, value) =>
      typeof value === 'number' && !Number.isFinite(value) ? String(value) : value,
    ),
    sha256: NO_SUM,
  })
  const at = sumPosition(bytes)
  bytes.set(Buffer.from(sumOf(bytes, at), 'latin1'), at)
  return bytes
}

/** What streams of text go on from, as tensors [layers, B, H]. */
function statesOf(carried: RunState['carried'], H: number): NamedTensor[] {
  if (!carried) return []
  const { B, h, c } = carried
  const tensor = (name: string, data: Floats) => ({ name: CARRIED + name, shape: [data.length / (B * H), B, H], data })
  return [tensor('h', h), ...(c ? [tensor('c', c)] : [])]
}

/** @throws InputError when a bit is not what was written, or it is of another run */
export function decodeCheckpoint(bytes: Uint8Array, run: RunIdentity): Checkpoint {
  refuseDamaged(bytes)
  const { tensors, metadata } = decode(bytes)
  const part = <T>(schema: z.ZodType<T>, name: string): T =>
    checked(schema, JSON.parse(metadata.get(name) ?? 'null', revived), `checkpoint: ${name}`)
  if (part(runSchema, 'run').identity !== identityOf(run)) {
    throw new InputError('of another run: its seed, task, model or training are not those of config.json')
  }
  const optimizer: Record<string, RunState['optimizer'][string]> = {}
  const h = tensors.get(`${CARRIED}h`)
  const carried = h ? { B: h.shape[1]!, h: h.data, c: tensors.get(`${CARRIED}c`)?.data ?? null } : null
  for (const [name, { data }] of tensors) {
    if (name.startsWith(OPTIMIZER)) optimizer[name.slice(OPTIMIZER.length)] = data
    else if (!data.every(Number.isFinite)) throw new InputError(`of a run that had diverged: ${name} is not finite`)
  }
  const state = part(stateSchema as z.ZodType<unknown>, 'state') as Omit<RunState, 'optimizer' | 'carried'>
  return { state: { ...state, optimizer, carried }, lengths: part(lengthsSchema, 'lengths'), bytes }
}

/** The iteration of a checkpoint that is used as a model; null for a file that is a model alone. */
export function iterationOf(bytes: Uint8Array): number | null {
  const state = decode(bytes).metadata.get('state')
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
    const bytes = explaining(file, 'cannot be read', () => fs.readFileSync(file))
    try {
      const checkpoint = decodeCheckpoint(bytes, run)
      usable(checkpoint)
      return { found: { checkpoint, name }, problems }
    } catch (error) {
      if (!(error instanceof InputError)) throw error
      problems.push(`${file}: ${error.message}`)
    }
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

/** @throws InputError when a bit is not what was written; it begins with `what`, a file, where that is given */
export function refuseDamaged(bytes: Uint8Array, what?: string): void {
  const refuse = (how: string) => new InputError(`${what === undefined ? '' : `${what}: `}damaged: ${how}`)
  const at = sumPosition(bytes)
  if (at < 0) throw refuse('it has no checksum: it was cut off, or is no checkpoint')
  const stored = Buffer.from(bytes.subarray(at, at + NO_SUM.length)).toString('latin1')
  if (stored !== sumOf(bytes, at)) throw refuse('its checksum does not fit: it was cut off or changed')
}

/** SHA-256 of the file with zeros in its place, in hexadecimal. */
function sumOf(bytes: Uint8Array, at: number): string {
  const hash = createHash('sha256').update(bytes.subarray(0, at)).update(NO_SUM)
  return hash.update(bytes.subarray(at + NO_SUM.length)).digest('hex')
}

/**
 * A command on one process, or on the ranks that mpirun or srun has started (`--distributed mpi`). Rank 0 alone writes
 * and speaks. What goes wrong on every rank, or is found out together, is said once and ends all in order; what goes
 * wrong on one rank alone ends that process, by which the launcher ends the others.
 */
import { availableParallelism } from 'node:os'
import type { Backend } from '../src/backend/backend.ts'
import { sha256 } from '../src/disk.node.ts'
import { type Group, solo } from '../src/distributed/group.ts'
import { joinMpi } from '../src/distributed/mpi.node.ts'
import { InputError } from '../src/error.ts'
import type { Model } from '../src/model/model.ts'
import { loadModel } from '../src/model/modelFile.ts'
import { decodeCheckpoint, encodeCheckpoint } from '../src/runs/checkpoint.ts'
import type { RunConfig } from '../src/runs/stored.ts'
import { DivergenceError } from '../src/train/divergence.ts'
import type { Run } from '../src/train/loop.ts'
import type { RunState } from '../src/train/runState.ts'
import { VERSION } from '../src/version.ts'
import { say } from './say.ts'

export interface RankFlags {
  readonly distributed?: 'mpi'
  readonly rankTimeout?: number
}

/** What a command needs to know of its ranks. */
export interface Ranks {
  readonly group: Group
  /** Whether this process writes and speaks. */
  readonly first: boolean
  /** Threads for each rank, where several share a machine. */
  readonly threads: number | undefined
}

/** Errors that every rank throws. */
const agreed = new WeakSet<object>()

/** Runs a command on the ranks that its flags ask for. @returns the exit code */
export async function onRanks(flags: RankFlags, work: (ranks: Ranks) => Promise<number>): Promise<number> {
  if (flags.distributed === undefined) {
    if (flags.rankTimeout === undefined) return work({ group: solo(), first: true, threads: undefined })
    throw new InputError('--rank-timeout: expected --distributed mpi beside it: add it')
  }
  const group = joinMpi({ timeout: flags.rankTimeout, building: () => say('irnn: building the add-on for MPI') })
  const first = group.rank === 0
  const threads = group.here > 1 ? Math.max(1, Math.floor(availableParallelism() / group.here)) : undefined
  let code = 0
  try {
    code = await work({ group, first, threads })
  } catch (error) {
    // Without MPI's farewell the launcher takes it for a failure, and ends the others.
    if (!agreed.has(error as object) && !(error instanceof DivergenceError)) throw error
    group.close()
    if (first) throw error
    return 0
  }
  group.close()
  return first ? code : 0 // the launcher ends the others at the first code that is not 0
}

/** What every rank does by itself. @throws the first failure, on all ranks */
export async function together<T>({ group }: Ranks, work: () => T | Promise<T>): Promise<T> {
  if (group.size === 1) return work()
  let made: T | undefined
  let failure: Error | null = null
  try {
    made = await work()
  } catch (error) {
    failure = error as Error
  }
  const said = gathered(group, failure && { message: failure.message, input: failure instanceof InputError })
  const rank = said.findIndex((one) => one !== null)
  if (rank < 0) return made as T
  const { message, input } = said[rank]!
  const where = rank === 0 ? message : `rank ${rank}: ${message}`
  throw known(input ? new InputError(where) : new Error(where))
}

/** On all ranks, a value of each. */
function gathered<T>(group: Group, value: T): T[] {
  const texts = group.gather(Buffer.from(JSON.stringify(value)))
  return texts.map((text) => JSON.parse(Buffer.from(text).toString()) as T)
}

function known(error: Error): Error {
  agreed.add(error)
  return error
}

const REMEDIES: Readonly<Record<string, string>> = {
  version: 'install the same irnn on all machines',
  backend: 'other kernels give other bits: use machines of one kind, or --backend wasm on all',
}
const SAME = 'start all ranks with the same options and the same data'

type Facts = Readonly<Record<string, string>>

/** Throws, on all ranks, an InputError unless they are about to train the same model in the same way. */
export function agree({ group }: Ranks, model: Model, { name, instructionSet }: Backend, run: object): void {
  if (group.size === 1) return
  const weights = new Uint8Array(model.weights.buffer, model.weights.byteOffset, model.weights.byteLength)
  const own: Facts = {
    version: VERSION,
    backend: instructionSet ? `${name} ${instructionSet}` : name,
    ...facts(run),
    weights: sha256(weights).slice(0, 12),
  }
  const error = disagreement(gathered(group, own))
  if (error) throw known(error)
}

/** The values of an object of objects: { 'training batch': '16' } */
function facts(of: object, where = ''): Facts {
  const parts = Object.entries(of).map(([name, value]): Facts => {
    const path = where + name
    const deeper = typeof value === 'object' && value !== null && !Array.isArray(value)
    return deeper ? facts(value as object, `${path} `) : { [path]: JSON.stringify(value) }
  })
  return Object.assign({}, ...parts) as Facts
}

/** What a rank has that is not rank 0's. */
export function disagreement(ranks: readonly Facts[]): InputError | null {
  const names = new Set(ranks.flatMap((facts) => Object.keys(facts)))
  for (const name of names) {
    const expected = ranks[0]![name]
    const rank = ranks.findIndex((one) => one[name] !== expected)
    if (rank < 0) continue
    const remedy = REMEDIES[name] ?? SAME
    return new InputError(
      `rank ${rank}: ${name}: expected ${expected}, as on rank 0, but received ${ranks[rank]![name]}: ${remedy}`,
    )
  }
  return null
}

/** What rank 0 does for all the others: it records, they only work. */
export async function follow(run: Run): Promise<number> {
  for await (const _ of run);
  return 0
}

/** "; 2 ranks of 2 parts each", for the first line of a run. */
export function onEach({ group: { size } }: Ranks, { shards }: { shards: number }): string {
  return size === 1 ? '' : `; ${size} ranks of ${shards / size} part${shards === size ? '' : 's'} each`
}

/** A run that goes on, as rank 0 has it, in bytes for the others; null: from the beginning. */
export interface Point {
  readonly model: Model
  readonly state: RunState
}

/**
 * Where a run goes on, on all ranks, from what rank 0 has read of the folder.
 * @param held rank 0's point, null for the beginning; the others give none
 */
export function shared({ group, first }: Ranks, config: RunConfig, held: Point | null, backend: Backend): Point | null {
  if (group.size === 1) return held
  const mark = { count: 0, last: null }
  const own = first && held ? Buffer.concat(encodeCheckpoint(held.model, held.state, config, mark)) : Buffer.alloc(0)
  const bytes = group.broadcast(first ? own : null)
  if (first || bytes.length === 0) return held
  const { state, source } = decodeCheckpoint(bytes, config)
  return { state, model: loadModel(source, { backend }) }
}

/**
 * The files of a trial's run through Redis, for workers that share no folder with the sweep: in the end its result,
 * and before that, if asked for, its checkpoints. What comes out of Redis is checked before it is in the folder of the
 * sweep: whoever may write there could have put it in.
 */
import * as fs from 'node:fs'
import * as path from 'node:path'
import type { Redis } from 'ioredis'
import { makeFolder, readBytes, TEMPORARY, writeAtomic } from '../disk.node.ts'
import { InputError } from '../error.ts'
import { BEST, LAST } from '../runs/checkpoint.ts'
import { isLocked } from '../runs/lock.ts'
import { CONFIG, METRICS, MODEL } from '../runs/stored.ts'
import { BOARD } from '../runs/tensorboard.ts'
import { CURVE } from '../runs/writer.ts'
import { TASKS } from '../tasks/tasks.node.ts'
import { folderOf, isOver, outcomeOf } from './folder.ts'
import { PREFIX } from './redis.ts'
import type { Trial } from './trials.ts'

/** More than a run of a network has that is worth sending, less than one value of Redis may have. */
export const MOST_BYTES = 64 * 2 ** 20

const TASK_FILES = TASKS.flatMap(({ files = [] }) => files)
/** The checkpoint first: records that were written meanwhile are taken back when it goes on. */
const PARTS = {
  checkpoint: [LAST, CONFIG, METRICS, ...TASK_FILES],
  result: [MODEL, BEST, CURVE, BOARD, CONFIG, METRICS, ...TASK_FILES],
}
export type Kind = keyof typeof PARTS

export function keyOf(name: string, ...parts: readonly string[]): string {
  return [PREFIX, name, ...parts].join(':')
}

/** Sends the files of a run. @throws InputError when they are too large */
export async function send(redis: Redis, name: string, kind: Kind, dir: string, trial: Trial): Promise<void> {
  const folder = folderOf(dir, trial)
  const there = PARTS[kind].filter((part) => fs.existsSync(path.join(folder, part)))
  const files = there.map((part) => [part, Buffer.from(readBytes(path.join(folder, part)))] as const)
  const size = files.reduce((sum, [, { length }]) => sum + length, 0)
  if (size > MOST_BYTES) {
    throw new InputError(
      `${trial.id}: expected a ${kind} of at most 64 MB to go through Redis but it has ${size} bytes: share the ` +
        'folder of the sweep, and name it as --dir',
    )
  }
  const key = keyOf(name, kind, trial.id)
  const sending = redis.multi().del(key).hset(key, Object.fromEntries(files))
  if (kind === 'result') sending.del(keyOf(name, 'checkpoint', trial.id))
  await sending.exec()
}

/** Writes the files of a parcel into the folder of a trial in `dir`. Returns whether there is one. */
export async function unpack(redis: Redis, name: string, kind: Kind, dir: string, trial: Trial): Promise<boolean> {
  const key = keyOf(name, kind, trial.id)
  if ((await redis.exists(key)) === 0) return false
  const folder = folderOf(dir, trial)
  makeFolder(folder)
  for (const part of [...PARTS[kind]].reverse()) {
    if ((await redis.hstrlen(key, part)) > MOST_BYTES) continue // before it is in memory
    const data = await redis.hgetBuffer(key, part)
    if (data !== null) writeAtomic(path.join(folder, part), [data])
  }
  return true
}

/**
 * Takes a result into the folder of the sweep, unless the trial is over there. What is no result of that trial is left
 * out.
 */
export async function takeResult(redis: Redis, name: string, dir: string, trial: Trial): Promise<void> {
  if (isOver(outcomeOf(dir, trial))) return
  const staging = path.join(dir, `incoming-${process.pid}${TEMPORARY}`)
  try {
    if (!(await unpack(redis, name, 'result', staging, trial)) || !isResult(staging, trial)) return
    const folder = folderOf(dir, trial)
    makeFolder(folder)
    if (isLocked(folder)) return // somebody runs it here: whichever is over first
    fs.rmSync(folder, { recursive: true, force: true })
    fs.renameSync(folderOf(staging, trial), folder)
    await redis.del(keyOf(name, 'result', trial.id))
  } finally {
    fs.rmSync(staging, { recursive: true, force: true })
  }
}

function isResult(dir: string, trial: Trial): boolean {
  try {
    return isOver(outcomeOf(dir, trial))
  } catch (error) {
    if (error instanceof InputError) return false
    throw error
  }
}

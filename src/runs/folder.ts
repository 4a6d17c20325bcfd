/**
 * The folder of a run: config.json (all it takes to repeat it), metrics.jsonl (the loop's events, one a line, appended
 * as they come) and the same for TensorBoard, checkpoints, model.safetensors, curve.svg. Whole files appear atomically:
 * written beside, synced to disk, renamed. So a run that dies leaves what it had, and nothing half-written but at most
 * the last line of metrics.jsonl; and it goes on from its last checkpoint as if it had never died.
 */
import * as fs from 'node:fs'
import * as path from 'node:path'
import { explaining, freeName, makeFolder, ownText, TEMPORARY, writeAtomic } from '../disk.node.ts'
import { InputError, refuseNoObject, refuseNoText, refuseUnknown, refuseUnless } from '../error.ts'
import type { Source } from '../formats/safetensors.ts'
import type { TrainEvent } from '../train/events.ts'
import type { RunState } from '../train/runState.ts'
import { revised } from './begin.ts'
import { BEST, findCheckpoint, LAST, PREVIOUS } from './checkpoint.ts'
import { OWNER, refuseFenced } from './fence.ts'
import { LOCK, lockFolder } from './lock.ts'
import { formatRecords, isMeasured, type Mark, type Records, recordsUntil } from './records.ts'
import { CONFIG, METRICS, MODEL, type RunConfig, recordsOf, refuseNoConfig, type StoredRun, stampOf } from './stored.ts'
import { BOARD } from './tensorboard.ts'
import { CURVE, jsonOf, type RunFolder, RunWriter } from './writer.ts'

const ALL = [CONFIG, METRICS, BOARD, LAST, PREVIOUS, BEST, MODEL, CURVE]

/** How the folder of a new run is made. */
export interface CreateOptions {
  /** Remove the files of an earlier run in the folder. Default false: such a folder is refused. */
  readonly overwrite?: boolean
  /** Files that belong to the run beside its config, by name. */
  readonly files?: Readonly<Record<string, string>> | undefined
  /** Its first record, which is there as soon as the config is: a run that is killed at once keeps it. Default none. */
  readonly begin?: TrainEvent | undefined
  /**
   * Names of such files of all tasks: those of an earlier run in the folder are that run's own, and `overwrite` removes
   * them.
   */
  readonly taskFiles?: readonly string[] | undefined
  /** Is given a line where there is something to know. */
  readonly say?: (line: string) => void
  /**
   * A token. Where another one stands in the folder's file `owner`, the run was taken over: it is not begun, and any
   * method that writes throws. Default none: the lock alone decides, which no other machine can pass.
   */
  readonly owner?: string | undefined
}

/**
 * Makes the folder of a new run, locks it, and writes its config: what cannot be written fails here, before any
 * training. `say` gets a line where there is something to know.
 * @throws InputError when it cannot be written, is not a folder, or is not empty; with `overwrite` the files of an
 * earlier run in it (and nothing else) are removed
 */
export function createRunFolder(dir: string, config: RunConfig, options: CreateOptions = {}): RunFolder {
  refuseNoText('createRunFolder', dir)
  refuseNoConfig(config, 'createRunFolder: config')
  refuseUnknown('createRunFolder', options, ['overwrite', 'files', 'begin', 'taskFiles', 'say', 'owner'])
  const { overwrite = false, files = {}, begin, say, owner } = options
  refuseNoObject('createRunFolder: files', files)
  for (const [name, text] of Object.entries(files)) refuseNoText(`createRunFolder: files: ${name}`, text)
  const { taskFiles = Object.keys(files) } = options
  const areNames = Array.isArray(taskFiles) && taskFiles.every((name) => typeof name === 'string')
  refuseUnless(areNames, 'createRunFolder: taskFiles', 'an array of names', taskFiles)
  if (owner !== undefined) refuseNoText('createRunFolder: owner', owner)
  refuseUnless(say === undefined || typeof say === 'function', 'createRunFolder: say', 'a function', say)
  const isRecord = begin === undefined || typeof begin?.type === 'string'
  refuseUnless(isRecord, 'createRunFolder: begin', 'a record with a type', begin)
  const events = begin === undefined ? [] : [begin]
  const names = [...ALL, ...taskFiles]
  return explaining(dir, 'cannot be written', () => {
    makeFolder(dir)
    refuseFilled(dir, names, overwrite)
    refuseFenced(dir, owner)
    const unlock = lockFolder(dir, say, owner !== undefined)
    return unlockingOnFailure(unlock, () => {
      refuseFilled(dir, names, overwrite) // by a run that began in the meantime
      // The config makes it the folder of a run, so it comes last. An old one is replaced, not removed: without it the
      // folder would be taken for somebody else's by the next --overwrite.
      for (const name of names.filter((name) => name !== CONFIG)) removeWhole(path.join(dir, name))
      const records = events.length > 0 ? { [METRICS]: formatRecords(events) } : {}
      writeBeginning(dir, { ...files, ...records, [CONFIG]: jsonOf(config) })
      return new RunWriter(dir, config, { files, events, unlock, say, owner })
    })
  })
}

/**
 * In their order, the config last; where that cannot be written, nothing is left that would make the folder somebody's.
 */
function writeBeginning(dir: string, files: Readonly<Record<string, string>>): void {
  try {
    for (const [name, text] of Object.entries(files)) writeAtomic(path.join(dir, name), text)
  } catch (error) {
    for (const name of Object.keys(files)) if (name !== CONFIG) removeWhole(path.join(dir, name))
    throw error
  }
}

function removeWhole(file: string): void {
  for (const name of [file, file + TEMPORARY]) remove(name)
}

/** A folder in the place of one of the run's files would stop it at its first write of that file. */
function setFoldersAside(file: string, say: (line: string) => void): void {
  for (const name of [file, file + TEMPORARY]) {
    if (!fs.lstatSync(name, { throwIfNoEntry: false })?.isDirectory()) continue
    say(`${name}: expected a file but it is a folder: kept as ${setAside(name)}`)
  }
}

/** Gives what is no file of a run another name, and returns that. */
function setAside(file: string): string {
  const aside = freeName(`${file}.damaged`)
  fs.renameSync(file, aside)
  return path.basename(aside)
}

/** @throws InputError that names the file, say where a folder has its name */
function remove(file: string): void {
  explaining(file, 'cannot be removed', () => fs.rmSync(file, { force: true }))
}

function refuseFilled(dir: string, names: readonly string[], overwrite: boolean): void {
  const held = fs.readdirSync(dir)
  const others = held.filter((name) => !name.startsWith(LOCK) && name !== OWNER)
  if (others.length === 0) return
  if (!held.includes(CONFIG)) {
    if (isBeginning(held, names)) return
    throw new InputError(`${dir}: expected a new or empty folder but it holds other files: name another folder`)
  }
  if (!overwrite) {
    throw new InputError(`${dir}: expected a new or empty folder but it holds a run: name another or add --overwrite`)
  }
}

/** Whether a run was killed before it had its config: it then left its lock, and only files with a run's names. */
function isBeginning(held: readonly string[], names: readonly string[]): boolean {
  const whole = (name: string) => (name.endsWith(TEMPORARY) ? name.slice(0, -TEMPORARY.length) : name)
  return (
    held.includes(LOCK) && held.every((name) => name.startsWith(LOCK) || names.includes(whole(name)) || name === OWNER)
  )
}

/** A run taken up again: its records end where its checkpoint was written. */
export interface ResumedRun<M> {
  readonly folder: RunFolder
  readonly config: RunConfig
  /** Its records up to here. */
  readonly events: readonly TrainEvent[]
  /** Where it goes on from, and its model; null: from the beginning, since it was killed before the first. */
  readonly checkpoint: { readonly state: RunState; readonly model: M } | null
}

/** How the folder of a run is taken up again. */
export interface ResumeOptions<M> {
  /** Makes the model of a checkpoint: loadModel. */
  readonly load: (source: Source) => M
  /** May change the config, for example the number of iterations. */
  readonly revise?: (config: RunConfig, iteration: number) => RunConfig
  /** Names of files that the run's task has beside its config. */
  readonly taskFiles?: readonly string[] | undefined
  /** Called with a line where there is something to know. */
  readonly say?: (line: string) => void
  /** As `owner` of createRunFolder. */
  readonly owner?: string | undefined
}

/**
 * Locks the folder of a run that was interrupted, finds its last good checkpoint, and takes back the records that came
 * after it. The checkpoint is read once, and the config is the one that `run` has.
 * @throws InputError when another process writes the folder, or has changed it since; when its files are damaged or
 * cannot be written
 */
export function resumeRunFolder<M>(run: StoredRun, options: ResumeOptions<M>): ResumedRun<M> {
  refuseNoObject('resumeRunFolder', run)
  refuseUnknown('resumeRunFolder', options, ['load', 'revise', 'taskFiles', 'say', 'owner'])
  const { dir, config: stored, stamp } = run
  const { load, revise = (config) => config, taskFiles = [], say = () => {}, owner } = options
  refuseNoText('resumeRunFolder: dir', dir)
  refuseUnless(typeof load === 'function', 'resumeRunFolder: load', 'a function that makes a model', load)
  if (owner !== undefined) refuseNoText('resumeRunFolder: owner', owner)
  refuseFenced(dir, owner)
  const unlock = explaining(dir, 'cannot be written', () => lockFolder(dir, say, owner !== undefined))
  return unlockingOnFailure(unlock, () => {
    if (stampOf(dir) !== stamp) {
      throw new InputError(`${dir}: another process has changed the run since its ${CONFIG} was read: try again`)
    }
    const records = recordsOf(dir)
    const { found, problems } = findCheckpoint(dir, stored, (mark) => lackOf(records, mark))
    for (const problem of problems) say(`${problem}; going on from ${found?.name}`)
    if (!found && fs.existsSync(path.join(dir, MODEL))) throw new InputError(`${dir}: ${NO_WAY_ON}`)
    const config = revise(stored, found?.checkpoint.state.iteration ?? 0)
    const checkpoint = found && { state: found.checkpoint.state, model: load(found.checkpoint.source) }
    return explaining(dir, 'cannot be written', () => {
      if (config !== stored) writeAtomic(path.join(dir, CONFIG), jsonOf(config))
      for (const name of ALL) setFoldersAside(path.join(dir, name), say)
      for (const name of ALL) remove(path.join(dir, name + TEMPORARY))
      remove(path.join(dir, MODEL)) // the run is no longer at its end
      const before = recordsBefore(dir, records, found?.checkpoint.mark ?? { count: 0, last: null }, say)
      const renew = (event: TrainEvent) => (event.type === 'run' ? revised(event, config) : event)
      const events = config === stored ? before : before.map(renew)
      const files = textsIn(dir, taskFiles)
      const folder = new RunWriter(dir, config, { files, events, unlock, say, owner, keepLast: problems.length === 0 })
      return { folder, config, events, checkpoint }
    })
  })
}

const NO_WAY_ON =
  `expected a checkpoint to go on from but there is none: its ${MODEL} is left as it is: ` +
  'start another run in another folder'

/** What the records lack up to `mark`; null if nothing. */
function lackOf({ events }: Records, { count, last }: Mark): string | null {
  const missing = count - recordsUntil(events, last).filter(isMeasured).length
  return missing > 0 ? `${missing} of the ${count} records before it are missing in ${METRICS}` : null
}

/**
 * The records up to `mark`. A file that holds other things as well is kept beside the one that the run goes on with: a
 * run whose checkpoints are good goes on whatever its records look like.
 */
function recordsBefore(
  dir: string,
  { events, problems }: Records,
  { last }: Mark,
  say: (line: string) => void,
): TrainEvent[] {
  const file = path.join(dir, METRICS)
  if (problems.length > 0 && fs.lstatSync(file, { throwIfNoEntry: false })) {
    say(`${file}: ${problems[0]}: kept as ${setAside(file)}, and written anew without`)
  }
  return recordsUntil(events, last)
}

function unlockingOnFailure<T>(unlock: () => void, work: () => T): T {
  try {
    return work()
  } catch (error) {
    try {
      unlock()
    } catch {} // the first failure is the one to tell
    throw error
  }
}

function textsIn(dir: string, names: readonly string[]): Record<string, string> {
  const held = names.filter((name) => fs.existsSync(path.join(dir, name)))
  return Object.fromEntries(held.map((name) => [name, ownText(path.join(dir, name))]))
}

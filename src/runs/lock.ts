/**
 * One writer for a run: the file `run.lock` names it. A process that was killed leaves it behind; the next one on the
 * same machine sees that no process of that number, started at that time, is alive, and takes the lock over (claim.ts
 * says how, safely).
 */
import { createHash, randomUUID } from 'node:crypto'
import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import { kindOf } from '../disk.node.ts'
import { InputError } from '../error.ts'
import { claim, type LockFiles, release } from './claim.ts'

export const LOCK = 'run.lock'

interface Holder {
  readonly host: string
  readonly pid: number
  /** Tells the process from a later one of the same number; null where the system does not say. */
  readonly started: string | null
  /**
   * The pid namespace, in which alone `pid` means something; null where the system does not say, absent in records of
   * 0.1.0.
   */
  readonly space?: string | null
  /** Makes the record unlike all others; absent in records of 0.1.0. */
  readonly id?: string
}

/**
 * Locks `dir` against other writers and returns what unlocks it. `say` gets a line if the lock of a dead process was
 * taken over. `fenced`: a process of another machine gives way, since the fence keeps it from writing (fence.ts).
 * @throws InputError when another process has it, or `run.lock` is no file; the disk's own error when it cannot be made
 */
export function lockFolder(dir: string, say: (line: string) => void = () => {}, fenced = false): () => void {
  const { pid } = process
  const me: Holder = { host: os.hostname(), pid, started: startOf(pid), space: pidNamespace(), id: randomUUID() }
  const mine = JSON.stringify(me)
  const files = filesIn(dir, me.id!)
  const holds = (record: string) => mayWrite(parsed(record)) && !(fenced && isElsewhere(parsed(record)))
  const outcome = finished(claim(files, LOCK, mine, successorOf, holds))
  if (!outcome.held) throw new InputError(`${dir}: ${heldBy(parsed(outcome.holder))}`)
  const before = outcome.dead.at(-1)
  if (before !== undefined) {
    say(`${dir}: taking over the lock of process ${parsed(before)!.pid}, which is gone`)
  }
  return () => {
    finished(release(files, LOCK, mine))
    if (files.read(LOCK) === mine) fs.rmSync(path.join(dir, LOCK), { force: true }) // for what the disk says to it
  }
}

/** Whether a process that may be alive writes the run in `dir`. For who only looks: it may end a moment later. */
export function isLocked(dir: string): boolean {
  try {
    const record = readRecord(dir, LOCK)
    return record !== null && mayWrite(parsed(record))
  } catch {
    return false // no file, or none that may be read: it locks out who wants to write, and says why
  }
}

/** Runs a protocol to its end, without letting another one in between. */
function finished<T>(steps: Generator<void, T, void>): T {
  for (;;) {
    const { done, value } = steps.next()
    if (done) return value
  }
}

function successorOf(record: string): string {
  return `${LOCK}.${createHash('sha256').update(record).digest('hex').slice(0, 32)}`
}

/** More than any record has: a file beyond it is something else. */
const MOST_BYTES = 65_536

function filesIn(dir: string, id: string): LockFiles {
  const at = (name: string) => path.join(dir, name)
  return {
    read: (name) => readRecord(dir, name),
    create(name, text) {
      const own = at(`${LOCK}.${id}${NEW}`)
      try {
        fs.writeFileSync(own, text, { flag: 'wx', flush: true })
        return linked(own, at(name)) ?? madeInPlace(at(name), text)
      } finally {
        removeIfPossible(own)
      }
    },
    rename: (from, to) => fs.renameSync(at(from), at(to)),
    remove: (name) => removeIfPossible(at(name)),
    list: () => fs.readdirSync(dir).filter((name) => name === LOCK || name.startsWith(`${LOCK}.`)),
  }
}

/** What stays behind is in nobody's way, and the next holder removes it. */
function removeIfPossible(file: string): void {
  try {
    fs.rmSync(file, { force: true })
  } catch {}
}

/** null where there is no such file. @throws InputError where it is no file: opening a FIFO would wait for ever */
function readRecord(dir: string, name: string): string | null {
  const file = path.join(dir, name)
  try {
    const stats = fs.lstatSync(file)
    if (!stats.isFile() || stats.size > MOST_BYTES) {
      const what = stats.isFile() ? `of at most ${MOST_BYTES} bytes` : `but it is ${kindOf(stats)}`
      throw new InputError(`${dir}: ${name}: expected a file ${what}: if no other process writes this run, remove it`)
    }
    return fs.readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

const NEW = '.new'

/** null where there are no hard links. */
function linked(own: string, file: string): boolean | null {
  try {
    fs.linkSync(own, file)
    return true
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    // ENOENT: the holder of the lock has removed `own`, as it does with what killed processes left.
    if (code === 'EEXIST' || code === 'ENOENT') return false
    if (NO_LINKS.has(code)) return null
    throw error
  }
}

/** What file systems without hard links (FAT, some of networks) say. */
const NO_LINKS: ReadonlySet<string> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'])

/** Name first, content a moment later: whoever reads it between the two is refused, which is safe. */
function madeInPlace(file: string, content: string): boolean {
  try {
    fs.writeFileSync(file, content, { flag: 'wx', flush: true })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    // Made but not filled, on a full disk.
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') fs.rmSync(file, { force: true })
    throw error
  }
}

function heldBy(holder: Holder | null): string {
  if (holder === null) return `its ${LOCK} cannot be read: if no other process writes this run, remove that file`
  const who = `process ${holder.pid} on ${holder.host}`
  if (holder.host !== os.hostname()) return `${who} writes this run: if it is gone, remove ${LOCK}`
  if (!sameNamespace(holder)) return `${who}, in another container, writes this run: if it is gone, remove ${LOCK}`
  return `another process writes this run: wait for ${who} or end it`
}

function parsed(text: string): Holder | null {
  try {
    const { host, pid, started, space, id } = JSON.parse(text)
    return typeof host === 'string' && Number.isSafeInteger(pid) && pid > 0 ? { host, pid, started, space, id } : null
  } catch {
    return null
  }
}

/**
 * Whether the process of a record may still write. Of another machine or another pid namespace (a container) nobody
 * here can tell, so yes; but after a restart of the machine no process of before is left, whatever its namespace.
 */
function mayWrite(holder: Holder | null): boolean {
  if (holder === null || holder.host !== os.hostname()) return true
  const { pid, started } = holder
  if (started !== null && bootOf(started) !== bootOf(startOf(process.pid))) return false
  if (!sameNamespace(holder)) return true
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
  }
  return started === null || startOf(pid) === null || startOf(pid) === started
}

/** Whether it is of another machine or container, whose processes nobody here can see. */
function isElsewhere(holder: Holder | null): boolean {
  return holder !== null && (holder.host !== os.hostname() || !sameNamespace(holder))
}

/** Records of 0.1.0 do not name their namespace, and count as ours. */
function sameNamespace({ space }: Holder): boolean {
  return space === undefined || space === null || space === pidNamespace()
}

/** "pid:[4026531836]"; null where the system does not say. */
function pidNamespace(): string | null {
  try {
    return fs.readlinkSync('/proc/self/ns/pid')
  } catch {
    return null
  }
}

/** Boot and start time of a process, where Linux says them: numbers of processes are used again. */
function startOf(pid: number): string | null {
  try {
    const boot = fs.readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8')
    // Field 22; the second, the name in parentheses, may hold anything.
    return `${boot} ${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]}`
  } catch {
    return null
  }
}

function bootOf(started: string | null): string | null {
  return started === null ? null : started.split(' ')[0]!
}

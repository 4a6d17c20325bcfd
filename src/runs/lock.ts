/**
 * One writer for a run: the file `run.lock`, which only one process can link there, names it. A process that was killed
 * leaves it behind; the next on the same machine sees that nobody of that number, started at that time, is alive, and
 * takes it over.
 */
import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import { InputError } from '../error.ts'

export const LOCK = 'run.lock'

interface Holder {
  readonly host: string
  readonly pid: number
  /** What tells it from a later process of the same number; null where the system does not say. */
  readonly started: string | null
}

/**
 * Locks `dir` against other writers and returns what unlocks it. `say` gets a line if the lock of a dead process was
 * taken over.
 * @throws InputError when another process has it; the disk's own error when the file cannot be made
 */
export function lockFolder(dir: string, say: (line: string) => void = () => {}): () => void {
  const file = path.join(dir, LOCK)
  const mine = JSON.stringify({ host: os.hostname(), pid: process.pid, started: startOf(process.pid) } satisfies Holder)
  while (!made(file, mine)) {
    const text = readIfThere(file)
    if (text === null) continue // released meanwhile
    const holder = parsed(text)
    if (holder === null || alive(holder)) throw new InputError(`${dir}: ${heldBy(holder)}`)
    if (removed(file, text)) say(`${dir}: taking over the lock of process ${holder.pid}, which is gone`)
  }
  removeNew(dir)
  return () => {
    if (readIfThere(file) === mine) fs.rmSync(file, { force: true })
  }
}

function heldBy(holder: Holder | null): string {
  if (holder === null) return `its ${LOCK} cannot be read: if no other process writes this run, remove that file`
  const who = `process ${holder.pid} on ${holder.host}`
  if (holder.host !== os.hostname()) return `${who} writes this run: if it is gone, remove ${LOCK}`
  return `another process writes this run: wait for ${who} or end it`
}

/** Name and content at once: a lock that a crash left empty nobody could tell the owner of. */
function made(file: string, content: string): boolean {
  const own = `${file}.${process.pid}${NEW}`
  try {
    fs.writeFileSync(own, content, { flush: true })
    return linked(own, file) ?? madeInPlace(file, content)
  } finally {
    fs.rmSync(own, { force: true })
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
    // ENOENT: who has the lock by now has removed it.
    if (code === 'EEXIST' || code === 'ENOENT') return false
    if (NO_LINKS.has(code)) return null
    throw error
  }
}

/** Those that processes left which were killed in between. */
function removeNew(dir: string): void {
  for (const name of fs.readdirSync(dir)) {
    if (name.startsWith(`${LOCK}.`) && name.endsWith(NEW)) fs.rmSync(path.join(dir, name), { force: true })
  }
}

/** What file systems without hard links (FAT, some of networks) say. */
const NO_LINKS: ReadonlySet<string> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'])

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

/**
 * Moves the dead lock away first: of two that found it, one only gets it, and none takes a lock that was made
 * meanwhile.
 */
function removed(file: string, dead: string): boolean {
  const aside = `${file}.${process.pid}`
  try {
    fs.renameSync(file, aside)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
  const same = readIfThere(aside) === dead
  if (!same && !fs.existsSync(file)) fs.renameSync(aside, file)
  else fs.rmSync(aside, { force: true })
  return same
}

function readIfThere(file: string): string | null {
  try {
    return fs.readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

function parsed(text: string): Holder | null {
  try {
    const { host, pid, started } = JSON.parse(text)
    return typeof host === 'string' && Number.isSafeInteger(pid) && pid > 0 ? { host, pid, started } : null
  } catch {
    return null
  }
}

/** Of another machine nobody can say: yes. */
function alive({ host, pid, started }: Holder): boolean {
  if (host !== os.hostname()) return true
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
  }
  return started === null || startOf(pid) === null || startOf(pid) === started
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

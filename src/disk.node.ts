/** The disk: files that are whole or not there, and its failures in words a person can act on. */
import { type BinaryLike, createHash } from 'node:crypto'
import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import { InputError, refuseNoText, refuseUnless } from './error.ts'
import type { Source } from './formats/safetensors.ts'
import { refuseOtherKind } from './formats/text.ts'

/** The disk refused while a run was at work: full, gone, read-only. Nothing that was there before is damaged. */
export class DiskError extends Error {
  override readonly name: string = 'DiskError'
  /** What could not be written is not kept, so that it cannot be tried again. */
  lost = false
}

/**
 * Old content or new, never a mixture, whatever happens while it is written. Parts are written one after the other.
 * With `keep` the old file gets that name.
 */
export function writeAtomic(
  file: string,
  data: string | readonly Uint8Array[],
  { keep, temporary = `${file}${TEMPORARY}` }: { keep?: string; temporary?: string } = {},
): void {
  try {
    writeParts(temporary, typeof data === 'string' ? [Buffer.from(data)] : data)
    // Killed between the two, only the kept one is there: readers look for it.
    if (keep !== undefined && fs.existsSync(file)) {
      explaining(keep, 'cannot be replaced', () => fs.renameSync(file, keep), DiskError)
    }
    fs.renameSync(temporary, file)
  } catch (error) {
    try {
      fs.rmSync(temporary, { force: true })
    } catch {} // the first failure is the one to tell
    throw error
  }
  // The rename itself is on disk once the folder is. Windows cannot open a folder, and does not need it.
  if (process.platform === 'win32') return
  const folder = fs.openSync(path.dirname(file), 'r')
  try {
    fs.fsyncSync(folder)
  } finally {
    fs.closeSync(folder)
  }
}

function writeParts(file: string, parts: readonly Uint8Array[]): void {
  // What lies there is from a process that was killed; opening a pipe would wait, and a link would lead elsewhere.
  fs.rmSync(file, { force: true })
  const fd = fs.openSync(file, 'wx')
  try {
    for (const part of parts) {
      for (let at = 0; at < part.length; ) at += fs.writeSync(fd, part, at, Math.min(AT_ONCE, part.length - at))
    }
    fs.fsyncSync(fd)
  } finally {
    fs.closeSync(fd)
  }
}

/** Bytes that go to the disk in one call, which takes 2 GB at most. */
const AT_ONCE = 2 ** 26

/** What `work` makes of a file's bytes. @throws InputError when they cannot be read, and what `work` throws */
export function readingFile<T>(file: string, work: (source: Source) => T): T {
  refuseNoText('readingFile', file)
  refuseUnless(typeof work === 'function', 'readingFile: work', 'a function', work)
  return openedFile(file, (fd, size) => work({ size, read: (at, into) => readFully(fd, at, into, file) }))
}

/**
 * What `work` makes of a file that is open for reading, and of its size in bytes.
 * @throws InputError for what is no file, and when it cannot be read
 */
export function openedFile<T>(file: string, work: (fd: number, size: number) => T): T {
  return explaining(file, 'cannot be read', () => {
    statsOf(file)
    // What became a pipe in the meantime is not waited for. Windows has neither.
    const fd = fs.openSync(file, fs.constants.O_RDONLY | (fs.constants.O_NONBLOCK ?? 0))
    try {
      return work(fd, fs.fstatSync(fd).size)
    } finally {
      fs.closeSync(fd)
    }
  })
}

function readFully(fd: number, at: number, into: Uint8Array, file: string): void {
  for (let n = 0; n < into.length; ) {
    const more = fs.readSync(fd, into, n, Math.min(AT_ONCE, into.length - n), at + n)
    if (more === 0) throw new InputError(`${file}: it became shorter while it was read: read it again`)
    n += more
  }
}

/**
 * Makes a folder and those above it. Not mkdir's own `recursive`: where a parent exists but takes no folders (/proc)
 * and says ENOENT, Node 20 tries again for ever.
 */
export function makeFolder(dir: string): void {
  try {
    fs.mkdirSync(dir)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST' && fs.statSync(dir).isDirectory()) return
    const parent = path.dirname(dir)
    if (code !== 'ENOENT' || parent === dir || fs.existsSync(parent)) throw error
    makeFolder(parent)
    fs.mkdirSync(dir)
  }
}

/** Where what was downloaded or computed of that kind is kept: in $IRNN_CACHE, else in ~/.cache/irnn. */
export function cacheFolder(kind: string): string {
  return path.join(process.env.IRNN_CACHE || path.join(os.homedir(), '.cache', 'irnn'), kind)
}

/** In hexadecimal. */
export function sha256(data: BinaryLike): string {
  return createHash('sha256').update(data).digest('hex')
}

/**
 * A file of a cache, and the cache's folder. Two commands may do this at once: each writes a file of its own, and
 * either's is right.
 */
export function writeCached(file: string, data: Uint8Array): void {
  makeFolder(path.dirname(file))
  writeAtomic(file, [data], { temporary: `${file}.${process.pid}${TEMPORARY}` })
}

/** `name`, or the first of name-2, name-3, … that does not exist. */
export function freeName(name: string): string {
  refuseNoText('freeName', name)
  for (let n = 1; ; n++) {
    const free = n === 1 ? name : `${name}-${n}`
    if (!fs.existsSync(free)) return free
  }
}

/** The end of the name of a file that is being written. */
export const TEMPORARY = '.tmp'

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  ENOTDIR: 'part of its path is a file, not a folder',
  EEXIST: 'it is a file, not a folder',
  EISDIR: 'it is a folder, not a file',
  ENOENT: 'its path does not exist and cannot be made',
  ENAMETOOLONG: 'its name is too long',
  ELOOP: 'it is a link that leads in a circle',
  ERR_FS_EISDIR: 'a folder of its name is in the way',
}

/** What the process has open itself, say as its standard input: a pipe among these has somebody who writes it. */
const OWN = /^\/dev\/(stdin|fd\/\d+)$|^\/proc\/self\/fd\/\d+$/

/** The bytes of a file, or of what the process has open itself. @throws InputError when it cannot be read */
export function readBytes(file: string): Uint8Array {
  if (OWN.test(file)) return explaining(file, 'cannot be read', () => fs.readFileSync(file))
  return openedFile(file, (fd) => fs.readFileSync(fd))
}

/** The names in a folder. @throws InputError when it is none, or cannot be read */
export function namesIn(dir: string): string[] {
  return explaining(dir, 'cannot be read', () => {
    const stats = fs.statSync(dir, { throwIfNoEntry: false })
    if (stats?.isDirectory()) return fs.readdirSync(dir)
    const why = stats ? `it is ${kindOf(stats)}, not a folder` : 'there is no such folder'
    throw new InputError(`${dir}: cannot be read: ${why}`)
  })
}

/** The text of a file that this program wrote, without a byte order mark. @throws InputError when it cannot be read */
export function ownText(file: string): string {
  return new TextDecoder().decode(readBytes(file))
}

/**
 * The text of a file that a person names, or of a pipe. Bytes that are no UTF-8 become U+FFFD. @throws InputError when
 * it cannot be read, or is packed or in another encoding
 */
export function readText(file: string): string {
  const bytes = readBytes(file)
  refuseOtherKind(bytes, file)
  return new TextDecoder().decode(bytes)
}

/**
 * Of a file that is to be read. @throws InputError for what is none: reading a pipe would wait for ever for somebody to
 * write it, and a device may have no end
 */
export function statsOf(file: string): fs.Stats {
  return explaining(file, 'cannot be read', () => {
    const stats = fs.statSync(file, { throwIfNoEntry: false })
    if (stats?.isFile()) return stats
    throw new InputError(`${file}: cannot be read: ${stats ? `it is ${kindOf(stats)}, not a file` : absence(file)}`)
  })
}

function absence(file: string): string {
  const link = fs.lstatSync(file, { throwIfNoEntry: false })
  return link ? 'it is a link to a file that does not exist' : 'there is no such file'
}

/** What stands in a place, for people. */
export function kindOf(stats: fs.Stats): string {
  if (stats.isFile()) return 'a file'
  if (stats.isSymbolicLink()) return 'a symbolic link'
  if (stats.isDirectory()) return 'a folder'
  if (stats.isFIFO()) return 'a pipe'
  return stats.isSocket() ? 'a socket' : 'a device'
}

/** Failures of the file system as one line: bad input when a run begins or is read, a DiskError while it runs. */
export function explaining<T>(
  what: string,
  failure: string,
  work: () => T,
  Kind: new (message: string) => Error = InputError,
): T {
  try {
    return work()
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (error instanceof InputError || code === undefined) throw error
    throw new Kind(`${what}: ${failure}: ${REASONS[code] ?? message}`)
  }
}

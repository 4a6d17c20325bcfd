/** Files on the disk, packed by gzip or not, and pipes. */
import * as fs from 'node:fs'
import { pipeline } from 'node:stream'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { createGunzip } from 'node:zlib'
import { explaining, readBytes, statsOf } from '../disk.node.ts'
import { InputError } from '../error.ts'
import type { ByteFile } from './byteFile.ts'

/** In bytes: what the second cache of a core holds, with what is made of it. */
const CHUNK = 2 ** 17
/** Chunks after which others have their turn: 10 ms. Reading each with a promise takes four times as long. */
const CHUNKS = 16

/**
 * A gzip file may unpack to so many times its size, and to LEAST_UNPACKED bytes in any case. Tables shrink 3 to 30
 * times; the 1,032 times that the format can do are for files that are made to fill a disk.
 */
const MOST_TIMES = 300
const LEAST_UNPACKED = 2 ** 28

/** Called with how many bytes of a file have been read, before unpacking. */
export type OnBytes = (bytes: number) => void

/**
 * A file as it is on the disk. What is no file (a pipe; `-` is standard input) is kept in RAM.
 * @throws InputError if it cannot be read
 */
export function byteFile(path: string, onBytes?: OnBytes): ByteFile {
  if (path === '-') return memoryFile('standard input', fs.readFileSync(0))
  if (!fs.existsSync(path)) throw new InputError(`${path}: cannot be read: there is no such file`)
  if (isPipe(path)) return memoryFile(path, readBytes(path))
  const before = statsOf(path)
  const { size } = before
  let read = 0
  async function* chunks() {
    read = 0
    const file = explaining(path, 'cannot be read', () => fs.openSync(path, 'r'))
    const buffer = new Uint8Array(CHUNK)
    try {
      for (let n = 0; ; n++) {
        if (n % CHUNKS === CHUNKS - 1) await nextTurn()
        const bytes = explaining(path, 'cannot be read', () => fs.readSync(file, buffer, 0, CHUNK, read))
        read += bytes
        if (bytes === 0 || read > size) break
        onBytes?.(read)
        yield buffer.subarray(0, bytes)
      }
      const changed = changedFile(path, before, fs.fstatSync(file))
      if (changed !== undefined) throw changed
    } finally {
      fs.closeSync(file)
    }
  }
  return { name: path, chunks, share: () => (size === 0 ? 1 : read / size) }
}

/** What to throw if a file is not as it was; undefined if it is. */
export function changedFile(path: string, before: fs.Stats, now: fs.Stats): InputError | undefined {
  if (now.size === before.size && now.mtimeMs === before.mtimeMs && now.ino === before.ino) return
  const change = now.size > before.size ? 'it grew' : now.size < before.size ? 'it became shorter' : 'it was written to'
  return new InputError(`${path}: ${change} while it was read: read it again when nothing writes to it`)
}

function isPipe(path: string): boolean {
  const stats = explaining(path, 'cannot be read', () => fs.statSync(path))
  return stats.isFIFO() || stats.isCharacterDevice() || stats.isSocket()
}

/** Bytes in RAM as a file. */
export function memoryFile(name: string, bytes: Uint8Array): ByteFile {
  let read = 0
  async function* chunks() {
    for (read = 0; read < bytes.length; ) {
      const chunk = bytes.subarray(read, read + CHUNK)
      read += chunk.length
      yield chunk
    }
  }
  return { name, chunks, share: () => (bytes.length === 0 ? 1 : read / bytes.length) }
}

/**
 * What a gzip file unpacks to.
 * @param least what it may unpack to in any case, in bytes
 * @throws InputError, while it is read, if it is damaged or unpacks to far too much
 */
export function unpacked(file: ByteFile, least = LEAST_UNPACKED): ByteFile {
  async function* chunks() {
    const sizes = { packed: 0, unpacked: 0 }
    const gunzip = createGunzip({ chunkSize: CHUNK })
    let failure: Error | undefined
    const source = async function* () {
      for await (const chunk of file.chunks()) {
        sizes.packed += chunk.length
        yield Buffer.from(chunk) // a copy: the stream keeps it
      }
    }
    pipeline(source, gunzip, (error) => {
      failure = error ?? undefined
    })
    try {
      for await (const chunk of gunzip as AsyncIterable<Uint8Array>) {
        sizes.unpacked += chunk.length
        if (sizes.unpacked > Math.max(least, MOST_TIMES * sizes.packed)) {
          const problem = `it unpacks to more than ${MOST_TIMES} times its size, as no table does`
          throw new InputError(`${file.name}: expected a table but ${problem}: unpack it if you know what it is`)
        }
        yield chunk
      }
    } catch (error) {
      const cause = failure ?? error
      const { code } = cause as NodeJS.ErrnoException
      if (!code?.startsWith('Z_')) throw cause
      const problem = code === 'Z_BUF_ERROR' ? 'it is cut off' : 'its data are damaged'
      throw new InputError(`${file.name}: expected a whole gzip file but ${problem}: copy or download it again`)
    }
  }
  return { name: file.name, chunks, share: () => file.share() }
}

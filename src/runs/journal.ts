/**
 * A file that only grows. A checkpoint stores its length, and a run that goes on from the checkpoint cuts the file
 * there, so that no record is missing or doubled. Data that a full disk refuses is kept and written later.
 */
import * as fs from 'node:fs'
import { InputError } from '../error.ts'

export interface Journal {
  /** Bytes of all that was added. */
  readonly length: number
  /** Keeps it, to be written by the next flush. */
  add(data: Uint8Array): void
  /** Writes what was added. @throws what the disk says; the data is kept, and written by the next flush */
  flush(): void
  /** Everything is on disk afterwards. @throws what the disk says if not */
  sync(): void
  /** @throws what the disk says if something is left unwritten; it is closed nevertheless */
  close(): void
}

/**
 * Opens `file` to write after its first `length` bytes, and drops what followed them. With 0, the default, the file is
 * made.
 * @throws InputError when it is shorter
 */
export function openJournal(file: string, length = 0): Journal {
  const fd = fs.openSync(file, length === 0 ? 'w' : 'r+')
  const held = fs.fstatSync(fd).size
  if (held < length) {
    fs.closeSync(fd)
    throw new InputError(`${file}: expected at least ${length} bytes but it has ${held}: it was cut off`)
  }
  fs.ftruncateSync(fd, length)
  let written = length
  let waiting: Uint8Array[] = []
  const flush = () => {
    if (waiting.length === 0) return
    const all = waiting.length === 1 ? waiting[0]! : Buffer.concat(waiting)
    waiting = [all]
    let done = 0
    try {
      while (done < all.length) done += fs.writeSync(fd, all, done, all.length - done, written + done)
    } catch (error) {
      if (done > 0) fs.ftruncateSync(fd, written) // whole records or none
      throw error
    }
    written += all.length
    waiting = []
  }
  return {
    get length() {
      return waiting.reduce((sum, data) => sum + data.length, written)
    },
    add(data) {
      waiting.push(data)
    },
    flush,
    sync() {
      flush()
      fs.fsyncSync(fd)
    },
    close() {
      try {
        flush()
        fs.fsyncSync(fd)
      } finally {
        fs.closeSync(fd)
      }
    },
  }
}

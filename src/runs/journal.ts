/**
 * A file that only grows while a run writes it. Its content is kept in memory as well (a run has at most some 20,000
 * records, 6 MB), so that nothing is lost to a disk that is full for a while, to an editor that saves an old state over
 * it, or to a hand that removes it: where the file is not what was written, it is written anew.
 */
import * as fs from 'node:fs'
import { freeName, writeAtomic } from '../disk.node.ts'

export interface Journal {
  /** Keeps it, to be written by the next flush. */
  add(data: Uint8Array): void
  /** Writes what was added. @throws what the disk says; the data is kept, and written by the next flush */
  flush(): void
  /** Everything is on disk afterwards. @throws what the disk says if not */
  sync(): void
  /** @throws what the disk says if something is left unwritten; it is closed nevertheless */
  close(): void
  /** Closes it as it is: its file is lost, and another one has its content. */
  abandon(): void
}

/**
 * Opens `file` with `content` in it. A file that has just this content is left as it is, any other is replaced by a
 * whole one.
 * @param say gets a line when the file was changed by another hand and is written anew
 */
export function openJournal(file: string, content: Uint8Array, say: (line: string) => void = () => {}): Journal {
  const all: Uint8Array[] = [content]
  let waiting: Uint8Array[] = [] // the last of all, which are not written yet
  if (!hasJust(file, content)) writeAtomic(file, [content])
  let written = content.length
  let fd = fs.openSync(file, 'r+')

  function writeAnew(): void {
    say(`${file}: it was changed or removed while the run writes it: written anew`)
    if (fs.lstatSync(file, { throwIfNoEntry: false })?.isDirectory()) fs.renameSync(file, freeName(`${file}.damaged`))
    writeAtomic(file, all)
    const next = fs.openSync(file, 'r+')
    fs.closeSync(fd)
    fd = next
    written = all.reduce((sum, { length }) => sum + length, 0)
    waiting = []
  }
  function flush(): void {
    if (!isStill(file, fd, written)) writeAnew()
    if (waiting.length === 0) return
    const rest = waiting.length === 1 ? waiting[0]! : Buffer.concat(waiting)
    let done = 0
    try {
      while (done < rest.length) done += fs.writeSync(fd, rest, done, rest.length - done, written + done)
    } catch (error) {
      if (done > 0) fs.ftruncateSync(fd, written) // whole records or none
      throw error
    }
    written += rest.length
    waiting = []
  }
  return {
    add(data) {
      all.push(data)
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
    abandon: () => fs.closeSync(fd),
  }
}

function hasJust(file: string, content: Uint8Array): boolean {
  const stats = fs.lstatSync(file, { throwIfNoEntry: false })
  return (
    stats?.isFile() === true && stats.size === content.length && Buffer.compare(fs.readFileSync(file), content) === 0
  )
}

/** Whether the open file is the one of that name, and as long as what was written. */
function isStill(file: string, fd: number, size: number): boolean {
  const open = fs.fstatSync(fd)
  const named = fs.statSync(file, { throwIfNoEntry: false })
  return open.size === size && named?.ino === open.ino && named.dev === open.dev
}

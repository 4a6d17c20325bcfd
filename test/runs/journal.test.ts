// A growing file: cut where told, whole records only, and nothing lost to a disk that is full for a while.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import { after, test } from 'node:test'
import { InputError } from '../../src/error.ts'
import { openJournal } from '../../src/runs/journal.ts'

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'irnn-journal-'))
after(() => fs.rmSync(root, { recursive: true }))
const bytes = (text: string) => new TextEncoder().encode(text)

test('it goes on behind what counts, and drops what comes after', () => {
  const file = path.join(root, 'a')
  const first = openJournal(file)
  first.add(bytes('one\n'))
  const { length } = first
  first.add(bytes('two\n'))
  first.close()
  const second = openJournal(file, length)
  second.add(bytes('three\n'))
  second.close()
  assert.equal(fs.readFileSync(file, 'utf8'), 'one\nthree\n')
  assert.throws(() => openJournal(file, 100), InputError)
})

/** A file system of 64 kB, where this user may mount one. */
function smallDisk(): string | null {
  const dir = path.join(root, 'disk')
  fs.mkdirSync(dir)
  return spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', dir]).status === 0 ? dir : null
}

test('what a full disk refuses is written when there is room', (context) => {
  const disk = smallDisk()
  if (disk === null) return context.skip('needs the right to mount a file system')
  try {
    const file = path.join(disk, 'metrics')
    const journal = openJournal(file)
    const record = (n: number) => bytes(`${String(n).repeat(9999)}\n`)
    journal.add(record(0))
    journal.flush()
    const ballast = path.join(disk, 'ballast')
    fs.writeFileSync(ballast, new Uint8Array(32_000))
    const full = { code: 'ENOSPC' }
    assert.throws(() => {
      for (let n = 1; n < 9; n++) {
        journal.add(record(n))
        journal.flush()
      }
    }, full)
    assert.throws(() => journal.sync(), full)
    const held = fs.readFileSync(file)
    assert.equal(held.length % 10_000, 0, 'whole records')
    const wanted = journal.length
    fs.rmSync(ballast)
    journal.close()
    const now = fs.readFileSync(file, 'utf8')
    assert.equal(now.length, wanted)
    assert.deepEqual(
      now
        .split('\n')
        .slice(0, -1)
        .map((line) => line[0]),
      Array.from({ length: wanted / 10_000 }, (_, n) => `${n}`),
    )
  } finally {
    spawnSync('umount', [disk])
  }
})

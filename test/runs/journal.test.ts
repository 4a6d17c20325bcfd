// A growing file: cut where told, whole records only, and nothing lost to a disk that is full for a while.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import { after, test } from 'node:test'
import { openJournal } from '../../src/runs/journal.ts'

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'irnn-journal-'))
after(() => fs.rmSync(root, { recursive: true }))
const bytes = (text: string) => new TextEncoder().encode(text)

test('it begins with what it is given, and leaves a file alone that has it already', () => {
  const file = path.join(root, 'a')
  const first = openJournal(file, bytes('one\n'))
  first.add(bytes('two\n'))
  first.close()
  assert.equal(fs.readFileSync(file, 'utf8'), 'one\ntwo\n')
  const { ino } = fs.statSync(file)
  openJournal(file, bytes('one\ntwo\n')).close()
  assert.equal(fs.statSync(file).ino, ino)
  const second = openJournal(file, bytes('one\n'))
  second.add(bytes('three\n'))
  second.close()
  assert.equal(fs.readFileSync(file, 'utf8'), 'one\nthree\n')
})

test('a file that another hand changes or removes while it grows is whole again with the next record', () => {
  const hands: Record<string, (file: string) => void> = {
    truncated: (file) => fs.truncateSync(file, 2),
    emptied: (file) => fs.writeFileSync(file, ''),
    longer: (file) => fs.appendFileSync(file, 'noise'),
    removed: (file) => fs.rmSync(file),
    replaced: (file) => {
      fs.writeFileSync(`${file}.new`, 'one\r\n')
      fs.renameSync(`${file}.new`, file)
    },
  }
  for (const [name, hand] of Object.entries(hands)) {
    const file = path.join(root, name)
    const said: string[] = []
    const journal = openJournal(file, bytes('one\n'), (line) => said.push(line))
    hand(file)
    journal.add(bytes('two\n'))
    journal.flush()
    assert.equal(fs.readFileSync(file, 'utf8'), 'one\ntwo\n', name)
    assert.deepEqual(said, [`${file}: it was changed or removed while the run writes it: written anew`])
    journal.add(bytes('three\n'))
    journal.close()
    assert.equal(fs.readFileSync(file, 'utf8'), 'one\ntwo\nthree\n', name)
    assert.equal(said.length, 1)
  }
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
    const journal = openJournal(file, bytes(''))
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
    fs.rmSync(ballast)
    journal.close()
    const now = fs.readFileSync(file, 'utf8')
    assert.ok(now.length > held.length)
    assert.deepEqual(
      now
        .split('\n')
        .slice(0, -1)
        .map((line) => line[0]),
      Array.from({ length: now.length / 10_000 }, (_, n) => `${n}`),
    )
  } finally {
    spawnSync('umount', [disk])
  }
})

// The disk when it refuses: no waiting for ever, nothing half-written left behind.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import { after, test } from 'node:test'
import { makeFolder, readBytes, statsOf, writeCached } from '../src/disk.node.ts'
import { InputError } from '../src/error.ts'

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'irnn-disk-'))
after(() => fs.rmSync(root, { recursive: true }))

test('a file of a cache: its folder is made, and replaced is what was there', () => {
  const file = path.join(root, 'deep', 'er', 'file')
  for (const byte of [1, 2]) {
    writeCached(file, Uint8Array.of(byte))
    assert.deepEqual([...readBytes(file)], [byte])
  }
  assert.deepEqual(fs.readdirSync(path.dirname(file)), ['file'])
})

test('where no folder can be made it fails, and does not try for ever', { skip: process.platform !== 'linux' }, () => {
  // In a process of its own: what hangs cannot be stopped from within.
  const module = new URL('../src/disk.node.js', import.meta.url).href
  const code = `import { writeCached } from ${JSON.stringify(module)}
    try { writeCached('/proc/x/speech/file', Uint8Array.of(1)) } catch { console.log('refused') }`
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', code], { timeout: 30_000 })
  assert.equal(String(stdout), 'refused\n')
  assert.throws(() => makeFolder('/proc/x/y'), { code: 'ENOENT' })
})

test('a full disk keeps no temporary file', (context) => {
  const disk = path.join(root, 'disk')
  fs.mkdirSync(disk)
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk]).status !== 0) {
    return context.skip('needs the right to mount a file system')
  }
  try {
    assert.throws(() => writeCached(path.join(disk, 'file'), new Uint8Array(200_000)), { code: 'ENOSPC' })
    assert.deepEqual(fs.readdirSync(disk), [])
  } finally {
    spawnSync('umount', [disk])
  }
})

test('a folder, or nothing, is no file: said in one line', () => {
  const refused = (work: () => unknown, pattern: RegExp) =>
    assert.throws(work, (error: Error) => error instanceof InputError && pattern.test(error.message))
  refused(() => readBytes(root), /: cannot be read: it is a folder, not a file$/)
  refused(() => statsOf(root), /: cannot be read: it is a folder, not a file$/)
  refused(() => readBytes(path.join(root, 'away')), /away: cannot be read: there is no such file$/)
})

// One writer for a run; who was killed holds nothing.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import builtin, * as fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import * as os from 'node:os'
import * as path from 'node:path'
import { after, type TestContext, test } from 'node:test'
import { InputError } from '../../src/error.ts'
import { LOCK, lockFolder } from '../../src/runs/lock.ts'

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'irnn-lock-'))
after(() => fs.rmSync(dir, { recursive: true }))
const file = path.join(dir, LOCK)
const write = (holder: object | string) =>
  fs.writeFileSync(file, typeof holder === 'string' ? holder : JSON.stringify(holder))

function refused(pattern: RegExp): void {
  const before = fs.readFileSync(file)
  assert.throws(
    () => lockFolder(dir),
    (error: Error) => error instanceof InputError && pattern.test(error.message) && !error.message.includes('\n'),
  )
  assert.deepEqual(fs.readFileSync(file), before)
}

test('the second writer is refused until the first has let go', () => {
  const unlock = lockFolder(dir)
  refused(new RegExp(`another process writes this run: wait for process ${process.pid} on `))
  unlock()
  assert.equal(fs.existsSync(file), false)
  lockFolder(dir)()
})

test('the lock of a process that is gone is taken over, with a line', () => {
  const { pid } = spawnSync(process.execPath, ['--version'])
  write({ host: os.hostname(), pid, started: null })
  const lines: string[] = []
  const unlock = lockFolder(dir, (line) => lines.push(line))
  assert.deepEqual(lines, [`${dir}: taking over the lock of process ${pid}, which is gone`])
  refused(/another process writes this run/)
  unlock()
  assert.deepEqual(fs.readdirSync(dir), [])
})

test('its number may belong to another process by now', { skip: process.platform !== 'linux' }, () => {
  write({ host: os.hostname(), pid: process.pid, started: 'another-boot 123' })
  lockFolder(dir)()
  const child = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60_000)'])
  write({ host: os.hostname(), pid: child.pid, started: null })
  refused(/another process writes this run/)
  child.kill()
  fs.rmSync(file)
})

test('of another machine, or unreadable: the person decides', () => {
  write({ host: 'elsewhere', pid: 1, started: null })
  refused(/process 1 on elsewhere writes this run: if it is gone, remove run.lock/)
  write('')
  refused(/its run.lock cannot be read: if no other process writes this run, remove that file/)
  fs.rmSync(file)
})

test('the lock appears with its content at once, and what a kill left beside it goes', (context) => {
  fs.writeFileSync(`${file}.12345.new`, '')
  const seen: [before: boolean, content: string][] = []
  replaced(context, (link) => (from, to) => {
    const before = fs.existsSync(to)
    link(from, to)
    seen.push([before, fs.readFileSync(to, 'utf8')])
  })
  const unlock = lockFolder(dir)
  assert.equal(seen.length, 1)
  const [before, content] = seen[0]!
  assert.equal(before, false, 'nothing under that name until it is whole')
  assert.equal(JSON.parse(content).pid, process.pid)
  assert.deepEqual(fs.readdirSync(dir), [LOCK])
  unlock()
  assert.deepEqual(fs.readdirSync(dir), [])
})

test('a file system without hard links has a lock, too', (context) => {
  replaced(context, () => () => {
    throw Object.assign(new Error('no'), { code: 'EPERM' })
  })
  const unlock = lockFolder(dir)
  refused(/another process writes this run/)
  unlock()
  assert.deepEqual(fs.readdirSync(dir), [])
})

/** fs.linkSync, for everyone, until the test is over. */
function replaced(context: TestContext, make: (link: typeof fs.linkSync) => typeof fs.linkSync): void {
  const link = fs.linkSync
  builtin.linkSync = make(link)
  syncBuiltinESMExports()
  context.after(() => {
    builtin.linkSync = link
    syncBuiltinESMExports()
  })
}

test('one of many that find a dead lock gets it', async () => {
  const { pid } = spawnSync(process.execPath, ['--version'])
  write({ host: os.hostname(), pid, started: null })
  const module = new URL('../../src/runs/lock.js', import.meta.url).href
  const code = `import { lockFolder } from ${JSON.stringify(module)}
    try { lockFolder(${JSON.stringify(dir)}); console.log('mine'); setTimeout(() => {}, 3000) } catch { console.log('no') }`
  const children = Array.from({ length: 4 }, () => spawn(process.execPath, ['--input-type=module', '-e', code]))
  const answers = await Promise.all(
    children.map(
      (child) => new Promise<string>((resolve) => child.stdout.once('data', (data) => resolve(String(data).trim()))),
    ),
  )
  assert.deepEqual(answers.toSorted(), ['mine', 'no', 'no', 'no'])
  for (const child of children) child.kill()
})

test('a lock that is no file is refused at once, whatever it is', { skip: process.platform === 'win32' }, () => {
  const kinds: [kind: RegExp, make: () => void][] = [
    [/run\.lock: expected a file but it is a symbolic link: .*remove it/, () => fs.symlinkSync('/nonexistent/x', file)],
    [/but it is a folder/, () => fs.mkdirSync(file)],
    [/but it is a pipe/, () => spawnSync('mkfifo', [file])],
    [/expected a file of at most 65536 bytes/, () => fs.writeFileSync(file, Buffer.alloc(70_000))],
  ]
  fs.rmSync(file, { force: true })
  for (const [pattern, make] of kinds) {
    make()
    assert.throws(
      () => lockFolder(dir),
      (error: Error) => error instanceof InputError && pattern.test(error.message),
    )
    fs.rmSync(file, { recursive: true })
  }
})

test('the lock of another pid namespace is not ours to take, unless the machine has started anew', () => {
  const started = JSON.parse(lockedRecord()).started as string | null
  write({ host: os.hostname(), pid: 999_999, started, space: 'pid:[1]', id: 'a' })
  refused(/process 999999 on .*, in another container, writes this run: if it is gone, remove run.lock/)
  if (started !== null) {
    write({ host: os.hostname(), pid: 999_999, started: 'boot-before 12', space: 'pid:[1]', id: 'a' })
    lockFolder(dir)()
  }
  fs.rmSync(file, { force: true })
})

function lockedRecord(): string {
  const unlock = lockFolder(dir)
  const text = fs.readFileSync(file, 'utf8')
  unlock()
  return text
}

// A run's folder: written whole or not at all, read back as it was, never another's files touched.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import builtin, * as fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import * as os from 'node:os'
import * as path from 'node:path'
import { after, type TestContext, test } from 'node:test'
import { freeName, writeAtomic } from '../../src/disk.node.ts'
import { createRunFolder, resumeRunFolder } from '../../src/runs/folder.ts'
import { LOCK } from '../../src/runs/lock.ts'
import { type RunConfig, readRunFolder } from '../../src/runs/stored.ts'
import { adding } from '../../src/tasks/adding/adding.ts'
import { taskNamed } from '../../src/tasks/tasks.node.ts'
import { trainSpec } from '../../src/train/options.ts'
import { refused } from '../support/refused.ts'
import { replaced } from '../support/replaced.ts'

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'irnn-folder-'))
after(() => fs.rmSync(root, { recursive: true }))
let made = 0
const fresh = () => path.join(root, `run${made++}`)

const resumed = (dir: string, say?: (line: string) => void) =>
  resumeRunFolder(readRunFolder(dir), { load: () => null, ...(say && { say }) })

const CONFIG: RunConfig = {
  version: '0.0.0',
  recipe: 'fast',
  seed: 1,
  task: { name: 'adding', options: adding({ T: 5 }).options },
  model: {},
  training: trainSpec(),
  backend: { name: 'wasm', threads: 1, description: 'wasm' },
  machine: { node: 'v20', platform: 'linux', arch: 'x64' },
}
const DONE = { type: 'done', iteration: 3, seconds: 1, reason: 'stopped', stopped: true, test: null } as const

test('the first record is there before the config is, which makes it a run', () => {
  const dir = fresh()
  const order: string[] = []
  const rename = (from: string, to: string) => {
    order.push(path.basename(to))
    original(from, to)
  }
  const original = builtin.renameSync
  builtin.renameSync = rename as typeof builtin.renameSync
  syncBuiltinESMExports()
  const begin = { type: 'resume', iteration: 0, seconds: 0 } as const
  try {
    createRunFolder(dir, CONFIG, { begin }).close()
  } finally {
    builtin.renameSync = original
    syncBuiltinESMExports()
  }
  assert.deepEqual(order.slice(0, 2), ['metrics.jsonl', 'config.json'])
  assert.deepEqual(readRunFolder(dir).events, [begin])
  refused(
    () => createRunFolder(fresh(), CONFIG, { begin: 'run' as never }),
    /createRunFolder: begin: expected a record/,
  )
})

test('what is written is read back', async () => {
  const dir = path.join(fresh(), 'deep', 'er')
  const folder = createRunFolder(dir, CONFIG)
  folder.append(DONE)
  folder.saveModel([Uint8Array.of(1, 2), Uint8Array.of(3)])
  folder.saveCurve('<svg/>')
  folder.close()
  assert.deepEqual(fs.readdirSync(dir).toSorted(), [
    'config.json',
    'curve.svg',
    'events.out.tfevents',
    'metrics.jsonl',
    'model.safetensors',
  ])
  const run = readRunFolder(dir)
  assert.deepEqual(run.config, CONFIG)
  assert.deepEqual(run.events, [DONE])
  const bytes = new Uint8Array(3)
  run.readModel('final', ({ size, read }) => {
    assert.equal(size, 3)
    read(0, bytes)
    assert.throws(
      () => read(1, new Uint8Array(3)),
      /^InputError: .*model.safetensors: it became shorter while it was read/,
    )
  })
  assert.deepEqual([...bytes], [1, 2, 3])
  const { name, options } = run.config.task
  const again = await taskNamed(name).open({ options, dir, flags: {}, say() {}, quiet: true })
  assert.deepEqual(again.task.options, adding({ T: 5 }).options)
})

test('a folder that holds a run is refused, and replaced only with overwrite', () => {
  const dir = fresh()
  const first = createRunFolder(dir, CONFIG)
  first.append(DONE)
  first.saveModel([Uint8Array.of(1)])
  first.close()
  fs.writeFileSync(path.join(dir, 'notes.txt'), 'mine')
  refused(() => createRunFolder(dir, CONFIG), /holds a run: name another or add --overwrite/)
  assert.deepEqual(readRunFolder(dir).events, [DONE])
  createRunFolder(dir, CONFIG, { overwrite: true }).close()
  assert.deepEqual(fs.readdirSync(dir).toSorted(), ['config.json', 'events.out.tfevents', 'metrics.jsonl', 'notes.txt'])
  assert.deepEqual(readRunFolder(dir).events, [])
  refused(
    () => readRunFolder(dir).readModel('final', () => {}),
    /it has no model.safetensors: the run ended before it was saved/,
  )
})

test('a run that is replaced loses all its files, its config last: killed in between, it can be replaced again', (context) => {
  const dir = fresh()
  createRunFolder(dir, CONFIG, { files: { 'vocabulary.txt': 'the\n' } }).close()
  fs.writeFileSync(path.join(dir, 'checkpoint-last.safetensors.tmp'), 'half')
  fs.writeFileSync(path.join(dir, 'notes.txt'), 'mine')
  const restore = replaced(context, 'renameSync', () => {
    throw new Error('killed')
  })
  const revised = { ...CONFIG, seed: 2 }
  assert.throws(() => createRunFolder(dir, revised, { overwrite: true, taskFiles: ['vocabulary.txt'] }), /killed/)
  restore()
  createRunFolder(dir, revised, { overwrite: true, taskFiles: ['vocabulary.txt'] }).close()
  assert.equal(readRunFolder(dir).config.seed, 2)
  assert.deepEqual(fs.readdirSync(dir).toSorted(), ['config.json', 'events.out.tfevents', 'metrics.jsonl', 'notes.txt'])
})

/** Copies of `dir` as a kill leaves it before and after every rename, its lock that of a process which is gone. */
function killedAnywhere(context: TestContext, dir: string, work: () => void): string[] {
  const { renameSync } = builtin
  const { pid } = spawnSync(process.execPath, ['--version'])
  const copies: string[] = []
  const copy = () => {
    const to = fresh()
    fs.cpSync(dir, to, { recursive: true })
    if (fs.existsSync(path.join(to, LOCK)))
      fs.writeFileSync(path.join(to, LOCK), JSON.stringify({ host: os.hostname(), pid, started: null }))
    copies.push(to)
  }
  builtin.renameSync = (from, to) => {
    copy()
    renameSync(from, to)
    copy()
  }
  syncBuiltinESMExports()
  const restore = () => {
    builtin.renameSync = renameSync
    syncBuiltinESMExports()
  }
  context.after(restore)
  work()
  restore()
  return copies
}

test('a run that is killed while it begins goes on, where it has a config, or is begun again', (context) => {
  const files = { 'vocabulary.txt': 'the\n' }
  const dir = fresh()
  const copies = killedAnywhere(context, dir, () => createRunFolder(dir, CONFIG, { files }).close())
  assert.equal(copies.length, 8)
  for (const copy of copies) {
    if (!fs.existsSync(path.join(copy, 'config.json'))) {
      refused(() => readRunFolder(copy), /it has no config.json/)
      createRunFolder(copy, CONFIG, { files }).close()
    }
    const { folder, config } = resumed(copy)
    folder.close()
    assert.deepEqual(config, CONFIG)
    assert.deepEqual(fs.readdirSync(copy).toSorted(), fs.readdirSync(dir).toSorted())
    assert.equal(fs.readFileSync(path.join(copy, 'vocabulary.txt'), 'utf8'), files['vocabulary.txt'])
  }
})

test('a run that is killed while it replaces another can be begun again', (context) => {
  const dir = fresh()
  createRunFolder(dir, CONFIG, { files: { 'vocabulary.txt': 'the\n' } }).close()
  fs.writeFileSync(path.join(dir, 'notes.txt'), 'mine')
  const revised = { ...CONFIG, seed: 2 }
  const again = { files: { 'vocabulary.txt': 'a\n' }, overwrite: true }
  const copies = killedAnywhere(context, dir, () => createRunFolder(dir, revised, again).close())
  for (const copy of copies) {
    createRunFolder(copy, revised, again).close()
    assert.deepEqual(readRunFolder(copy).config, revised)
    assert.deepEqual(fs.readdirSync(copy).toSorted(), fs.readdirSync(dir).toSorted())
  }
})

test('a run whose config cannot be written leaves an empty folder', (context) => {
  const dir = fresh()
  const rename = builtin.renameSync
  replaced(context, 'renameSync', (from, to) => {
    if (String(to).endsWith('config.json')) throw Object.assign(new Error('no room'), { code: 'ENOSPC' })
    rename(from, to)
  })
  refused(() => createRunFolder(dir, CONFIG, { files: { 'vocabulary.txt': 'the\n' } }), /the disk is full/)
  assert.deepEqual(fs.readdirSync(dir), [])
})

test("a vocabulary of somebody's own is no beginning of a run", () => {
  const dir = fresh()
  fs.mkdirSync(dir)
  fs.writeFileSync(path.join(dir, 'vocabulary.txt'), 'mine\n')
  refused(() => createRunFolder(dir, CONFIG, { files: { 'vocabulary.txt': 'the\n' } }), /holds other files/)
  assert.equal(fs.readFileSync(path.join(dir, 'vocabulary.txt'), 'utf8'), 'mine\n')
})

test("somebody's files are never overwritten, an empty folder is welcome", () => {
  const dir = fresh()
  fs.mkdirSync(dir)
  fs.writeFileSync(path.join(dir, 'thesis.tex'), 'x')
  refused(() => createRunFolder(dir, CONFIG, { overwrite: true }), /holds other files/)
  assert.deepEqual(fs.readdirSync(dir), ['thesis.tex'])
  const empty = fresh()
  fs.mkdirSync(empty)
  createRunFolder(empty, CONFIG).close()
})

test('what cannot be written says why', () => {
  const file = fresh()
  fs.writeFileSync(file, '')
  refused(() => createRunFolder(file, CONFIG), /cannot be written: it is a file, not a folder/)
  refused(() => createRunFolder(path.join(file, 'x'), CONFIG), /cannot be written: part of its path is a file/)
})

test('free names are numbered', () => {
  const dir = fresh()
  assert.equal(freeName(dir), dir)
  fs.mkdirSync(dir)
  assert.equal(freeName(dir), `${dir}-2`)
  fs.mkdirSync(`${dir}-2`)
  assert.equal(freeName(dir), `${dir}-3`)
})

test('damaged folders are named; a last line cut off by a kill is not damage', () => {
  const dir = fresh()
  refused(() => readRunFolder(dir), /expected the folder of a run but it has no config.json/)
  createRunFolder(dir, CONFIG).close()
  const metrics = path.join(dir, 'metrics.jsonl')
  fs.writeFileSync(metrics, `${JSON.stringify(DONE)}\n{"type":"st`)
  assert.deepEqual(readRunFolder(dir).events, [DONE])
  fs.writeFileSync(metrics, `{"type":"st\n${JSON.stringify(DONE)}\n`)
  assert.deepEqual(readRunFolder(dir).events, [DONE])
  assert.match(readRunFolder(dir).problems.join(), /metrics.jsonl: line 1: expected one JSON object/)
  const config = path.join(dir, 'config.json')
  fs.writeFileSync(config, '{"version":')
  refused(() => readRunFolder(dir), /config.json: expected JSON but/)
  fs.writeFileSync(config, '{"version":1}')
  refused(() => readRunFolder(dir), /config.json: version: expected a string but received 1/)
})

test('a file that cannot be finished leaves the old one', () => {
  const file = fresh()
  fs.mkdirSync(file) // a folder cannot be replaced by a file: the rename fails
  assert.throws(() => writeAtomic(file, 'new'))
  assert.ok(fs.statSync(file).isDirectory())
  assert.equal(fs.existsSync(`${file}.tmp`), false)
})

/** A run's folder while the run is at work: nothing is lost to what other hands do to it. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import { after, test } from 'node:test'
import { createRunFolder } from '../../src/runs/folder.ts'
import { type RunConfig, readRunFolder } from '../../src/runs/stored.ts'
import { adding } from '../../src/tasks/adding/adding.ts'
import type { TrainEvent } from '../../src/train/events.ts'
import { trainSpec } from '../../src/train/options.ts'
import { refused } from '../support/refused.ts'
import { replaced } from '../support/replaced.ts'

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'irnn-writer-'))
after(() => fs.rmSync(root, { recursive: true }))
let made = 0
const fresh = () => path.join(root, `run${made++}`)

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
const SCORE: TrainEvent = { type: 'eval', iteration: 1, seconds: 0.5, test: { loss: 2, mse: 2 } }
const DONE = { type: 'done', iteration: 3, seconds: 1, reason: 'stopped', stopped: true, test: null } as const

test('a folder that is removed, renamed or replaced under a run: the run is saved beside it, whole', async () => {
  const hands: Record<string, (dir: string) => void> = {
    removed: (dir) => fs.rmSync(dir, { recursive: true }),
    renamed: (dir) => fs.renameSync(dir, `${dir}-mine`),
    replaced(dir) {
      fs.renameSync(dir, `${dir}-old`)
      fs.mkdirSync(dir)
      fs.writeFileSync(path.join(dir, 'config.json'), 'of another run')
    },
  }
  for (const [name, hand] of Object.entries(hands)) {
    const dir = fresh()
    const said: string[] = []
    const folder = createRunFolder(dir, CONFIG, {
      files: { 'vocabulary.txt': 'the\n' },
      say: (line) => said.push(line),
    })
    folder.append(SCORE)
    hand(dir)
    const left = fs.existsSync(dir) ? fs.readdirSync(dir) : null
    folder.append(DONE)
    assert.deepEqual([folder.moved, folder.dir], [true, `${dir}-saved`], name)
    folder.saveModel([Uint8Array.of(1)])
    folder.close()
    assert.deepEqual(fs.existsSync(dir) ? fs.readdirSync(dir) : null, left, 'nothing is written under the old name')
    const run = readRunFolder(folder.dir)
    assert.deepEqual([run.config, run.events], [CONFIG, [SCORE, DONE]], name)
    const held = fs.readdirSync(folder.dir).toSorted()
    assert.deepEqual(held, [
      'config.json',
      'events.out.tfevents',
      'metrics.jsonl',
      'model.safetensors',
      'vocabulary.txt',
    ])
    assert.equal(said.length, 1, name)
    assert.match(said[0]!, /was moved, removed or replaced while the run was at work: saving the run in .*-saved$/)
  }
})

test('files that are removed while the run goes on are there again in the end', () => {
  const dir = fresh()
  const folder = createRunFolder(dir, CONFIG, { files: { 'vocabulary.txt': 'the\n' } })
  folder.append(SCORE)
  for (const name of fs.readdirSync(dir)) fs.rmSync(path.join(dir, name))
  folder.append(DONE)
  folder.saveModel([Uint8Array.of(1)])
  folder.close()
  assert.deepEqual(readRunFolder(dir).events, [SCORE, DONE])
  assert.equal(fs.readFileSync(path.join(dir, 'vocabulary.txt'), 'utf8'), 'the\n')
})

test('a run has ended when it has the model that it ended with', () => {
  const dir = fresh()
  const folder = createRunFolder(dir, CONFIG)
  const bytes = Uint8Array.of(1, 2, 3)
  const sha256 = folder.saveModel([bytes.subarray(0, 1), bytes.subarray(1)])
  assert.equal(sha256, createHash('sha256').update(bytes).digest('hex'))
  const done = { ...DONE, model: { sha256 } }
  folder.append(done)
  folder.close()
  const file = path.join(dir, 'model.safetensors')
  const end = () => readRunFolder(dir).end()
  assert.deepEqual(end(), done)
  for (let bit = 0; bit < 24; bit++) {
    const flipped = bytes.slice()
    flipped[bit >> 3]! ^= 1 << (bit & 7)
    fs.writeFileSync(file, flipped)
    assert.equal(end(), null)
    refused(
      () => readRunFolder(dir).readModel('final', () => {}),
      /damaged: its SHA-256 is not the one that the run ended/,
    )
  }
  fs.rmSync(file)
  assert.equal(end(), null)
  fs.mkdirSync(file)
  assert.equal(end(), null)
})

test('a record that a full disk refused is written later, in the records and for TensorBoard', (context) => {
  const dir = fresh()
  const folder = createRunFolder(dir, CONFIG)
  const score = (iteration: number) =>
    ({ type: 'eval', iteration, seconds: 1, test: { loss: iteration, mse: iteration } }) as const
  const restore = replaced(context, 'writeSync', () => {
    throw Object.assign(new Error('no room'), { code: 'ENOSPC' })
  })
  assert.throws(() => folder.append(score(1)), /metrics.jsonl: cannot be written: the disk is full/)
  restore()
  folder.append(score(2))
  folder.close()
  assert.deepEqual(
    readRunFolder(dir).events.map(({ iteration }) => iteration),
    [1, 2],
  )
  const board = fs.readFileSync(path.join(dir, 'events.out.tfevents'), 'latin1')
  assert.equal(board.split('test/mse').length - 1, 2)
})

test('a folder in the place of records, and a file for TensorBoard that fails, cost no model', (context) => {
  for (const name of ['metrics.jsonl', 'events.out.tfevents']) {
    const dir = fresh()
    const folder = createRunFolder(dir, CONFIG)
    folder.append(SCORE)
    fs.rmSync(path.join(dir, name))
    fs.mkdirSync(path.join(dir, name))
    const sha256 = folder.saveModel([Uint8Array.of(1)])
    folder.append({ ...DONE, model: { sha256 } })
    folder.close()
    assert.ok(readRunFolder(dir).end(), name)
    assert.ok(fs.statSync(path.join(dir, `${name}.damaged`)).isDirectory())
  }
  const dir = fresh()
  const folder = createRunFolder(dir, CONFIG)
  const board = fs.statSync(path.join(dir, 'events.out.tfevents')).ino
  const { fsyncSync } = fs
  replaced(context, 'fsyncSync', (fd: unknown) => {
    if (fs.fstatSync(fd as number).ino === board) throw Object.assign(new Error('EIO: i/o error'), { code: 'EIO' })
    fsyncSync(fd as number)
  })
  assert.throws(
    () => folder.saveModel([Uint8Array.of(1)]),
    /^DiskError: .*events\.out\.tfevents: cannot be written: EIO/,
  )
  assert.deepEqual([...fs.readFileSync(path.join(dir, 'model.safetensors'))], [1])
})

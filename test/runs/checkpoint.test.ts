// Checkpoints: what is saved is what is found, damage is seen wherever it is, and the good one before it is used.
import assert from 'node:assert/strict'
import builtin, * as fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import * as os from 'node:os'
import * as path from 'node:path'
import { after, test } from 'node:test'
import { referenceBackend } from '../../src/backend/reference/index.ts'
import { InputError } from '../../src/error.ts'
import { gaussian, irnn, regression } from '../../src/index.ts'
import { createModel } from '../../src/model/model.ts'
import { loadModel } from '../../src/model/modelFile.ts'
import { BEST, decodeCheckpoint, encodeCheckpoint, iterationOf, LAST, PREVIOUS } from '../../src/runs/checkpoint.ts'
import { createRunFolder, resumeRunFolder } from '../../src/runs/folder.ts'
import { type RunConfig, readRunFolder } from '../../src/runs/stored.ts'
import { adding } from '../../src/tasks/adding/adding.ts'
import { train } from '../../src/train/loop.ts'
import { trainSpec } from '../../src/train/options.ts'
import type { RunState } from '../../src/train/runState.ts'
import { cosineRate } from '../../src/train/schedule.ts'

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'irnn-checkpoint-'))
after(() => fs.rmSync(root, { recursive: true }))
let made = 0
const fresh = () => path.join(root, `run${made++}`)

const TASK = adding({ T: 4, train: 50, test: 10 })
const backend = referenceBackend()
const model = createModel(
  { input: 2, rnn: irnn(4, { inputStd: 0.1 }), head: regression(1, { init: gaussian(0.1) }) },
  { backend },
)
const resumed = (dir: string, say?: (line: string) => void) =>
  resumeRunFolder(readRunFolder(dir), { load: () => null, ...(say && { say }) })

const CONFIG: RunConfig = {
  version: '0.0.0',
  recipe: 'fast',
  seed: 1,
  task: { name: 'adding', options: TASK.options },
  model: model.spec,
  training: trainSpec({ iterations: 30, evalEvery: 10 }),
  backend: { name: 'reference', threads: 1, description: 'reference' },
  machine: { node: 'v20', platform: 'linux', arch: 'x64' },
}

/** A run in a folder with a checkpoint every seven iterations; each one's state and the length of the records at it. */
async function run(dir: string): Promise<{ iteration: number; metrics: number }[]> {
  const folder = createRunFolder(dir, CONFIG)
  const saved: { iteration: number; metrics: number }[] = []
  const events = train(createModel(model.spec, { backend }), TASK, { ...CONFIG.training, checkpoints: { every: 7 } })
  for await (const event of events) {
    folder.append(event)
    const state = events.getState()
    if (event.type === 'eval' && state.best?.iteration === event.iteration) folder.saveCheckpoint('best', model, state)
    if (event.type !== 'checkpoint') continue
    folder.saveCheckpoint('last', model, state)
    saved.push({ iteration: event.iteration, metrics: fs.statSync(path.join(dir, 'metrics.jsonl')).size })
  }
  folder.close()
  return saved
}

async function state(): Promise<RunState> {
  const events = train(model, TASK, { iterations: 3, checkpoints: { every: 2 } })
  for await (const event of events) if (event.type === 'checkpoint') break
  const { optimizer, ...rest } = events.getState()
  const n = model.weights.length
  const m = Float64Array.from({ length: n }, (_, i) => i)
  assert.deepEqual(optimizer, {}, 'a run that was left holds no arrays')
  return { ...rest, optimizer: { m, v: m.map(Math.sqrt) } }
}

const encoded = (...args: Parameters<typeof encodeCheckpoint>) => Buffer.concat(encodeCheckpoint(...args))

test('what is saved is what is found, and it loads as a model', async () => {
  const before = { ...(await state()), test: { loss: Number.POSITIVE_INFINITY, mse: Number.NaN } }
  const bytes = encoded(model, before, CONFIG, { count: 2, last: { type: 'step', iteration: 2 } })
  const found = decodeCheckpoint(bytes, JSON.parse(JSON.stringify(CONFIG)))
  assert.deepEqual(found.state, before)
  assert.deepEqual(found.mark, { count: 2, last: { type: 'step', iteration: 2 } })
  assert.deepEqual(loadModel(bytes, { backend }).weights, model.weights)
  assert.equal(iterationOf(bytes), 2)
})

test('a change of any byte is seen, and so is any cut', async () => {
  const bytes = encoded(model, await state(), CONFIG, { count: 0, last: null })
  const refused = (changed: Uint8Array, what: string) =>
    assert.throws(
      () => decodeCheckpoint(changed, CONFIG),
      (error: Error) => error instanceof InputError && /^damaged: /.test(error.message),
      what,
    )
  for (let i = 0; i < bytes.length; i++) {
    const changed = Uint8Array.from(bytes)
    changed[i]! ^= 1 << (i % 8)
    refused(changed, `byte ${i}`)
  }
  for (let length = 0; length < bytes.length; length += 7) refused(bytes.subarray(0, length), `first ${length} bytes`)
  refused(new Uint8Array([...bytes, 0]), 'a byte too many')
})

test('a checkpoint is of one run: other seeds and options are refused, a longer run is not', async () => {
  const now = await state()
  const bytes = encoded(model, now, CONFIG, { count: 0, last: null })
  const others: Partial<RunConfig>[] = [
    { seed: 2 },
    { training: trainSpec({ ...CONFIG.training, batch: 8 }) },
    { task: { name: 'adding', options: { ...TASK.options, T: 5 } } },
  ]
  for (const other of others) {
    assert.throws(() => decodeCheckpoint(bytes, { ...CONFIG, ...other }), /^InputError: of another run: its seed, task/)
  }
  const longer = (config: RunConfig) => ({ ...config, training: { ...config.training, iterations: 99 } })
  assert.equal(decodeCheckpoint(bytes, longer(CONFIG)).state.iteration, 2)
  const falling = { ...CONFIG, training: trainSpec({ ...CONFIG.training, schedule: cosineRate() }) }
  const cosine = encoded(model, now, falling, { count: 0, last: null })
  assert.throws(() => decodeCheckpoint(cosine, longer(falling)), /of another run/)
})

test('what is not finite is refused and named, wherever it is: weights, arrays of the optimiser, carried states', async () => {
  const now = await state()
  const carried = { B: 2, h: new Float64Array(8), c: null }
  const good = encoded(model, { ...now, carried }, CONFIG, { count: 0, last: null })
  assert.deepEqual(decodeCheckpoint(good, CONFIG).state.carried, carried)
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
    const spoilt = (array: ArrayLike<number>) =>
      Float64Array.from(array, (x, i) => (i === array.length - 1 ? value : x))
    const { m, v } = now.optimizer as Record<'m' | 'v', Float64Array>
    const cases: [string, Partial<RunState>][] = [
      ['optimizer.m', { optimizer: { m: spoilt(m), v } }],
      ['optimizer.v', { optimizer: { m, v: spoilt(v) } }],
      ['carried.h', { carried: { ...carried, h: spoilt(carried.h) } }],
    ]
    for (const [name, part] of cases) {
      const bytes = encoded(model, { ...now, ...part }, CONFIG, { count: 0, last: null })
      const message = `of a run that had diverged: ${name} is not finite`
      assert.throws(() => decodeCheckpoint(bytes, CONFIG), { name: 'InputError', message })
    }
  }
})

test('last, the one before, and best are kept; going on takes back the records after the last', async () => {
  const dir = fresh()
  const saved = await run(dir)
  assert.deepEqual(
    saved.map(({ iteration }) => iteration),
    [7, 14, 21, 28, 30],
  )
  const iteration = (name: string) => iterationOf(fs.readFileSync(path.join(dir, name)))!
  assert.deepEqual([LAST, PREVIOUS].map(iteration), [30, 28])
  assert.equal(iteration(BEST) % 10, 0)
  const { folder, events, checkpoint } = resumed(dir)
  folder.close()
  assert.equal(checkpoint!.state.iteration, 30)
  assert.ok(events.every(({ type }) => type !== 'done') && events.length > 0)
  assert.equal(fs.statSync(path.join(dir, 'metrics.jsonl')).size, saved.at(-1)!.metrics)
})

test('a damaged last one is named, and the one before it is used and not pushed out', async () => {
  const dir = fresh()
  const saved = await run(dir)
  fs.truncateSync(path.join(dir, LAST), 500)
  const lines: string[] = []
  const { folder, checkpoint } = resumed(dir, (line) => lines.push(line))
  assert.equal(checkpoint!.state.iteration, 28)
  assert.equal(fs.statSync(path.join(dir, 'metrics.jsonl')).size, saved.at(-2)!.metrics)
  assert.equal(lines.length, 1)
  assert.match(lines[0]!, /checkpoint-last.safetensors: damaged: .*; going on from checkpoint-previous.safetensors$/)
  const good = fs.readFileSync(path.join(dir, PREVIOUS))
  folder.saveCheckpoint('last', model, checkpoint!.state)
  assert.deepEqual(fs.readFileSync(path.join(dir, PREVIOUS)), good)
  folder.saveCheckpoint('last', model, checkpoint!.state)
  assert.equal(iterationOf(fs.readFileSync(path.join(dir, PREVIOUS))), 28)
  folder.close()
})

test('where records are missing, the run goes on from before them, else from its last checkpoint', async () => {
  const dir = fresh()
  const saved = await run(dir)
  const metrics = path.join(dir, 'metrics.jsonl')
  fs.truncateSync(metrics, saved.at(-2)!.metrics)
  const lines: string[] = []
  const say = (line: string) => lines.push(line)
  const from28 = resumed(dir, say)
  from28.folder.close()
  assert.equal(from28.checkpoint!.state.iteration, 28)
  assert.match(
    lines[0]!,
    /last.safetensors: \d+ of the \d+ records before it are missing in metrics.jsonl; going on from /,
  )
  fs.rmSync(metrics)
  const without = resumed(dir, say)
  without.folder.close()
  assert.equal(without.checkpoint!.state.iteration, 30)
  assert.deepEqual(without.events, [])
})

test('records that were edited while the run rested are found again, and what is none of them is kept aside', async () => {
  const edits: Record<string, [edit: (text: string) => string, aside: boolean]> = {
    'line ends of Windows': [(text) => text.replaceAll('\n', '\r\n'), false],
    'a byte order mark': [(text) => `\uFEFF${text}`, false],
    'a line twice': [(text) => text + text.split('\n')[0], false],
    'a note': [(text) => `tried on Monday\n${text}`, true],
    'NUL at the end': [(text) => `${text}\0\0\0\n`, true],
  }
  for (const [name, [edit, aside]] of Object.entries(edits)) {
    const dir = fresh()
    const saved = await run(dir)
    const metrics = path.join(dir, 'metrics.jsonl')
    const before = fs.readFileSync(metrics, 'utf8')
    fs.writeFileSync(metrics, edit(before))
    const { folder, events, checkpoint } = resumed(dir)
    assert.equal(checkpoint!.state.iteration, 30, name)
    assert.equal(fs.readFileSync(metrics, 'utf8'), before.slice(0, saved.at(-1)!.metrics), name)
    assert.ok(events.length > 0)
    assert.equal(fs.existsSync(`${metrics}.damaged`), aside, name)
    if (aside) assert.equal(fs.readFileSync(`${metrics}.damaged`, 'utf8'), edit(before))
    folder.close()
  }
})

test('a checkpoint that cannot be read, or says what is no JSON, is passed over', async () => {
  const good = Buffer.concat(encodeCheckpoint(model, await state(), CONFIG, { count: 0, last: null }))
  const spoilt = Buffer.from(good.toString('latin1').replace('\\"iteration\\":2', '\\"iteration\\":{'), 'latin1')
  const { createHash } = await import('node:crypto')
  const at = spoilt.indexOf('"sha256":"') + '"sha256":"'.length
  spoilt.write('0'.repeat(64), at, 'latin1')
  spoilt.write(createHash('sha256').update(spoilt).digest('hex'), at, 'latin1')
  const faults: Record<string, (file: string) => void> = {
    folder: (file) => fs.mkdirSync(file),
    'link to nowhere': (file) => fs.symlinkSync('/nonexistent', file),
    'no JSON': (file) => fs.writeFileSync(file, spoilt),
    ...(process.platform === 'linux' && { device: (file: string) => fs.symlinkSync('/dev/zero', file) }),
  }
  for (const [name, fault] of Object.entries(faults)) {
    const dir = fresh()
    await run(dir)
    fs.rmSync(path.join(dir, LAST))
    fault(path.join(dir, LAST))
    const { folder, checkpoint } = resumed(dir)
    folder.close()
    assert.equal(checkpoint!.state.iteration, 28, name)
  }
})

test('none good: a clear line, nothing touched; none at all: from the beginning', async () => {
  const dir = fresh()
  await run(dir)
  for (const name of [LAST, PREVIOUS, BEST]) fs.writeFileSync(path.join(dir, name), 'x')
  const records = fs.readFileSync(path.join(dir, 'metrics.jsonl'))
  const refusal = /cannot go on: no checkpoint is good: .*last.* damaged: .*previous.*best.*: start the run anew$/
  assert.throws(
    () => resumed(dir),
    (error: Error) => error instanceof InputError && refusal.test(error.message) && !error.message.includes('\n'),
  )
  assert.deepEqual(fs.readFileSync(path.join(dir, 'metrics.jsonl')), records)
  for (const name of [LAST, PREVIOUS, BEST]) fs.rmSync(path.join(dir, name))
  const { folder, events, checkpoint } = resumed(dir)
  folder.close()
  assert.deepEqual([events, checkpoint], [[], null])
})

test('a checkpoint is read once, from its beginning to its end; what it holds in memory is the whole file', async () => {
  const bytes = encoded(model, await state(), CONFIG, { count: 0, last: null })
  let reached = 0
  const source = {
    size: bytes.length,
    read(at: number, into: Uint8Array) {
      assert.equal(at, reached, 'in order, nothing twice')
      into.set(bytes.subarray(at, at + into.length))
      reached += into.length
    },
  }
  const found = decodeCheckpoint(source, CONFIG)
  assert.equal(reached, bytes.length)
  const copy = new Uint8Array(bytes.length)
  found.source.read(0, copy)
  assert.deepEqual(Buffer.from(copy), bytes)
  const part = new Uint8Array(100)
  found.source.read(bytes.length - 300, part)
  assert.deepEqual(Buffer.from(part), bytes.subarray(bytes.length - 300, bytes.length - 200))
  assert.deepEqual(loadModel(found.source, { backend }).weights, model.weights)
})

test('going on reads the config once, and refuses one that was changed since', async (context) => {
  const dir = fresh()
  await run(dir)
  const reads: string[] = []
  const { readFileSync, openSync } = builtin
  for (const [name, original] of Object.entries({ readFileSync, openSync })) {
    Object.assign(builtin, {
      [name]: (file: string, ...more: unknown[]) => {
        reads.push(path.basename(String(file)))
        return (original as (...args: unknown[]) => unknown)(file, ...more)
      },
    })
  }
  syncBuiltinESMExports()
  context.after(() => {
    Object.assign(builtin, { readFileSync, openSync })
    syncBuiltinESMExports()
  })
  const stored = readRunFolder(dir)
  const { folder, checkpoint } = resumeRunFolder(stored, { load: (source) => loadModel(source, { backend }) })
  folder.close()
  assert.equal(checkpoint!.model.weights.length, model.weights.length)
  for (const name of ['config.json', LAST]) assert.equal(reads.filter((read) => read === name).length, 1, name)
  const config = path.join(dir, 'config.json')
  fs.writeFileSync(config, `${fs.readFileSync(config, 'utf8')} `)
  assert.throws(
    () => resumeRunFolder(stored, { load: () => null }),
    /^InputError: .*another process has changed the run since its config.json was read: try again$/,
  )
  assert.ok(!fs.readdirSync(dir).some((name) => name.includes('lock')), 'unlocked again')
})

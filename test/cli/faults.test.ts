/**
 * A disk that refuses one call, or all of a kind from some call on, anywhere in the life of a run. What was
 * checkpointed is never lost, exit 0 means that the model is there, and a run that has a config is never left
 * unreadable: it goes on to the same bits.
 */
import assert from 'node:assert/strict'
import builtin, * as fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import * as os from 'node:os'
import * as path from 'node:path'
import { after, describe, test } from 'node:test'
import { record } from '../../cli/recording.ts'
import { referenceBackend } from '../../src/backend/reference/index.ts'
import { DiskError } from '../../src/disk.node.ts'
import { InputError } from '../../src/error.ts'
import type { Source } from '../../src/formats/safetensors.ts'
import { irnn, regression } from '../../src/index.ts'
import { createModel } from '../../src/model/model.ts'
import { loadModel } from '../../src/model/modelFile.ts'
import { createRunFolder, resumeRunFolder } from '../../src/runs/folder.ts'
import { LOCK } from '../../src/runs/lock.ts'
import { type RunConfig, readRunFolder } from '../../src/runs/stored.ts'
import { adding } from '../../src/tasks/adding/adding.ts'
import { train } from '../../src/train/loop.ts'
import { trainSpec } from '../../src/train/options.ts'
import type { RunOptions } from '../../src/train/runOptions.ts'

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'irnn-faults-'))
after(() => fs.rmSync(root, { recursive: true, force: true }))

const backend = referenceBackend()
const task = adding({ T: 4, train: 50, test: 10 })
const spec = { input: 2, rnn: irnn(4, { inputStd: 0.1 }), head: regression(1) }
const training = trainSpec({ iterations: 12, evalEvery: 4, target: null })
const CONFIG: RunConfig = {
  version: '0.0.0',
  recipe: 'fast',
  seed: 1,
  task: { name: 'adding', options: task.options },
  model: createModel(spec, { backend }).spec,
  training,
  backend: { name: 'reference', threads: 1, description: 'reference' },
  machine: { node: 'v20', platform: 'linux', arch: 'x64' },
}
const FILES = { 'vocabulary.txt': 'the\n' }
const quiet = { say() {}, clear() {}, show() {} }
const stop = { signal: new AbortController().signal, now() {}, exitCode: () => 0, release() {} }

const SOURCE = new URL('../../../src/', import.meta.url)

type Operation = string
type Call = (...args: unknown[]) => unknown

/** Iterations of checkpoints that were saved, as the run's folder said. */
type Saved = number[]

async function live(dir: string, saved: Saved): Promise<number> {
  const folder = createRunFolder(dir, CONFIG, { files: FILES })
  return work(dir, folder, createModel(spec, { backend }), saved, {})
}

const load = (source: Source) => loadModel(source, { backend })

async function resume(dir: string, saved: Saved): Promise<number> {
  const { folder, checkpoint } = resumeRunFolder(readRunFolder(dir), { load, taskFiles: Object.keys(FILES) })
  const model = checkpoint?.model ?? createModel(spec, { backend })
  return work(dir, folder, model, saved, checkpoint ? { resume: checkpoint.state } : {})
}

async function work(
  dir: string,
  folder: ReturnType<typeof createRunFolder>,
  model: ReturnType<typeof createModel>,
  saved: Saved,
  options: RunOptions,
): Promise<number> {
  const save = folder.saveCheckpoint.bind(folder)
  folder.saveCheckpoint = (which, model, state) => {
    save(which, model, state)
    if (which === 'last') saved.push(state.iteration)
  }
  const run = train(model, task, { ...training, ...options, checkpoints: { every: 3 } })
  return record(run, { task, title: dir, model, folder, progress: quiet, json: false, stop })
}

/** Leaves a run after the iteration 7, with two checkpoints. */
async function leave(dir: string): Promise<Saved> {
  const folder = createRunFolder(dir, CONFIG, { files: FILES })
  const model = createModel(spec, { backend })
  const run = train(model, task, { ...training, checkpoints: { every: 3 } })
  for await (const event of run) {
    if (event.type === 'checkpoint') folder.saveCheckpoint('last', model, run.getState())
    else folder.append(event)
    if (event.iteration >= 7) break
  }
  folder.close()
  return [6]
}

/** All that the run's folder asks the file system to do, read from the source: a new operation is tested, too. */
const OPERATIONS: readonly Operation[] = [
  ...new Set(
    ['disk.node.ts', ...fs.readdirSync(new URL('runs', SOURCE)).map((name) => `runs/${name}`)].flatMap((name) =>
      [...fs.readFileSync(new URL(name, SOURCE), 'utf8').matchAll(/\bfs\.(\w+Sync)\b/g)].map(([, found]) => found!),
    ),
  ),
].filter((name) => name !== 'existsSync') // it says no, and throws nothing

/**
 * Lets the calls of one operation fail from the k-th on, `times` of them, while `work` runs. Returns how many there
 * were.
 */
async function failing(operation: Operation, k: number, times: number, work: () => Promise<unknown>): Promise<number> {
  let calls = 0
  await replacing(operation, work, (original, args) => {
    const at = calls++
    if (at >= k && at < k + times) throw Object.assign(new Error('refused'), { code: 'EIO' })
    return original(...args)
  })
  return calls
}

async function replacing(
  operation: Operation,
  work: () => Promise<unknown>,
  by: (original: Call, args: unknown[]) => unknown,
): Promise<void> {
  const target = builtin as unknown as Record<Operation, Call>
  const original = target[operation]!
  target[operation] = (...args) => by(original, args)
  syncBuiltinESMExports()
  try {
    await work()
  } finally {
    target[operation] = original
    syncBuiltinESMExports()
  }
}

const modelOf = (dir: string) => fs.readFileSync(path.join(dir, 'model.safetensors'))

describe('whatever the disk refuses', () => {
  const undisturbed = path.join(root, 'undisturbed')
  let wanted: Buffer
  // Only what a run says in the end: the test runner writes to standard output, too.
  const write = process.stdout.write.bind(process.stdout) as (...args: unknown[]) => boolean
  process.stdout.write = (...args: unknown[]) => String(args[0]).startsWith('test MSE') || write(...args)
  test('nothing', async () => {
    assert.equal(await live(undisturbed, []), 0)
    wanted = modelOf(undisturbed)
  })
  for (const operation of OPERATIONS)
    for (const times of [1, Number.POSITIVE_INFINITY])
      for (const [life, begin] of [
        ['a run', () => []],
        ['a run that goes on', leave],
      ] as const)
        test(`${operation} of ${life}, ${times === 1 ? 'once' : 'from some call on'}`, async () => {
          for (let k = times === 1 && begin === leave ? 1 : 0, calls = k + 1; k < calls; k += 1) {
            const dir = path.join(root, `${operation}-${times}-${k}`)
            const saved: Saved = await begin(dir)
            let code: number | null = null
            calls = await failing(operation, k, times, async () => {
              try {
                code = await (begin === leave ? resume(dir, saved) : live(dir, saved))
              } catch (error) {
                const known = error instanceof InputError || error instanceof DiskError
                assert.ok(known, `${dir}: ${(error as Error).stack}`)
              }
            })
            await check(dir, code, saved)
            fs.rmSync(dir, { recursive: true, force: true })
            // A part of them will do: of one refusal every second, not the same ones in both lives.
            k += times === 1 ? 1 : 4
          }
        })

  test('a disk that takes a few bytes at a time', async () => {
    const dir = path.join(root, 'bitwise')
    const work = async () => assert.equal(await live(dir, []), 0)
    await replacing('writeSync', work, (original, [fd, data, from, length, ...rest]) =>
      typeof fd === 'number' && fd > 2 && data instanceof Uint8Array
        ? original(fd, data, from, Math.min(7, Number(length)), ...rest)
        : original(fd, data, from, length, ...rest),
    )
    assert.deepEqual(modelOf(dir), wanted)
    const { events, problems } = readRunFolder(dir)
    assert.deepEqual([events.at(-1)?.type, problems], ['done', []])
  })

  async function check(dir: string, code: number | null, saved: Saved): Promise<void> {
    fs.rmSync(path.join(dir, LOCK), { force: true }) // the disk may have refused to remove it, and this process goes on
    if (!fs.existsSync(path.join(dir, 'config.json'))) {
      assert.equal(saved.length, 0, `${dir}: a checkpoint of no run`)
      if (fs.existsSync(dir)) assert.equal(await live(dir, []), 0, 'it can be begun again')
      return
    }
    const run = readRunFolder(dir)
    if (code === 0) {
      assert.deepEqual(modelOf(dir), wanted, `${dir}: exit 0`)
      assert.ok(run.end(), `${dir}: exit 0, and the records do not say so`)
    }
    if (run.events.at(-1)?.type === 'done') assert.deepEqual(modelOf(dir), wanted, `${dir}: done without its model`)
    if (run.end()) return
    const { folder, checkpoint } = resumeRunFolder(run, { load })
    folder.close()
    assert.ok((checkpoint?.state.iteration ?? 0) >= Math.max(0, ...saved), `${dir}: a checkpoint is lost`)
    assert.equal(await resume(dir, []), 0)
    assert.deepEqual(modelOf(dir), wanted, `${dir}: resumed to other bits`)
    const { events, problems } = readRunFolder(dir)
    assert.deepEqual([events.at(-1)?.type, problems], ['done', []])
  }
})

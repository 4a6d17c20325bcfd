// What a run leaves while its disk fails now and then.
import assert from 'node:assert/strict'
import builtin, * as fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import * as path from 'node:path'
import { type TestContext, test } from 'node:test'
import { record, result } from '../../cli/recording.ts'
import { referenceBackend } from '../../src/backend/reference/index.ts'
import { irnn, regression } from '../../src/index.ts'
import { createModel } from '../../src/model/model.ts'
import { loadModel } from '../../src/model/modelFile.ts'
import { BEST, iterationOf } from '../../src/runs/checkpoint.ts'
import { createRunFolder } from '../../src/runs/folder.ts'
import type { Task } from '../../src/task.ts'
import { adding } from '../../src/tasks/adding/adding.ts'
import type { DoneEvent, EvalEvent } from '../../src/train/events.ts'
import { train } from '../../src/train/loop.ts'
import { trainSpec } from '../../src/train/options.ts'
import { home } from '../support/command.ts'

const backend = referenceBackend()

function begun(dir: string) {
  const task = adding({ T: 4, train: 50, test: 10 })
  const model = createModel({ input: 2, rnn: irnn(4, { inputStd: 0.1 }), head: regression(1) }, { backend })
  const training = trainSpec({ iterations: 30, evalEvery: 12 })
  const folder = createRunFolder(dir, {
    version: '0.0.0',
    recipe: 'fast',
    seed: 1,
    task: { name: 'adding', options: task.options },
    model: model.spec,
    training,
    backend: { name: 'reference', threads: 1, description: 'reference' },
    machine: { node: 'v20', platform: 'linux', arch: 'x64' },
  })
  return { task, model, training, folder }
}
const stop = { signal: new AbortController().signal, now() {}, exitCode: () => 0, release() {} }

/** A run whose best checkpoint the disk refuses up to iteration 15, evaluated every 12 iterations and saved every 5. */
async function starved(context: TestContext, dir: string) {
  const { task, model, training, folder } = begun(dir)
  let broken = true
  const rename = fs.renameSync
  builtin.renameSync = (from, to) => {
    if (broken && String(to).endsWith(BEST)) throw Object.assign(new Error('no room'), { code: 'ENOSPC' })
    rename(from, to)
  }
  syncBuiltinESMExports()
  context.after(() => {
    builtin.renameSync = rename
    syncBuiltinESMExports()
  })
  // The weights of the best evaluation, and whether they are on disk at each checkpoint after it.
  const run = train(model, task, { ...training, checkpoints: { every: 5 } })
  let best: ArrayLike<number> | null = null
  let at = 0
  const there: boolean[] = []
  const lines: string[] = []
  const progress = {
    say: (line: string) => void lines.push(line),
    clear() {},
    show(event: { type: string; iteration: number }) {
      if (event.type === 'eval' && run.getState().best?.iteration === event.iteration) {
        best = model.weights.slice()
        at = event.iteration
      }
      if (event.type !== 'checkpoint') return
      there.push(fs.existsSync(path.join(dir, BEST)))
      if (event.iteration === 15) broken = false
    },
  }
  const code = await record(run, { task, title: 'run', model, folder, progress, json: true, stop })
  assert.equal(code, 0)
  const said = lines.filter((line) => line.includes(BEST)).map((line) => line.split(': ').slice(1).join(': '))
  const bytes = fs.readFileSync(path.join(dir, BEST))
  assert.equal(iterationOf(bytes), at)
  assert.deepEqual(loadModel(bytes, { backend }).weights, best)
  return { there, said, size: bytes.length }
}

test('a best checkpoint that could not be written is written at the next checkpoint, with the weights it is of; if it is not too large to keep', async (context) => {
  const { there, said, size } = await starved(context, path.join(home, 'kept'))
  // Checkpoints at 5, 10, 15 (evaluated at 12, and the disk fails), 20, 25 and 30.
  assert.deepEqual(there, [false, false, false, true, true, true])
  assert.deepEqual(said, ['cannot be written: the disk is full; going on, and trying again at the next checkpoint'])

  const free = context.mock.method(process, 'availableMemory', () => 1.9 * size)
  const lost = await starved(context, path.join(home, 'lost'))
  assert.deepEqual(lost.there, [false, false, false, false, true, true], 'the next best one, of iteration 24')
  assert.deepEqual(lost.said, [
    'cannot be written: the disk is full; going on: it is too large to keep in memory until there is room; the next best one will be written',
  ])
  free.mock.mockImplementation(() => 2.1 * size)
  assert.deepEqual((await starved(context, path.join(home, 'just'))).there, there)
})

test('where held-out data decided, the last line has the test score that they chose, and the last one', () => {
  const task = { ...adding({ T: 4 }), metric: 'accuracy', baseline: undefined } as unknown as Task
  const scored = (iteration: number, test: number, heldOut: number): EvalEvent => ({
    type: 'eval',
    iteration,
    seconds: 1,
    test: { loss: 1, accuracy: test },
    heldOut: { loss: 1, accuracy: heldOut },
  })
  const events = [scored(10, 0.91, 0.95), scored(20, 0.93, 0.95), scored(30, 0.92, 0.94)]
  const done: DoneEvent = { ...events[2]!, type: 'done', reason: 'iterations', stopped: false }
  assert.equal(
    result(done, task, 'there', events),
    'test accuracy 92.00 %, held-out 94.00 % after 30 iterations in 1.0 s; best by held-out at 10: ' +
      'test accuracy 91.00 %, held-out 95.00 %; there',
  )
  assert.doesNotMatch(result(done, task, 'there', events.slice(2)), /best by held-out/)
  const { heldOut: _, ...without } = done
  assert.doesNotMatch(result(without, task, 'there', events), /best by held-out/)
})

test('the records say that a run is done when all else is on disk: killed before, it takes its end again', async () => {
  const dir = path.join(home, 'ended')
  const { task, model, training, folder } = begun(dir)
  const append = folder.append.bind(folder)
  let there: string[] = []
  folder.append = (event, line) => {
    if (event.type === 'done') there = fs.readdirSync(dir)
    append(event, line)
  }
  const progress = { say() {}, clear() {}, show() {} }
  const run = train(model, task, { ...training, checkpoints: { every: 5 } })
  assert.equal(await record(run, { task, title: 'run', model, folder, progress, json: true, stop }), 0)
  assert.deepEqual(
    there.filter((name) => name !== 'run.lock'),
    fs.readdirSync(dir),
  )
  assert.ok(there.includes('curve.svg') && there.includes('model.safetensors'))
})

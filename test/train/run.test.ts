/** Whole runs: the same seed gives the same bits on any number of threads and every time, and memory stays flat. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { availableBackends } from '../../src/backend/choose.ts'
import {
  adding,
  type BackendOptions,
  type Cell,
  createBackend,
  createModel,
  type ModelInput,
  regression,
  saveModel,
} from '../../src/index.ts'
import { createTraining } from '../../src/train/loop.ts'

const ITERATIONS = 200
const available = await availableBackends()

async function bytesAfter(cell: Cell, options: BackendOptions): Promise<Uint8Array> {
  const backend = await createBackend(options)
  const spec: ModelInput = { input: 2, rnn: { cell, hidden: 40 }, head: regression(1) }
  const model = createModel(spec, { backend, seed: 7 })
  const training = createTraining(model, adding({ T: 30, train: 1000, test: 10 }), { batch: 19 })
  for (let i = 0; i < ITERATIONS; i++) assert.ok(training.iterate())
  const bytes = saveModel(model)
  training.dispose()
  model.dispose()
  return bytes
}

for (const cell of ['irnn', 'lstm', 'gru'] as const) {
  test(`${cell}: weights after ${ITERATIONS} iterations are the same bits on 1, 2 and 4 threads, and again`, async () => {
    for (const { name, instructionSet } of available.filter(({ name }) => name !== 'reference')) {
      const one = await bytesAfter(cell, { name, instructionSet, threads: 1 })
      for (const threads of [2, 4, 1]) {
        assert.deepEqual(
          await bytesAfter(cell, { name, instructionSet, threads }),
          one,
          `${name} ${instructionSet}, ${threads} threads`,
        )
      }
    }
  })
}

test('memory is flat over 10,000 iterations', async () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const used = () => {
    collect()
    const { heapUsed, external, arrayBuffers } = process.memoryUsage()
    return { heap: heapUsed + external + arrayBuffers, resident: process.memoryUsage().rss }
  }
  for (const options of available.filter(({ name }) => name !== 'reference')) {
    const model = createModel(
      { input: 2, rnn: { cell: 'irnn', hidden: 8 }, head: regression(1) },
      { backend: await createBackend(options) },
    )
    const training = createTraining(model, adding({ T: 5, train: 1000, test: 10 }))
    const run = (iterations: number) => {
      for (let i = 0; i < iterations; i++) assert.ok(training.iterate())
      return used()
    }
    run(2000) // compiled, pools filled
    const before = used()
    const after = run(10_000)
    assert.ok(after.heap - before.heap < 2 ** 18, `${options.name}: heap grew by ${after.heap - before.heap} bytes`)
    // One kilobyte an iteration would be 10 MB; the collector's own pages come and go by less.
    assert.ok(
      after.resident - before.resident < 2 ** 23,
      `${options.name}: grew by ${after.resident - before.resident}`,
    )
    training.dispose()
    model.dispose()
  }
})

/** A network that reads a digit in the page gives the numbers that it gives everywhere. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Desk } from '../../../page/play/engine/desk.ts'
import type { Report } from '../../../page/play/engine/protocol.ts'
import { Reader } from '../../../page/play/engine/reader.ts'
import {
  classification,
  createBackend,
  createModel,
  irnn,
  loadModel,
  lstm,
  regression,
  saveModel,
} from '../../../src/index.ts'
import { loadMnist } from '../../../src/tasks/mnist/load.node.ts'

const backend = await createBackend({ name: 'wasm', threads: 1 })
const file = readFileSync(fileURLToPath(new URL('../../../../page/play/reader.safetensors', import.meta.url)))
const { test: digits } = await loadMnist()
const pixelsOf = (i: number) => digits.images.slice(784 * i, 784 * i + 784)

test('the network of the page reads nine of ten test digits as what they are, with the logits of the whole', () => {
  const reader = new Reader(backend, file)
  const model = loadModel(file, { backend })
  assert.equal(reader.what, 'irnn, 100 units, 11,310 weights')
  let right = 0
  for (let i = 0; i < 20; i++) {
    const { T, K, shares } = reader.read(pixelsOf(i), 'unit')
    const last = shares.subarray((T - 1) * K)
    if (last.indexOf(Math.max(...last)) === digits.labels[i]) right += 1
    if (i > 0) continue
    const x = Float32Array.from(pixelsOf(i), (pixel) => pixel / 255)
    const { logits } = model.forward({ T: 784, B: 1, x })
    const most = Math.max(...logits)
    const powers = Float32Array.from(logits, (logit) => Math.exp(logit - most))
    const sum = powers.reduce((all, one) => all + one, 0)
    assert.deepEqual(
      last,
      powers.map((power) => power / sum),
    )
  }
  assert.ok(right >= 18, `${right} of 20`)
  reader.dispose()
})

test('connectivity is what finite differences are', async () => {
  const reference = await createBackend({ name: 'reference' })
  const model = createModel({ input: 1, rnn: lstm(3), head: classification(4) }, { backend: reference, seed: 3 })
  const reader = new Reader(reference, saveModel(model))
  const pixels = Uint8Array.of(200, 0, 30, 90)
  reader.read(pixels, 'unit')
  const norms = reader.connect(2, 1)
  const logit = (s: number, more: number) => {
    const x = Float64Array.from(pixels, (pixel, t) => Math.fround(pixel / 255) + (t === s ? more : 0))
    return Number(model.forward({ T: 3, B: 1, x: x.subarray(0, 3) }).logits[1])
  }
  assert.equal(norms.length, 3)
  for (let s = 0; s < 3; s++) {
    const slope = Math.abs(logit(s, 1e-4) - logit(s, -1e-4)) / 2e-4
    assert.ok(Math.abs(norms[s]! - slope) < 1e-5, `${norms[s]} and ${slope}`)
  }
})

test('a file that is no such network is refused in one line, and the one before stays', async () => {
  const said: Report[] = []
  const desk = new Desk({ post: (report) => said.push(report), backend: async () => backend })
  const open = (model: Uint8Array) => desk.take({ type: 'open', id: 0, model, name: 'mine' })
  await open(file)
  const model = (input: number, head: ReturnType<typeof classification>) =>
    saveModel(createModel({ input, rnn: irnn(4), head }, { backend }))
  const damaged = Uint8Array.from(file)
  damaged.fill(0xff, 0, 8)
  for (const [bytes, expected] of [
    [new Uint8Array(0), /^mine: safetensors/],
    [new TextEncoder().encode('<img src=x onerror=alert(1)>'), /^mine: safetensors/],
    [damaged, /^mine: safetensors/],
    [file.subarray(0, 9000), /^mine: safetensors/],
    [
      model(2, classification(10)),
      /^mine: model: expected one that reads a pixel a step .* but it reads 2 numbers a step$/,
    ],
    [model(1, regression(1) as never), /but it says a number, no class$/],
    [model(1, classification(200)), /but it tells 200 classes apart, and 2 to 26 are shown$/],
  ] as const) {
    await open(bytes)
    const report = said.at(-1)!
    assert.ok(
      report.type === 'failed' && expected.test(report.message) && !report.message.includes('\n'),
      JSON.stringify(report),
    )
  }
  await desk.take({ type: 'read', id: 5, pixels: pixelsOf(0), scale: 'unit' })
  assert.equal(said.at(-1)!.type, 'read')
})

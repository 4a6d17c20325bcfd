/** What a service answers is what the library computes, bit for bit: every kind of run, alone and in batches. */
import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { test } from 'node:test'
import { openRun } from '../../src/data.ts'
import { classification, gru, loadModel, lstm, type Model, regression, tanh } from '../../src/index.ts'
import { vocabularyOfRun } from '../../src/tasks/words/load.node.ts'
import { AHEAD, backend, FIXTURES, modelFile, running, SALES, salesRun, TAGS, tagsRun } from '../support/served.ts'

const SCALE = { mean: [10, -3], std: [2, 0.5] }
const FILES = {
  values: modelFile('values', { input: 2, rnn: lstm(5, { layers: 2 }), head: classification(3, { steps: 'every' }) }),
  last: modelFile('last', {
    input: { size: 2, normalise: true },
    rnn: gru(4),
    head: regression(2),
    output: SCALE,
  }),
  tokens: modelFile('tokens', { input: { vocabulary: 7, embedding: 3 }, rnn: tanh(4), head: classification(7) }),
  both: modelFile('both', {
    input: { size: 2, vocabulary: 5, embedding: 3 },
    rnn: gru(4, { bidirectional: true }),
    head: classification(3, { steps: 'every' }),
  }),
} as const
const RUNS = {
  ...FILES,
  sales: await salesRun(),
  tags: await tagsRun(),
  adding: path.join(FIXTURES, 'adding'),
  mnist: path.join(FIXTURES, 'mnist'),
  words: path.join(FIXTURES, 'words'),
  phones: path.join(FIXTURES, 'phones'),
}
const { ask, post } = await running(RUNS)
const load = (file: string): Model => loadModel(fs.readFileSync(file), { backend })
const stored = (name: keyof typeof RUNS) => load(path.join(RUNS[name], 'model.safetensors'))
const reals = (T: number, I: number, at = 0) =>
  Array.from({ length: T }, (_, t) => Array.from({ length: I }, (_, i) => Math.sin(at + 3 * t + i)))
const rowsOf = (flat: ArrayLike<number>, K: number) =>
  Array.from({ length: flat.length / K }, (_, n) => Array.from(flat).slice(n * K, (n + 1) * K))
const argmax = (row: readonly number[]) => row.indexOf(Math.max(...row))

test('a model of values on every step: logits and classes, one sequence and several', async () => {
  const model = load(FILES.values)
  const logits = (x: number[][]) => rowsOf(model.forward({ T: x.length, B: 1, x: x.flat() }).logits, 3)
  const all = [reals(4, 2), reals(1, 2, 9), reals(40, 2, 5)] as const
  const expected = all.map((x) => ({ logits: logits(x), class: logits(x).map(argmax) }))
  assert.deepEqual(
    (await post('/v1/runs/values/predict', { sequences: all.map((x) => ({ x })) })).predictions,
    expected,
  )
  assert.deepEqual((await post('/v1/runs/values/predict', { x: all[0] })).predictions, [expected[0]])
})

test('a regression on the last step answers in the units of its targets', async () => {
  const model = load(FILES.last)
  const x = reals(6, 2)
  const { predictions } = await post('/v1/runs/last/predict', { x })
  assert.deepEqual(predictions, [{ logits: [...model.forward({ T: 6, B: 1, x: x.flat() }).logits] }])
  assert.ok(predictions[0]!.logits[0]! > 5)
})

test('tokens; values beside tokens, read both ways', async () => {
  const tokens = [1, 6, 0, 3]
  const one = [...load(FILES.tokens).forward({ T: 4, B: 1, tokens }).logits]
  assert.deepEqual((await post('/v1/runs/tokens/predict', { tokens })).predictions, [
    { logits: one, class: argmax(one) },
  ])
  const both = { x: reals(3, 2), tokens: [4, 0, 2] }
  const every = rowsOf(load(FILES.both).forward({ T: 3, B: 1, x: both.x.flat(), tokens: both.tokens }).logits, 3)
  const { predictions } = await post('/v1/runs/both/predict', both)
  assert.deepEqual(predictions, [{ logits: every, class: every.map(argmax) }])
})

test('forecasts and labels are those of predict', async () => {
  using sales = openRun(RUNS.sales, { backend })
  const { steps } = await sales.predict([...SALES, ...AHEAD])
  const answered = await post('/v1/runs/sales/predict', { rows: [...SALES, ...AHEAD] })
  assert.deepEqual(answered.predictions, steps)
  assert.equal(answered.predictions.length, 6)
  using tags = openRun(RUNS.tags, { backend, kind: 'label' })
  const rows = TAGS.map(({ tag: _, ...row }) => row)
  assert.deepEqual((await post('/v1/runs/tags/predict', { rows })).predictions, (await tags.predict(rows)).labels)
})

test('columns beside those of the run are passed over, and told in a note', async () => {
  const rows = [...SALES, ...AHEAD].map((row) => ({ ...row, weather: 'fine' }))
  const { notes } = await post('/v1/runs/sales/predict', { rows })
  assert.deepEqual(notes, [{ level: 'note', text: 'not used: weather' }])
  const unlabelled = TAGS.map(({ tag: _, ...row }) => ({ ...row, weather: 'fine' }))
  assert.deepEqual((await post('/v1/runs/tags/predict', { rows: unlabelled })).notes, notes)
})

test('the tasks answer in their own words', async () => {
  const numbers = [0.25, 0.5, 0.75, 0.125]
  const marks = [1, 0, 0, 1]
  const x = numbers.flatMap((number, t) => [number, marks[t]!])
  const [sum] = stored('adding').forward({ T: 4, B: 1, x }).logits
  assert.deepEqual(await post('/v1/runs/adding/predict', { numbers, marks }), { sum })

  const pixels = Array.from({ length: 784 }, (_, i) => (i * 31) % 256)
  const { scale } = JSON.parse(fs.readFileSync(path.join(RUNS.mnist, 'config.json'), 'utf8')).task.options
  const factor = scale === 'raw' ? 1 : 1 / 255
  const digits = [...stored('mnist').forward({ T: 784, B: 1, x: pixels.map((pixel) => pixel * factor) }).logits]
  const { digit, probabilities } = await post('/v1/runs/mnist/predict', { pixels })
  assert.equal(digit, argmax(digits))
  assert.equal(argmax(probabilities), digit)
  assert.ok(Math.abs(probabilities.reduce((a: number, b: number) => a + b) - 1) < 1e-9)

  const frames = reals(5, 120)
  const states = rowsOf(stored('phones').forward({ T: 5, B: 1, x: frames.flat() }).logits, 180).map(argmax)
  const heard = (await post('/v1/runs/phones/predict', { frames })).frames
  assert.deepEqual(
    heard.map(({ state }: { state: number }) => state),
    states,
  )
  assert.match(heard[0].phone, /^[a-z#-]+$/)
})

test('words: the most probable next ones, and a text that goes on', async () => {
  const { options } = JSON.parse(fs.readFileSync(path.join(RUNS.words, 'config.json'), 'utf8')).task
  const vocabulary = vocabularyOfRun(RUNS.words, options.vocabulary)
  const tokens = [vocabulary.start, vocabulary.idOf('the'), vocabulary.unknown]
  const last = rowsOf(stored('words').forward({ T: 3, B: 1, tokens }).logits, vocabulary.size).at(-1)!
  const { next, unknown } = await post('/v1/runs/words/predict', { text: 'the zebra', top: 3 })
  assert.deepEqual(unknown, ['zebra'])
  assert.equal(next.length, 3)
  assert.equal(next[0].word, vocabulary.words[argmax(last)])
  const total = last.reduce((sum, logit) => sum + Math.exp(logit - last[argmax(last)]!), 0)
  assert.ok(Math.abs(next[0].probability - 1 / total) < 1e-12)
  const drawing = { text: 'the', words: 20, seed: 3 }
  const { words } = await post('/v1/runs/words/sample', drawing)
  assert.equal(words.length, 20)
  assert.deepEqual((await post('/v1/runs/words/sample', drawing)).words, words)
  const certain = await post('/v1/runs/words/sample', { text: 'the', words: 1, temperature: 0 })
  assert.notEqual(certain.words[0], '<UNK>')
})

test('the document has an operation for every address, and every reference leads somewhere', async () => {
  const { json, text } = await ask('GET', '/openapi.json')
  assert.equal(json.openapi, '3.1.0')
  const { schemas, responses } = json.components as Record<string, Record<string, unknown>>
  for (const [, kind, name] of text.matchAll(/"#\/components\/(\w+)\/([^"]+)"/g)) {
    assert.ok(name! in (kind === 'schemas' ? schemas! : responses!), name)
  }
  const paths = json.paths as Record<string, Record<string, { operationId?: string }>>
  const ids = Object.values(paths).flatMap((path) => Object.values(path).flatMap((one) => one.operationId ?? []))
  assert.equal(new Set(ids).size, ids.length)
  for (const [address, operations] of Object.entries(paths)) {
    for (const method of Object.keys(operations).filter((name) => name !== 'parameters')) {
      const { status } = await ask(
        method.toUpperCase(),
        address.replace('{session}', 'none'),
        method === 'post' ? {} : undefined,
      )
      assert.ok([200, 201, 400, 404].includes(status), `${method} ${address}: ${status}`)
      if (!address.includes('{')) assert.notEqual(status, 404, address)
    }
  }
  assert.ok('/v1/runs/words/sample' in paths && !('/v1/runs/both/sessions' in paths))
  const row = json.components.schemas['sales.predict.request'].properties.rows.items
  assert.deepEqual(row.required, ['day', 'shop', 'promo'])
})

test('what a run is, and which there are', async () => {
  const { json } = await ask('GET', '/v1/runs')
  assert.deepEqual(
    (json.runs as { name: string }[]).map(({ name }) => name),
    Object.keys(RUNS),
  )
  const { json: sales } = await ask('GET', '/v1/runs/sales')
  assert.deepEqual([sales.kind, sales.horizon], ['forecast', 3])
})

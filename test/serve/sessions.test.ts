/** Sessions: record by record the bits of the whole, whoever else sends in between. */
import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import { test } from 'node:test'
import { openRun } from '../../src/data.ts'
import { classification, gru, loadModel, lstm, regression, rng } from '../../src/index.ts'
import { AHEAD, backend, FIXTURES, modelFile, running, SALES, salesRun, TAGS, tagsRun } from '../support/served.ts'

const VALUES = modelFile('values', { input: 2, rnn: lstm(5), head: classification(3, { steps: 'every' }) })
const both = { size: 2, vocabulary: 4, embedding: 2 }
const RUNS = {
  values: VALUES,
  both: modelFile('both', { input: both, rnn: gru(4), head: regression(2, { steps: 'every' }) }),
  twoWays: modelFile('two', { input: 2, rnn: gru(3, { bidirectional: true }), head: regression(1) }),
  sales: await salesRun(),
  tags: await tagsRun(),
  words: `${FIXTURES}/words`,
}
const { ask, post } = await running(RUNS)

const open = async (run: string, body: object = {}): Promise<string> => {
  const { session } = await post(`/v1/runs/${run}/sessions`, body)
  return `/v1/runs/${run}/sessions/${session}`
}
const step = (generator: { normal(): number }) => [generator.normal(), generator.normal()]

test('rows of a forecast one by one, and in parts, give the bits of predict on the whole', async () => {
  using run = openRun(RUNS.sales, { backend })
  const session = await open('sales')
  const first = SALES.slice(0, 200)
  assert.deepEqual(await post(session, { rows: first, predict: false }), { rows: 200, predictions: [], notes: [] })
  for (const [i, row] of SALES.slice(200, 210).entries()) {
    const { rows, predictions, notes } = await post(session, { rows: [row] })
    assert.deepEqual([rows, predictions.length], [201 + i, 0])
    assert.match(
      notes[0].text,
      /^the rows are taken, no forecast yet: stream: promo: expected its values for 2015-04-1/,
    )
  }
  await post(session, { rows: SALES.slice(210), predict: false })
  const { predictions } = await post(session, { rows: AHEAD })
  const { steps } = await run.predict([...SALES, ...AHEAD])
  assert.deepEqual(predictions, steps)
  assert.deepEqual((await post(session, { rows: [] })).predictions, steps)
  assert.equal((await ask('GET', session)).json.rows, SALES.length + AHEAD.length)
})

test('labels of rows one by one are those of predict on the rows so far', async () => {
  using run = openRun(RUNS.tags, { backend, kind: 'label' })
  const rows = TAGS.slice(0, 8).map(({ tag: _, ...row }) => row)
  const session = await open('tags')
  for (const [i, row] of rows.entries()) {
    const { predictions } = await post(session, { rows: [row] })
    const { labels } = await run.predict(rows.slice(0, i + 1))
    assert.deepEqual(predictions, [labels.at(-1)])
  }
})

test('a hundred sessions at random, each with its own sequence: the bits of each alone', async () => {
  const generator = rng(7, 'serve/interleaving')
  const model = loadModel(fs.readFileSync(VALUES), { backend })
  const sessions = await Promise.all(
    Array.from({ length: 100 }, async () => ({
      path: await open('values'),
      x: [] as number[][],
      logits: [] as number[],
    })),
  )
  for (let round = 0; round < 8; round++) {
    const chosen = sessions.filter(() => generator.next() < 0.3)
    await Promise.all(
      chosen.map(async (session) => {
        const x = Array.from({ length: 1 + generator.below(3) }, () => step(generator))
        session.x.push(...x)
        const { predictions } = await post(session.path, { x })
        for (const { logits } of predictions) session.logits.push(...logits)
      }),
    )
  }
  for (const { path, x, logits } of sessions.filter(({ x }) => x.length > 0)) {
    assert.deepEqual(logits, [...model.forward({ T: x.length, B: 1, x: x.flat() }).logits], path)
    assert.equal((await ask('DELETE', path)).status, 204)
  }
})

test('a session goes on from the state of another', async () => {
  const generator = rng(1, 'serve/state')
  const x = Array.from({ length: 6 }, () => step(generator))
  const tokens = [0, 3, 1, 1, 2, 0]
  const [whole, first] = [await open('both'), await open('both')]
  const { predictions } = await post(whole, { x, tokens })
  await post(first, { x: x.slice(0, 4), tokens: tokens.slice(0, 4) })
  const { state } = (await ask('GET', first)).json
  const second = await open('both', { state })
  const rest = await post(second, { x: x.slice(4), tokens: tokens.slice(4) })
  assert.deepEqual(rest.predictions, predictions.slice(4))
  const other = await ask('POST', '/v1/runs/values/sessions', { state })
  assert.equal(other.status, 400)
  assert.match(other.json.error, /^state: expected h of 5 elements/)
})

test('sessions of a fit go on from the state of another, which knows its run', async () => {
  const first = await open('sales')
  await post(first, { rows: SALES, predict: false })
  const { state } = (await ask('GET', first)).json
  const second = await open('sales', { state })
  assert.deepEqual((await post(second, { rows: AHEAD })).predictions, (await post(first, { rows: AHEAD })).predictions)
  const tags = await open('tags')
  await post(tags, { rows: TAGS.slice(0, 3) })
  const other = await open('tags', { state: (await ask('GET', tags)).json.state })
  const [one, two] = [await post(tags, { rows: TAGS.slice(3, 5) }), await post(other, { rows: TAGS.slice(3, 5) })]
  assert.deepEqual(one.predictions, two.predictions)
  const refused = await ask('POST', '/v1/runs/tags/sessions', { state })
  assert.equal(refused.status, 400)
  assert.match(
    refused.json.error,
    /^stream: state: expected that of a stream of this run but it is of a run of the kind/,
  )
})

test('words of a text in parts', async () => {
  const session = await open('words')
  await post(session, { text: 'the first' })
  const { next, rows } = await post(session, { text: 'of all' })
  assert.equal(rows, 4)
  assert.deepEqual(next, (await post('/v1/runs/words/predict', { text: 'the first of all' })).next)
})

test('a step that is refused changes nothing', async () => {
  const [one, other] = [await open('values'), await open('values')]
  const x = [
    [1, 2],
    [3, 4],
  ]
  await post(one, { x })
  await post(other, { x })
  for (const bad of [
    {
      x: [
        [5, 6],
        [1e39, 0],
      ],
    },
    { x: [[5]] },
    {
      x: [
        [5, 6],
        ['7', 0],
      ],
    },
    { tokens: [1] },
    {},
  ]) {
    assert.equal((await ask('POST', one, bad)).status, 400, JSON.stringify(bad))
  }
  assert.deepEqual(await post(one, { x }), await post(other, { x }))
})

test('a session of another run, one that is over, and one that never was are all not there', async () => {
  const session = await open('values')
  const id = session.split('/').at(-1)!
  for (const path of [
    `/v1/runs/both/sessions/${id}`,
    `/v1/runs/values/sessions/${id}x`,
    '/v1/runs/values/sessions/1',
  ]) {
    for (const method of ['GET', 'POST', 'DELETE']) {
      const { status, json } = await ask(method, path, method === 'POST' ? { x: [[1, 2]] } : undefined)
      assert.equal(status, 404)
      assert.match(json.error, /^session: expected one that is open on \w+ but there is none of that id: open another$/)
    }
  }
  assert.equal((await ask('DELETE', session)).status, 204)
  assert.equal((await ask('DELETE', session)).status, 404)
  const twoWays = await ask('POST', '/v1/runs/twoWays/sessions', {})
  assert.equal(twoWays.status, 404)
  assert.match(twoWays.json.error, /^twoWays: expected a run with sessions: a bidirectional model/)
})

test('sessions are counted, bounded, and end when nobody uses them', async () => {
  const small = await running(
    { values: VALUES, tags: RUNS.tags },
    { maxSessions: 3, sessionIdle: 0.3, maxSessionRows: 10 },
  )
  const openings = await Promise.all(Array.from({ length: 8 }, () => small.ask('POST', '/v1/runs/values/sessions', {})))
  assert.deepEqual(openings.map(({ status }) => status).sort(), [201, 201, 201, 429, 429, 429, 429, 429])
  assert.ok(openings.every(({ status, headers }) => status === 201 || Number(headers['retry-after']) >= 1))
  assert.equal(await small.metric('irnn_sessions'), 3)
  await new Promise((resolve) => setTimeout(resolve, 700))
  assert.equal(await small.metric('irnn_sessions'), 0)

  const { session } = await small.post('/v1/runs/tags/sessions', {})
  const path = `/v1/runs/tags/sessions/${session}`
  await small.post(path, { rows: TAGS.slice(0, 8) })
  await small.post(path, { rows: TAGS.slice(8, 16) })
  const full = await small.ask('POST', path, { rows: TAGS.slice(16, 24) })
  assert.equal(full.status, 429)
  assert.match(full.json.error, /^sessions: expected to keep at most 10 rows but they have more: end some$/)
  assert.equal((await small.ask('DELETE', path)).status, 204)
  assert.equal(await small.metric('irnn_session_rows'), 0)
})

test('sessions keep the run that they began with until they end', async () => {
  const { url, service, post, metric, ask } = await running({ values: VALUES })
  const path = `/v1/runs/values/sessions/${(await post('/v1/runs/values/sessions', {})).session}`
  assert.deepEqual(service.reload(), [{ run: 'values', problem: null }], url)
  assert.equal(await metric('irnn_models'), 2)
  assert.equal((await ask('DELETE', path)).status, 204)
  assert.equal(await metric('irnn_models'), 1)
})

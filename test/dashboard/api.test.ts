/** What a page asks a dashboard, and gets. */
import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { test } from 'node:test'
import { unpackSeries } from '../../src/figures/wire.ts'
import {
  evaluation,
  learning,
  linesOf,
  rawly,
  runsFolder,
  type Shown,
  showing,
  step,
  writeRun,
} from '../support/shown.ts'

const root = runsFolder()
const spiked = learning(200, (i) => (i === 150 ? { loss: { mean: 5, min: 0.1, max: 900 } } : {}))
const file = writeRun(root, 'a', spiked, (config) => {
  config.title = '<img src=x onerror=alert(1)>'
})
writeRun(root, 'hostile \u202e <b>', [
  step(10, 'NaN'),
  { type: 'alert', iteration: 10, kind: 'nan', message: 'm', remedy: 'r' },
])
writeRun(root, 'probed', [
  ...learning(20),
  { type: 'probe', iteration: 5, T: 6, flow: [-3, '-Infinity', 'x'], decades: -2, verdict: 'vanishes', rho: 1 },
])
const shown = await showing(root)
const list = await shown.json('api/runs')
const idOf = (name: string): number => list.runs.find((run: { name: string }) => run.name.startsWith(name)).id

/** Lines of a stream until `enough`; the stream is then closed. */
async function linesUntil({ get }: Shown, query: string, enough: (line: { type: string; run?: unknown }) => boolean) {
  const response = await get(query)
  const lines: { type: string; run?: { rows: number; id: number } }[] = []
  let rest = ''
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
  for (;;) {
    const { done, value = '' } = await reader.read()
    const parts = (rest + value).split('\n')
    rest = parts.pop()!
    for (const part of parts) lines.push(JSON.parse(part))
    if (done || lines.some(enough)) break
  }
  await reader.cancel()
  return lines
}

test('the list says of each run what it is, how far it is and how good; later what has changed', async () => {
  const run = list.runs.find(({ name }: { name: string }) => name === 'a')
  assert.deepEqual([run.task, run.cell, run.state, run.iteration, run.rows], ['adding', 'irnn', 'stopped', 2000, 200])
  assert.equal(run.title, '<img src=x onerror=alert(1)>')
  assert.equal(run.score.key, 'testMse')
  assert.ok(run.score.best < 0.09 && run.score.bestAt === 2000)
  assert.equal(run.offset, fs.statSync(file).size)
  assert.deepEqual((await shown.json(`api/runs?since=${list.revision}`)).runs, [])
})

test('a chart gets means and extremes of each column of pixels', async () => {
  const id = idOf('a')
  const query = `runs=${id}&steps=loss,gradNorm&evals=testMse&x=iteration&from=0&to=2000&n=100&scale=linear`
  const [steps, evals] = unpackSeries(await (await shown.get(`api/series?${query}`)).arrayBuffer())
  assert.equal(steps!.index.length, 100)
  assert.ok(Math.max(...steps!.series.loss!.max) === 900)
  assert.equal(evals!.index.length, 20)
  assert.equal((await shown.get(`api/series?${query}&n=1`)).status, 400)
  assert.equal((await shown.get(`api/series?${query.replace('n=100', 'n=1e9')}`)).status, 400)
})

test('a crosshair gets the records as they are, and of its column of pixels the spike', async () => {
  const query = `runs=${idOf('a')}&x=iteration&at=1497&from=1480&to=1530&key=loss&of=steps`
  const { runs } = await shown.json(`api/at?${query}`)
  assert.equal(runs[0].step.iteration, 1510)
  assert.deepEqual([runs[0].step.loss, runs[0].step.lossMax], [5, 900])
  assert.equal(runs[0].eval.iteration, 1500)
})

test('details have settings, alerts with what helps, and probes their numbers', async () => {
  const detail = await shown.json(`api/run?id=${idOf('a')}`)
  assert.ok(detail.settings.some(([key]: string[]) => key === 'model.rnn.cell'))
  assert.ok(detail.alerts.some(({ kind, remedy }: { kind: string; remedy: string }) => kind === 'spike' && remedy))
  const hostile = await shown.json(`api/run?id=${idOf('hostile')}`)
  assert.deepEqual(
    hostile.alerts.map(({ kind }: { kind: string }) => kind),
    ['nan'],
  )
  const { probes } = await shown.json(`api/flow?id=${idOf('probed')}`)
  assert.deepEqual(probes, [
    { iteration: 5, T: 6, flow: [-3, '-Infinity', 'NaN'], decades: -2, verdict: 'vanishes', rho: 1 },
  ])
})

test('all records can be had, as CSV and as they are from any byte on', async () => {
  const id = idOf('a')
  const csv = (await (await shown.get(`api/csv?id=${id}`)).text()).trimEnd().split('\n')
  assert.equal(csv.length, 1 + spiked.length)
  const [head, ...rows] = csv.map((line) => line.split(','))
  const at = head!.indexOf('loss.max')
  assert.equal(Math.max(...rows.map((row) => Number(row[at]))), 900)
  const text = fs.readFileSync(file, 'utf8')
  const from = text.indexOf('\n') + 1
  const rest = await shown.get(`api/rows?id=${id}&from=${from}`)
  assert.equal(await rest.text(), text.slice(from))
  assert.equal(rest.headers.get('x-next'), String(text.length))
  assert.equal(await (await shown.get(`api/rows?id=${id}&from=${text.length}`)).text(), '')
})

test('a stream tells of a record within a second, and of what was missed before it was opened', async () => {
  const live = writeRun(root, 'live', learning(20))
  const { runs, revision } = await shown.json('api/runs')
  await new Promise((resolve) => setTimeout(resolve, 1100))
  const { runs: later } = await shown.json(`api/runs?since=${revision}`)
  const run = [...runs, ...later].find(({ name }: { name: string }) => name === 'live')
  const waiting = linesUntil(shown, `api/tail?runs=${run.id}&from=${run.offset}`, (line) => line.type === 'run')
  const began = performance.now()
  fs.appendFileSync(live, linesOf([step(210, 0.5), evaluation(210, 0.4)]))
  const heard = (await waiting).find((line) => line.type === 'run')!
  assert.equal(heard.run!.rows, 21)
  assert.ok(performance.now() - began < 8000)
  const missed = await linesUntil(shown, `api/tail?runs=${run.id}&from=${run.offset}`, (line) => line.type === 'run')
  assert.equal(missed[0]!.run!.rows, 21)
})

test('a run that is removed is no more there, and the server goes on', async () => {
  fs.rmSync(path.join(root, 'probed'), { recursive: true })
  await new Promise((resolve) => setTimeout(resolve, 1100))
  const { ids } = await shown.json('api/runs')
  assert.ok(!ids.includes(idOf('probed')))
  assert.equal((await shown.get(`api/run?id=${idOf('probed')}`)).status, 404)
  assert.equal(
    (await shown.get(`api/series?runs=${idOf('probed')}&x=iteration&from=0&to=1&n=9&scale=linear`)).status,
    200,
  )
})

test('the 33rd stream is refused, and one that ends makes room', async () => {
  const own = await showing(root)
  const streams = await Promise.all(Array.from({ length: 32 }, () => own.get('api/tail?runs=')))
  assert.ok(streams.every(({ status }) => status === 200))
  assert.equal((await own.get('api/tail?runs=')).status, 503)
  await streams[0]!.body!.cancel()
  await new Promise((resolve) => setTimeout(resolve, 100))
  const again = await own.get('api/tail?runs=')
  assert.equal(again.status, 200)
  assert.match(
    await rawly(own.port, 'HEAD /api/tail?runs= HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'),
    / 503 /,
  )
  await own.close()
})

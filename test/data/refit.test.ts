/** Backtests that fit again: what the first of them is, and that nothing later reaches them. */
import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import { after, test } from 'node:test'
import { createBackend } from '../../src/backend/choose.ts'
import { fit } from '../../src/data/fit.ts'
import { forecasting } from '../../src/data/forecast.ts'
import { preparedFor } from '../../src/data/predict.ts'
import { refitted } from '../../src/data/refit.ts'
import { openRun } from '../../src/data/run.node.ts'
import { saveFit } from '../../src/data/save.node.ts'
import { readRunFolder } from '../../src/runs/stored.ts'
import { openTable } from '../../src/table/openTable.node.ts'

const backend = await createBackend({ threads: 1 })
const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'irnn-refit-'))
after(() => fs.rmSync(dir, { recursive: true }))

const rows = Array.from({ length: 130 }, (_, i) => ({
  date: new Date(86_400_000 * i),
  sales: i % 17 === 5 ? null : 100 + 20 * Math.sin((2 * Math.PI * i) / 7) + ((i * 37) % 11),
  kind: ['red', 'green', 'blue', 'pink'][i < 112 ? i % 3 : i % 4],
}))
const choices = { target: 'sales', horizon: 2, window: 6, past: ['kind'], test: 24, stride: 4 }
for await (const event of fit(forecasting(await openTable(rows), choices), { backend, trials: 1, iterations: 30 })) {
  if (event.type === 'result') saveFit(event.fitted, path.join(dir, 'run'), { version: '0' })
}

test('the records of a fit begin with which run it is', () => {
  const { events } = readRunFolder(path.join(dir, 'run'))
  const [begin, ...rest] = events
  assert.ok(begin?.type === 'run')
  const { id, cell, seed, command, config } = begin
  assert.deepEqual([id, cell, seed, command], ['sales-gru-seed1', 'gru', 1, null])
  assert.deepEqual(config, JSON.parse(fs.readFileSync(path.join(dir, 'run', 'config.json'), 'utf8')))
  assert.deepEqual([rest.some(({ type }) => type === 'run'), rest.at(-1)?.type], [false, 'done'])
})

test('a network that is fitted again once is that of the run; fitted again often, it is another', async () => {
  using run = openRun(path.join(dir, 'run'), { backend })
  const { fits, ...once } = await run.backtest(rows)
  assert.equal(fits, 0)
  const told: string[] = []
  const again = await run.backtest(rows, { refit: 100, onRefit: (...say) => told.push(say.join(' ')) })
  assert.deepEqual(again, { ...once, fits: 1 })
  assert.deepEqual(told, ['1970-04-17 1 1'])
  const often = await run.backtest(rows, { refit: 2, stride: 6 })
  assert.deepEqual([often.fits, often.forecasts], [2, 4])
  const other = await run.backtest(rows, { stride: 6 })
  assert.notDeepEqual(often.methods.at(-1), other.methods.at(-1))
  assert.deepEqual(often.methods.slice(0, -1), other.methods.slice(0, -1))
  for (const bad of [{ refit: 0 }, { refit: 1.5 }, { stride: -1 }, { refit: 'all' as never }]) {
    await assert.rejects(
      run.backtest(rows, bad),
      /^InputError: backtest: (refit|stride): expected a whole number >= 1 but/,
    )
  }
})

test('what is later than a fit changes nothing in it', async () => {
  using run = openRun(path.join(dir, 'run'), { backend })
  const step = 112
  const training = { options: { iterations: 10, batch: 16, seed: 1, evalEvery: 10 }, seed: 1 }
  const weights = []
  for (const factor of [1, 1000]) {
    const own = rows.map((row, i) => ({ ...row, sales: row.sales && row.sales * (i < step ? 1 : factor) }))
    const { panel } = preparedFor(run.schema, await openTable(own))
    const { model, prepared } = await refitted(run.model, run.schema, panel, step, training)
    weights.push(model.weights.slice())
    assert.equal(prepared.fitted.columns[0]!.levels.length, 3) // pink comes after what is measured
    model.dispose()
  }
  assert.deepEqual(weights[0], weights[1])
})

/** The pages say what the results of bench/data say, failures included. */
import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import { test } from 'node:test'
import { verdicts, withBars } from '../../bench/data/bars.ts'
import { type ForecastResult, forecastVerdicts, raceVerdicts, type Side } from '../../bench/data/verdicts.ts'

const read = (file: string) => fs.readFileSync(new URL(`../../../${file}`, import.meta.url), 'utf8')
const forecasts = JSON.parse(read('bench/results/forecasts.json')) as ForecastResult[]

test('bench/README.md has the bars of the committed results', () => {
  const page = read('bench/README.md')
  assert.equal(page, withBars(page, verdicts()))
})

test('docs/own-data.md has the forecasts of the committed results', () => {
  const page = read('docs/own-data.md')
  for (const set of new Set(forecasts.map((result) => result.set))) {
    const own = forecasts.filter((result) => result.set === set)
    const networks = own.map(({ methods }) => methods.at(-1)!)
    const best = own[0]!.methods.slice(0, -1).sort((a, b) => a.mase - b.mase)[0]!
    const cells = [
      set,
      networks.map(({ mase }) => mase.toFixed(3)).join(', '),
      networks.map(({ coverage }) => `${(100 * coverage!).toFixed(0)} %`).join(', '),
      `${best.name} ${best.mase.toFixed(3)}`,
      [...new Set(own.map(({ winner }) => winner))].join(', '),
    ]
    assert.ok(page.includes(`| ${cells.join(' | ')} |`), `expected the line | ${cells.join(' | ')} |`)
  }
})

test('a race is lost by its time, its score, or other data', () => {
  const side = (fields: Partial<Side>): Side => ({ seed: 1, versions: {}, score: 0.4, cpu: 10, check: 0.9, ...fields })
  const held = (ours: Partial<Side>) =>
    raceVerdicts({ race: 'births', ours: [side(ours)], rival: [side({ cpu: 24 })] }).map(({ held }) => held)
  assert.deepEqual(held({}), [true, true, true])
  assert.deepEqual(held({ cpu: 12.1 }), [true, true, false])
  assert.deepEqual(held({ score: 0.53 }), [true, false, true])
  assert.deepEqual(held({ check: 0.8 }), [false, true, true])
})

test('a band that is too wide with one seed, and a winner that is none, are told', () => {
  const wide = forecasts.map((result) => ({
    ...result,
    methods: result.methods.map((m) => (m.name === 'network' && result.seed === 1 ? { ...m, coverage: 0.91 } : m)),
  }))
  const bands = forecastVerdicts(wide).filter(({ text }) => text.includes('band'))
  assert.ok(bands.length === 4 && bands.every(({ held }) => !held))
  const wrong = forecasts.map((result) => ({ ...result, winner: result.methods[0]!.name }))
  const failed = forecastVerdicts(wrong).filter(({ text, held }) => text.includes('winner') && !held)
  assert.ok(failed.length >= 5)
})

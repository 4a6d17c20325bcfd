/** Lines, table, figure and paragraph say what the results say. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bars } from '../../bench/figure.ts'
import { tableText } from '../../bench/readme.ts'
import { claimLine, number, rowLine, tableOf } from '../../bench/report.ts'
import { bend, type Measurement, paragraph, pointsOf, scalingFigure } from '../../bench/scaling.ts'
import { GOOD, rival } from './results.ts'

test('a row says who, how long, and its share of the peak; a failed one why', () => {
  const said = rowLine(GOOD.rows[0]!)
  assert.match(
    said,
    /^S1 trained +native, AVX-512 +3.00 ms \(median 3.00 of 9\), 300 GFLOP\/s, 250 % of the peak, kernels 98.0 % of it$/,
  )
  const { ms: _, ...row } = rival('PyTorch', 'S3', 1)
  assert.match(
    rowLine({ ...row, failed: 'wrong answer: loss 1' }),
    /PyTorch 1.0, 1 thread +failed: wrong answer: loss 1$/,
  )
})

test('the table takes the fastest of each, and a dash is no time', () => {
  const table = tableOf({ ...GOOD, rows: [...GOOD.rows, { ...rival('PyTorch', 'S3', 99), threads: 2 }] })
  const [one, two, wasm, oneDNN, pytorch, jax] = table.find(({ shape }) => shape.name === 'S3')!.times
  assert.deepEqual([one, two, wasm, oneDNN, pytorch, jax], [30, 16, null, 90, 99, 120])
})

test('the page’s table names versions and what everyone was held to, and has no column of who was not there', () => {
  const text = tableText({ ...GOOD, isa: 'avx2' }, 'there.json')
  assert.match(text, /^Milliseconds on 2 cores of a <fast> one, everyone held to AVX2, a measured 120 GFLOP\/s each$/m)
  assert.match(text, /\(\[the numbers\]\(there.json\); .*:\noneDNN 1.0, PyTorch 1.0, JAX 1.0, TensorFlow.js 1.0\):$/m)
  const without = tableText({ ...GOOD, rows: GOOD.rows.filter(({ library }) => library !== 'JAX') }, 'there.json')
  assert.doesNotMatch(without, /JAX|held/)
  assert.match(
    without,
    /^\| network \(B, T, I, H\) \| irnn, 1 thread \| 2 threads \| irnn, wasm \| oneDNN \| PyTorch \|/m,
  )
})

test('claims are printed as held, failed or unknown', () => {
  const claim = { text: 'fast', measured: '1 ms' }
  assert.deepEqual(
    [true, false, null].map((holds) => claimLine({ ...claim, holds }).split(' ')[0]),
    ['holds', 'FAILED', ''],
  )
})

test('milliseconds keep three digits', () => {
  assert.deepEqual([0.123, 1.234, 12.34, 123.4].map(number), ['0.12', '1.23', '12.3', '123'])
})

test('the figure has a bar for every time, its length by the logarithm, and escapes what it is told', () => {
  const svg = bars(GOOD)
  const lengths = [...svg.matchAll(/<rect x="210" y="\d+" width="([\d.]+)"/g)].map(([, width]) => Number(width))
  assert.equal(lengths.length, tableOf(GOOD).flatMap(({ times }) => times.filter((t) => t !== null)).length)
  assert.ok(lengths.every((length) => length > 0 && length <= 590.1))
  assert.match(svg, /a &lt;fast&gt; one/)
  assert.equal(svg, bars(GOOD))
})

/** Rates in percent of the peak at each value of a sweep over B. */
function measured(rates: readonly number[], threads: number, speed: number): Measurement[] {
  return rates.map((rate, i) => ({
    vary: 'B',
    T: 784,
    H: 100,
    B: 2 ** i,
    threads,
    memory: 2 ** i,
    gflops: rate * threads,
    peak: 100 * threads,
    ms: { best: 2 ** i / rate / speed, median: 1, repeats: 3 },
  }))
}

test('a bend is where the rate falls below 85 % of its best', () => {
  const { from, to, best, start, end } = bend(measured([10, 60, 70, 80, 79, 50], 1, 1), 'B')
  assert.deepEqual([from, to], [4, 16])
  assert.deepEqual(
    [best, start, end],
    [
      { at: 8, share: 0.8 },
      { at: 1, share: 0.1 },
      { at: 32, share: 0.5 },
    ],
  )
})

test('the paragraph states bends, what a second thread gains, and memory', () => {
  const rates = [10, 60, 70, 80, 79, 50]
  const both = [...measured(rates, 1, 1), ...measured(rates, 2, 1.6)]
  const points = (['T', 'H', 'B'] as const).flatMap((vary) => both.map((p) => ({ ...p, vary, [vary]: p.B })))
  const result = { date: '', commit: '', machine: GOOD.machine, points }
  assert.equal(
    paragraph(result).split('\n').at(-1),
    '**B** (one thread) bends below 4 and above 16: 10 % of the peak at 1, 80 % at 8, 50 % at 32; a second thread gains 1.5 or more ' +
      'from 1 on, 1.60 at 32; memory goes from 1.0 MB to 32 MB.',
  )
  assert.equal((scalingFigure(result).match(/<path /g) ?? []).length, 3 * 4 + 3 * 2)
})

test('a sweep varies one letter and stays at S1 in the others', () => {
  const points = pointsOf(1)
  assert.ok(points.every(({ threads }) => threads === 1))
  assert.deepEqual(points.filter(({ vary }) => vary === 'T').map(({ B, H }) => [B, H])[0], [16, 100])
  assert.deepEqual([points[0]!.T, points.find(({ vary }) => vary === 'B')!.B], [50, 1])
})

/** Every claim of the benchmark can hold and can fail, and says so when what it needs was not measured. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CLAIMS, verdicts } from '../../bench/claims.ts'
import type { Results, Row } from '../../bench/results.ts'
import { GOOD, rival, spoilt } from './results.ts'

const slow = { best: 1000, median: 1000, repeats: 1 }
const row =
  (problem: string, threads = 1) =>
  (r: Row) =>
    r.library === 'irnn' && r.backend === 'native' && r.problem === problem && r.threads === threads
const quick = (library: string) => (r: Row) => r.library === library
const instant = { best: 0.1, median: 0.1, repeats: 1 }

/** By the claim's first words, results in which it must fail. */
const FAILING: readonly (readonly [string, Results])[] = [
  ['S1 trained: below the dense floor', spoilt(row('S1 trained', 1), { ms: { best: 6.4, median: 7, repeats: 2 } })],
  [
    'the training loop at S1',
    { ...GOOD, loops: [...GOOD.loops, { engine: '', threads: 2, iteration: 4, kernels: 3 }] },
  ],
  ['every shape at least 1.25 times', spoilt(row('S1 dense', 1), { ms: slow })],
  ['S1 trained: ours at least 6 times', spoilt(quick('JAX'), { ms: { best: 17, median: 17, repeats: 1 } })],
  ['S3: ours at least 2.2 times as fast as oneDNN', spoilt(quick('oneDNN'), { ms: instant })],
  ['S3g: ours at least 2.2 times as fast as oneDNN', spoilt(quick('oneDNN'), { ms: instant })],
  ['S1 trained: ours at least 12 times', spoilt(quick('PyTorch'), { ms: instant })],
  ['S3: ours at least 3 times as fast as PyTorch', spoilt(quick('PyTorch'), { ms: instant })],
  ['S5: ours at least 1.3 times', spoilt(quick('PyTorch'), { ms: instant })],
  ['S1 trained: ours at least 8 times as fast as JAX', spoilt(quick('JAX'), { ms: instant })],
  ['S3: ours at least 4 times as fast as JAX', spoilt(quick('JAX'), { ms: instant })],
  ['S1 trained: ours at least 100 times', spoilt(quick('TensorFlow.js'), { ms: instant })],
  ['S1 trained: wasm alone', spoilt(quick('PyTorch'), { ms: instant })],
]

test('all claims hold where everything is fast enough', () => {
  for (const { text, holds, measured } of verdicts(GOOD)) assert.equal(holds, true, `${text}: ${measured}`)
})

for (const [start, results] of FAILING) {
  test(`"${start} …" fails where it must, and no other words hide it`, () => {
    const verdict = verdicts(results).find(({ text }) => text.startsWith(start))
    assert.ok(verdict, 'there is such a claim')
    assert.equal(verdict.holds, false, verdict.measured)
  })
}

test('every claim is among those that were made to fail', () => {
  assert.equal(FAILING.length, CLAIMS.length)
})

test('what was not measured neither holds nor fails', () => {
  const nothing = { ...GOOD, rows: [], loops: [], streaming: null }
  for (const { text, holds } of verdicts(nothing)) assert.equal(holds, null, text)
})

test('a rival that failed is no evidence', () => {
  const { ms: _, ...failed } = { ...rival('TensorFlow.js', 'S1 trained', 620), failed: 'wrong answer' }
  const results = { ...GOOD, rows: [...GOOD.rows.filter((r) => r.library !== 'TensorFlow.js'), failed] }
  assert.equal(verdicts(results).find(({ text }) => text.includes('TensorFlow'))!.holds, null)
})

test('each is taken at its best number of threads', () => {
  const faster = { ...rival('PyTorch', 'S5', 5), threads: 2 }
  const verdict = verdicts({ ...GOOD, rows: [...GOOD.rows, faster] }).find(({ text }) => text.startsWith('S5: ours'))!
  assert.equal(verdict.holds, false, verdict.measured)
})

/** The page of performance says who is ahead, also where it is another, and who was not there. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { performancePage } from '../../bench/performance.ts'
import type { Results, Row } from '../../bench/results.ts'

const row = (library: string, engine: string, problem: string, best: number): Row => ({
  library,
  engine,
  ...(library === 'irnn' && { backend: 'native' as const }),
  threads: 1,
  problem,
  pass: 'training',
  ms: { best, median: best, repeats: 1 },
})

test('each shape names the fastest other, with the ratio either way; versions and what is missing are told', () => {
  const results: Results = {
    date: '2026-11-30',
    commit: 'c',
    machine: { cpu: 'a processor', cores: 2, flags: [], os: 'Linux 6', node: 'v20.1.0' },
    trained: null,
    engines: [],
    rows: [
      row('irnn', 'native', 'S1 dense', 3),
      row('PyTorch', '2.9: loop', 'S1 dense', 30),
      row('oneDNN', '3.1, AVX2: its RNN primitives', 'S1 dense', 6),
      row('irnn', 'native', 'S6', 40),
      row('oneDNN', '3.1, AVX2: matmul, softmax', 'S6', 20),
      row('irnn', 'native', 'S5', 10),
      row('oneDNN', '3.1, AVX2: matmul, softmax', 'S5', 10.2),
      row('irnn', 'native', 'S2', 1),
    ],
    loops: [],
    streaming: null,
    missing: [{ library: 'brain.js', reason: 'not installed' }],
  }
  const text = performancePage(results, '../r.json')
  const lines = text.split('\n')
  assert.match(
    text,
    /^On 2026-11-30, 2 cores of a processor,\nLinux 6, Node 20\.1\.0 \(\[all numbers\]\(\.\.\/r\.json\)\)\.$/m,
  )
  assert.deepEqual(
    lines.filter((line) => line.startsWith('- ')),
    [
      '- ReLU, no unit at 0: irnn is ahead of oneDNN, the fastest other, 2.0 times.',
      '- ReLU, wide: irnn and oneDNN, the fastest other, are level.',
      '- softmax over 10,000: **oneDNN is ahead of irnn**, 2.0 times.',
      '- PyTorch 2.9: loop',
      '- oneDNN 3.1, AVX2: its RNN primitives; matmul, softmax',
      '- brain.js: not measured, not installed',
    ],
  )
  assert.ok(lines.includes('| network (B, T, I, H) | irnn, 1 thread | oneDNN | PyTorch |'))
})

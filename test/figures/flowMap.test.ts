// The map of a gradient over a run: what it draws and what it leaves out, and the words beside it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { flowLine } from '../../src/figures/flow.ts'
import { flowMap, probesOf } from '../../src/figures/flowMap.ts'
import type { ProbeEvent } from '../../src/index.ts'

function probe(iteration: number, flow: readonly number[], more: Partial<ProbeEvent> = {}): ProbeEvent {
  const same = { flowLow: flow, flowHigh: flow, hNorm: flow, activeT: flow }
  const decades = flow[0]! - flow.at(-1)!
  return {
    ...{
      type: 'probe',
      iteration,
      seconds: 1,
      T: flow.length,
      every: 1,
      flow,
      ...same,
      decades,
      verdict: 'carried',
      rho: 1,
    },
    ...more,
  }
}

/** Rectangles drawn, each with the opacity of its path, from the strongest on. */
function boxes(svg: string): [opacity: number, count: number][] {
  const paths = [...svg.matchAll(/<path d="([^"]*)" fill="#0072b2" fill-opacity="([\d.]+)"/g)]
  return paths.map(([, path, opacity]) => [Number(opacity), path!.split('M').length - 1])
}

test('a column a probe; neighbouring steps of one level are one rectangle; 0 is left out', () => {
  const even = flowMap('a', [probe(0, [0, 0, 0]), probe(10, [0, 0, 0])])
  assert.deepEqual(boxes(even), [[0.95, 2]])
  const falls = flowMap('', [probe(0, [Number.NEGATIVE_INFINITY, -7, -3.9, 0])])
  assert.deepEqual(
    boxes(falls).map(([, count]) => count),
    [1, 1, 1],
  )
  assert.match(falls, /<title>gradient flow<\/title>/)
  for (const label of ['1e0', '1e-4', '1e-8', 'step of the sequence', 'iterations'])
    assert.ok(falls.includes(`>${label}<`))
  assert.doesNotMatch(falls + even, /NaN|Infinity|undefined/)
  assert.equal(flowMap('a', [probe(0, [0, 0, 0]), probe(10, [0, 0, 0])]), even)
})

test('nothing but zeros, what is not finite, and thousands of probes of many steps', () => {
  const none = Number.NEGATIVE_INFINITY
  assert.deepEqual(boxes(flowMap('', [probe(0, [none, none])])), [])
  assert.deepEqual(boxes(flowMap('', [probe(0, [Number.NaN, Number.POSITIVE_INFINITY])])), [[0.95, 1]])
  const flow = Array.from({ length: 128 }, (_, t) => Math.sin(t) - t / 10)
  const many = Array.from({ length: 5000 }, (_, i) => probe(i * 3, flow))
  const svg = flowMap('<b>&', many)
  const drawn = boxes(svg).reduce((sum, [, count]) => sum + count, 0)
  assert.ok(drawn > 80 && drawn <= 80 * 64, `${drawn}`)
  assert.ok(svg.includes('gradient flow, &lt;b&gt;&amp;') && svg.length < 200_000)
  assert.equal(probesOf([...many, { type: 'resume', iteration: 1, seconds: 1 }]).length, 5000)
})

test('what becomes of the gradient, in words', () => {
  const lines = [
    probe(0, [0, 0]),
    probe(0, [-8.31, 0], { verdict: 'vanishes' }),
    probe(0, [3.5, 0], { verdict: 'explodes' }),
    probe(0, [Number.NEGATIVE_INFINITY, 0], { verdict: 'vanishes' }),
  ].map(flowLine)
  assert.deepEqual(lines, [
    'the gradient is carried back over 2 steps',
    'the gradient vanishes by 8.3 decades on its way back over 2 steps',
    'the gradient grows by 3.5 decades on its way back over 2 steps',
    'nothing of the gradient arrives at the first of 2 steps',
  ])
})

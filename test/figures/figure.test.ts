// The chart is well-formed, puts points where they belong, and survives data that cannot be drawn.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { curve } from '../../src/figures/curve.ts'
import { type Figure, svg } from '../../src/figures/figure.ts'
import { adding } from '../../src/tasks/adding/adding.ts'

const FIGURE: Figure = {
  title: 'a < b & "c"',
  description: 'Two lines.',
  x: { title: 'iterations', domain: [0, 100] },
  y: { title: 'MSE', log: true, domain: [0.01, 1] },
  series: [
    {
      name: 'one',
      points: [
        [0, 1],
        [50, 0.1],
        [100, 0.01],
      ],
    },
    {
      name: 'two',
      points: [
        [0, 0.5],
        [50, Number.NaN],
        [60, 0.5],
        [70, 0],
        [80, 0.2],
        [90, 0.1],
      ],
      faint: true,
      dashed: true,
    },
  ],
  references: [{ name: 'baseline', value: 1 / 6 }],
}

/** Every element is closed, in order. */
function wellFormed(text: string): void {
  const open: string[] = []
  for (const [, close, name, self] of text.matchAll(/<(\/?)([a-zA-Z]+)[^<>]*?(\/?)>/g)) {
    if (close) assert.equal(open.pop(), name)
    else if (!self) open.push(name!)
  }
  assert.deepEqual(open, [])
  assert.doesNotMatch(text, /NaN|Infinity|undefined|&(?!amp;|lt;|gt;|quot;)/)
}

const paths = (text: string) => [...text.matchAll(/<path d="([^"]*)"/g)].map((match) => match[1]!)

test('an SVG with title, description, axes, legend and references', () => {
  const text = svg(FIGURE)
  wellFormed(text)
  assert.match(text, /^<svg xmlns="http:\/\/www.w3.org\/2000\/svg"/)
  assert.match(text, /<title>a &lt; b &amp; &quot;c&quot;<\/title>/)
  for (const word of ['Two lines.', 'iterations', 'MSE', '>one<', '>two<', '>baseline<', '>0.01<', '>0.1<', '>1<']) {
    assert.ok(text.includes(word), word)
  }
  assert.equal(svg(FIGURE), text)
})

test('names in the legend stand side by side, or below each other where the longest has no room', () => {
  const lefts = (name: string) => {
    const [one, two] = FIGURE.series
    const text = svg({ ...FIGURE, series: [one!, { ...two!, name }] })
    return ['one', name, 'baseline'].map((label) =>
      Number(new RegExp(`x="([\\d.]+)" y="[\\d.]+">${label}<`).exec(text)![1]),
    )
  }
  assert.deepEqual(lefts('two'), [108, 420, 108])
  assert.deepEqual(lefts('t'.repeat(60)), [108, 108, 108])
})

test('points are where the axes say: a logarithmic line is straight', () => {
  const [two, one] = paths(svg(FIGURE)) // the faint one lies below
  const [first, middle, last] = one!
    .slice(1)
    .split('L')
    .map((pair) => pair.split(',').map(Number)) as [number, number][]
  assert.ok(Math.abs(middle![0] - (first![0] + last![0]) / 2) < 0.02)
  assert.ok(Math.abs(middle![1] - (first![1] + last![1]) / 2) < 0.02)
  assert.ok(first![1] < last![1], 'larger is higher')
  assert.equal(two!.match(/M/g)!.length, 3, 'two gaps, at NaN and at 0 on a logarithmic axis')
})

test('no data, one point, equal points, and only bad points still make a figure', () => {
  const all: (readonly [number, number])[][] = [
    [],
    [[5, 0.2]],
    [
      [1, 3],
      [2, 3],
    ],
    [
      [1, Number.NaN],
      [2, -1],
    ],
  ]
  for (const points of all) {
    for (const log of [true, false]) {
      const text = svg({
        ...FIGURE,
        x: { title: 'x' },
        y: { title: 'y', log },
        series: [{ name: 's', points }],
        references: [],
      })
      wellFormed(text)
    }
  }
})

test('the curve of a run has its test scores, its training loss and the baseline', () => {
  const test = (iteration: number, mse: number) =>
    ({ type: 'eval', iteration, seconds: 1, test: { loss: mse, mse } }) as const
  const spread = { mean: 0.2, min: 0.1, max: 0.3 }
  const step = (iteration: number) =>
    ({
      type: 'step',
      iteration,
      seconds: 1,
      window: 1,
      loss: spread,
      gradNorm: spread,
      clippedShare: 0,
      liveShare: 1,
      lr: 1,
      iterationsPerSecond: 1,
    }) as const
  const text = curve(
    [step(1), step(2), test(2, 0.17), ...Array.from({ length: 5000 }, (_, i) => step(i + 3)), test(5002, 0.004)],
    adding(),
    'run',
  )
  wellFormed(text)
  assert.match(text, /ending at 0.004/)
  assert.match(text, /always 1 \(0.1667\)/)
  const [loss, scores] = paths(text)
  assert.ok(loss!.split('L').length <= 1000 && loss!.split('L').length > 500)
  assert.equal(scores!.split('L').length, 2)
  wellFormed(curve([], adding(), 'nothing yet'))
})

test('points of a told curve say what they are: at most a hundred, the last among them, none that is not drawn', () => {
  const points = Array.from({ length: 1001 }, (_, i) => [i, i === 0 ? 0 : 1 / i] as const)
  const drawn = svg({
    ...{ title: 'a', description: 'b', x: { title: 'iterations' }, y: { title: 'loss', log: true } },
    series: [
      { name: '<b>', points, told: true },
      { name: 'silent', points },
    ],
  })
  const titles = [...drawn.matchAll(/<circle class="told"[^>]*><title>([^<]*)<\/title><\/circle>/g)].map(
    ([, words]) => words,
  )
  assert.equal(titles.length, 100)
  assert.equal(titles[0], '&lt;b&gt;, iterations 10: 0.1')
  assert.equal(titles.at(-1), '&lt;b&gt;, iterations 1,000: 0.001')
})

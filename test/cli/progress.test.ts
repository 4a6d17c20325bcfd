// What people see while a run goes on: a line redrawn on a terminal, plain lines in a pipe.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createProgress } from '../../cli/progress.ts'
import { duration, grouped, scored, significant } from '../../cli/words.ts'
import { adding } from '../../src/tasks/adding/adding.ts'
import type { TrainEvent } from '../../src/train/events.ts'

const spread = { mean: 0.0123456, min: 0, max: 1 }
const step = (iteration: number): TrainEvent => ({
  type: 'step',
  iteration,
  seconds: 1,
  window: 10,
  loss: spread,
  gradNorm: spread,
  clippedShare: 0,
  liveShare: 1,
  lr: 1e-3,
  iterationsPerSecond: 800,
})
const scoredEvent: TrainEvent = { type: 'eval', iteration: 2000, seconds: 2.5, test: { loss: 0.25, mse: 0.25 } }

function watched(isTTY: boolean, quiet = false, columns = 200) {
  let text = ''
  const write = (part: string) => {
    text += part
  }
  const out = { isTTY, columns, write } as unknown as NodeJS.WriteStream
  const progress = createProgress({ task: adding(), iterations: 10_000, batch: 16, quiet }, out)
  return { progress, text: () => text }
}

test('in a pipe: one plain line an evaluation', () => {
  const { progress, text } = watched(false)
  for (const event of [step(1990), step(2000), scoredEvent, step(2010)]) progress.show(event)
  progress.clear()
  assert.equal(text(), '2,000/10,000  800 it/s  10 s left  train MSE 0.0123  test MSE 0.25 (always 1: 0.167)\n')
})

test('on a terminal: one line redrawn, cut to its width, and gone in the end', () => {
  const { progress, text } = watched(true, false, 40)
  for (const event of [step(1990), step(2000), scoredEvent]) progress.show(event)
  progress.clear()
  const drawn = text()
    .split('\r\x1b[K')
    .filter((part) => part !== '')
  assert.deepEqual(
    drawn,
    ['1,990/10,000  800 it/s  10 s left  train', '2,000/10,000  800 it/s  10 s left  train'].map((line) =>
      line.slice(0, 39),
    ),
  )
  assert.ok(!text().includes('\n') && text().endsWith('\r\x1b[K'))
})

test('quiet: messages only', () => {
  for (const isTTY of [true, false]) {
    const { progress, text } = watched(isTTY, true)
    for (const event of [step(10), scoredEvent]) progress.show(event)
    progress.say('hello')
    progress.clear()
    assert.equal(text(), 'hello\n')
  }
})

test('numbers as people read them', () => {
  assert.deepEqual([0, 999, 16_000, 1_234_567].map(grouped), ['0', '999', '16,000', '1,234,567'])
  assert.deepEqual(
    [0.00013842, 3.21e-9, 0, 123.4, Number.NaN].map((v) => significant(v)),
    ['0.000138', '3.21e-9', '0', '123', 'NaN'],
  )
  assert.deepEqual([0.04, 9.96, 59.4, 59.6, 3599.9, 3600, 90_061, Number.POSITIVE_INFINITY].map(duration), [
    '0.0 s',
    '10.0 s',
    '59 s',
    '1 min 0 s',
    '1 h 0 min',
    '1 h 0 min',
    '25 h 1 min',
    '?',
  ])
  assert.equal(
    scored({ test: { loss: 1, accuracy: 0.98765 } }, { metric: 'accuracy', baseline: { name: 'chance', value: 0.1 } }),
    'test accuracy 98.77 % (chance: 10.00 %)',
  )
  const perplexities = { test: { loss: 1, perplexity: 301.4 }, heldOut: { loss: 1, perplexity: 312.4 } }
  assert.equal(scored(perplexities, { metric: 'perplexity' }), 'test perplexity 301, held-out 312')
})

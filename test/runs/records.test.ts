/** Records that people have edited: what of them is one, and where a checkpoint was. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { formatRecords, markAfter, markAt, parseRecords, recordsUntil } from '../../src/runs/records.ts'
import { encodeEvent, type TrainEvent } from '../../src/train/events.ts'

const spread = { mean: 0.5, min: 0.25, max: 1 }
const step = (iteration: number): TrainEvent => ({
  type: 'step',
  iteration,
  seconds: iteration / 8,
  window: 10,
  loss: spread,
  gradNorm: spread,
  clippedShare: null,
  liveShare: 0.5,
  lr: 0.001,
  iterationsPerSecond: 8,
})
const score = (iteration: number, mse = 1 / iteration): TrainEvent => ({
  type: 'eval',
  iteration,
  seconds: iteration / 8,
  test: { loss: mse, mse },
})
const done = (iteration: number): TrainEvent => ({
  type: 'done',
  iteration,
  seconds: iteration / 8,
  reason: 'iterations',
  stopped: false,
  test: { loss: 1, mse: 1 },
})
/** A run of 60 iterations, records as a file holds them. */
const run = parseRecords(
  formatRecords([
    step(10),
    step(20),
    score(20),
    step(30),
    step(40),
    score(40, Number.NaN),
    step(50),
    step(57),
    done(57),
  ]),
).events

test('lines end in any way, and what is no record is named', () => {
  const text = formatRecords(run)
  for (const edited of [
    text,
    text.replaceAll('\n', '\r\n'),
    text.replaceAll('\n', '\r'),
    `\uFEFF${text}`,
    text.trim(),
  ]) {
    assert.deepEqual(parseRecords(edited), { events: run, problems: [] })
  }
  assert.deepEqual(parseRecords(`${text}{"type":"st`), { events: run, problems: [] })
  const odd = ['a note', '[]', 'null', '3', '{"type":"step"}', '{"type":"eval","iteration":-1,"seconds":0}', '{']
  for (const line of odd) {
    const { events, problems } = parseRecords(`${line}\n${text}`)
    assert.deepEqual(events, run)
    assert.deepEqual(problems, ['line 1: expected one JSON object, a record of the run'])
  }
})

test('the place of a checkpoint is found again whatever lines were added, doubled, reordered in their ends or removed', () => {
  const at = 5 // after step 40, before the evaluation
  const mark = markAfter(run.slice(0, at))
  const lines = run.map(encodeEvent)
  fc.assert(
    fc.property(
      fc.array(fc.record({ at: fc.nat(lines.length), line: fc.constantFrom('', 'note', '{"a":1}', ...lines) })),
      fc.constantFrom('\n', '\r\n', '\r'),
      (added, end) => {
        const edited = [...lines]
        for (const { at, line } of added) edited.splice(Math.min(at, edited.length), 0, line)
        const { events } = parseRecords(edited.join(end) + end)
        const kept = recordsUntil(events, mark.last)
        assert.deepEqual(kept.map(encodeEvent), lines.slice(0, at))
      },
    ),
    { seed: 1, numRuns: 500 },
  )
})

test('where records are gone, the others keep their place', () => {
  const { last, count } = markAfter(run.slice(0, 6)) // after the evaluation at 40
  assert.deepEqual([last, count], [{ type: 'eval', iteration: 40 }, 6])
  const without = run.filter((event) => !(event.type === 'eval' && event.iteration === 40))
  assert.deepEqual(recordsUntil(without, last), without.slice(0, 5))
  assert.deepEqual(recordsUntil([], last), [])
  assert.deepEqual(recordsUntil(run, markAfter([]).last), [])
})

test('a stage begins after the step record of its iteration, and before its evaluation', () => {
  const stage = (iteration: number): TrainEvent => ({ type: 'stage', iteration, seconds: 0, T: 5, end: null })
  const staged = [stage(0), step(10), stage(10), score(10), step(20), stage(20), score(20)]
  const lines = formatRecords(staged).trimEnd().split('\n')
  for (let n = 0; n <= staged.length; n++) {
    const { events, problems } = parseRecords(`${lines.toReversed().join('\n')}\n`)
    assert.deepEqual(problems, [])
    assert.deepEqual(recordsUntil(events, markAfter(staged.slice(0, n)).last), staged.slice(0, n))
  }
  assert.equal(parseRecords('{"type":"stage","iteration":1,"seconds":2}\n').problems.length, 1)
})

test('a run line comes first, a probe before the evaluation, and an alert after what it was found in', () => {
  const begin = { type: 'run', iteration: 0, seconds: 0, id: 'a', command: null, config: {} } as unknown as TrainEvent
  const curve = [Number.NEGATIVE_INFINITY, 1]
  const curves = { flow: curve, flowLow: curve, flowHigh: curve, hNorm: curve, activeT: curve }
  const probe = (iteration: number) =>
    ({
      type: 'probe',
      iteration,
      seconds: 0,
      T: 2,
      every: 1,
      decades: 1,
      verdict: 'carried',
      rho: null,
      ...curves,
    }) as unknown as TrainEvent
  const alert = (iteration: number, found: 'step' | 'probe' | 'eval'): TrainEvent => ({
    ...{ type: 'alert', iteration, seconds: 0, kind: 'spike', level: 'warn', message: 'm', remedy: 'r', found },
  })
  const whole = [
    begin,
    probe(0),
    alert(0, 'probe'),
    step(10),
    alert(10, 'step'),
    probe(10),
    score(10),
    alert(10, 'eval'),
  ]
  const resume: TrainEvent = { type: 'resume', iteration: 10, seconds: 1 }
  const { events, problems } = parseRecords(formatRecords([...whole, resume].toReversed()))
  assert.deepEqual(problems, [])
  for (let n = 1; n <= whole.length; n++) {
    const mark = markAfter(whole.slice(0, n))
    // A mark says no more of an alert than that it is one: it has the last place that it can have.
    const kept = whole[n - 1]!.type === 'alert' ? whole.filter((one) => one.iteration <= mark.last!.iteration) : null
    assert.deepEqual(recordsUntil(events, mark.last), kept ?? whole.slice(0, n))
  }
  assert.deepEqual(recordsUntil(events, null), [begin], 'a run that starts anew is the same run')
  assert.deepEqual(markAfter([...whole, resume]), markAfter(whole), 'being taken up again is nothing that it did')
  assert.deepEqual(recordsUntil(events, { type: 'step', iteration: 20 }), [...whole, resume])
  const long = { ...curves, flow: Array.from({ length: 129 }, () => 0) }
  const wrong = [{ T: 0 }, { every: 0.5 }, { verdict: 'x' }, { decades: null }, { rho: 'x' }, { hNorm: [1] }, long]
  const broken = wrong.map((fields) => JSON.stringify({ ...probe(1), ...fields }))
  for (const line of [
    ...broken,
    '{"type":"alert","iteration":1,"seconds":2}',
    '{"type":"run","iteration":0,"seconds":0}',
  ]) {
    assert.equal(parseRecords(`${line}\n`).problems.length, 1)
  }
})

test('a checkpoint of 0.1.0 says its iteration: what ends a run comes after the last one', () => {
  assert.deepEqual(recordsUntil(run, markAt(57, true)), run.slice(0, 7))
  assert.deepEqual(recordsUntil(run, markAt(50, false)), run.slice(0, 7))
  assert.deepEqual(recordsUntil(run, markAt(40, false)), run.slice(0, 6))
})

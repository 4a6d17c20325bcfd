/** A worker answers commands in their order, also while it trains. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Desk } from '../../../page/play/engine/desk.ts'
import type { Command, Report } from '../../../page/play/engine/protocol.ts'
import { Trainer } from '../../../page/play/engine/trainer.ts'
import { DEFAULTS, type NetSettings, netOf } from '../../../page/play/settings.ts'
import { createBackend } from '../../../src/index.ts'

const backend = await createBackend({ name: 'wasm', threads: 1 })
const small: NetSettings = { ...netOf(DEFAULTS.adding, 'left')!, T: 8, H: 6 }
const start = { type: 'start', net: small, threads: 1, digits: null, from: null } satisfies Command

function opened() {
  const said: Report[] = []
  const desk = new Desk({ post: (report) => said.push(report), backend: async () => backend })
  const last = <T extends Report['type']>(type: T) =>
    said.findLast((report) => report.type === type) as Extract<Report, { type: T }> | undefined
  return { said, desk, last }
}

/** Until timers have had their turn. */
const aWhile = () => new Promise((resolve) => setTimeout(resolve, 5))

test('commands that come while a network begins wait for it, and a rate that changes holds', async () => {
  const { desk, last } = opened()
  const { clip, clipKind } = small
  const all = [
    start,
    { type: 'set', live: { lr: 0.02, clip, clipKind } },
    { type: 'step', n: 5 },
    { type: 'save' },
  ] as const
  await Promise.all(all.map((command) => desk.take(command)))
  assert.equal(last('failed'), undefined)
  assert.deepEqual([last('paused')!.iteration, last('ready')!.threads], [5, 1])
  const trainer = new Trainer(backend, { ...small, lr: 0.02 }, null)
  for (let i = 0; i < 5; i++) trainer.iterate()
  await desk.take({ type: 'save' })
  assert.deepEqual(last('saved')!.model, trainer.save())
  trainer.dispose()
})

test('it pauses within some slices, tells each iteration once, and sends no more than is seen', async () => {
  const { desk, said, last } = opened()
  await desk.take(start)
  const running = desk.take({ type: 'run' })
  const { lr, clip, clipKind } = small
  while (!last('rows')) await aWhile()
  // Longer than rows wait for one another.
  for (let i = 0, from = performance.now(); performance.now() < from + 150; i++) {
    await aWhile()
    await desk.take({ type: 'set', live: { lr: lr * (1 + i / 100), clip, clipKind } })
  }
  assert.ok(said.filter(({ type }) => type === 'rows').length <= 1, 'nobody has said that it was seen')
  await desk.take({ type: 'seen' })
  await desk.take({ type: 'pause' })
  await running
  const { iteration, ended } = last('paused')!
  const told = said.flatMap((report) => (report.type === 'rows' ? [...report.rows.iteration] : []))
  assert.deepEqual(
    told,
    Array.from({ length: iteration }, (_, i) => i + 1),
  )
  assert.equal(ended, false)
  assert.equal(last('failed'), undefined)
})

test('no iteration comes after a pause; a step, and what goes on, have the bits of what never paused', async () => {
  const { desk, said, last } = opened()
  await desk.take(start)
  for (let i = 0; i < 4; i++) {
    const running = desk.take({ type: 'run' })
    await aWhile() // training lets others go before it, or this would not end
    await Promise.all([desk.take({ type: 'keep' }), desk.take({ type: 'pause' })])
    await running
    assert.equal(last('paused')!.iteration, last('kept')!.kept.iteration)
    // Curves end where the weights do, and rows come before them.
    const rows = said.slice(0, said.indexOf(last('kept')!)).findLast(({ type }) => type === 'rows')
    assert.equal(rows?.type === 'rows' && rows.rows.iteration.at(-1), last('kept')!.kept.iteration)
  }
  const { iteration } = last('paused')!
  await desk.take({ type: 'step', n: 1 })
  await desk.take({ type: 'save' })
  assert.equal(last('saved')!.iteration, iteration + 1)
  const trainer = new Trainer(backend, small, null)
  for (let i = 0; i <= iteration; i++) trainer.iterate()
  assert.deepEqual(last('saved')!.model, trainer.save())
  trainer.dispose()
})

test('a training that is kept goes on elsewhere to the same bits; what is not one is refused', async () => {
  const net: NetSettings = { ...small, optimizer: 'muon' }
  const whole = new Trainer(backend, net, null)
  for (let i = 0; i < 30; i++) {
    if (i === 12) whole.set({ lr: 0.002, clip: 2, clipKind: 'value' })
    whole.iterate()
  }
  const first = opened()
  await first.desk.take({ ...start, net })
  await first.desk.take({ type: 'step', n: 12 })
  await first.desk.take({ type: 'set', live: { lr: 0.002, clip: 2, clipKind: 'value' } })
  await first.desk.take({ type: 'step', n: 8 })
  await first.desk.take({ type: 'keep' })
  const { kept } = first.last('kept')!
  const later: NetSettings = { ...net, lr: 0.002, clip: 2, clipKind: 'value' }
  const second = opened()
  await second.desk.take({ ...start, net: later, from: structuredClone(kept) })
  assert.equal(second.last('probe')!.probe.iteration, 20)
  await second.desk.take({ type: 'step', n: 10 })
  await second.desk.take({ type: 'save' })
  assert.deepEqual([second.last('failed'), second.last('saved')!.iteration], [undefined, 30])
  assert.deepEqual(second.last('saved')!.model, whole.save())
  whole.dispose()
  const other = opened()
  await other.desk.take({ ...start, net: later, from: structuredClone({ ...kept, failures: 10 }) })
  assert.deepEqual([second.last('ready')!.ended, other.last('ready')!.ended], [false, true])
  for (const [damage, expected] of [
    [{ weights: kept.weights.subarray(1) }, /^kept: weights: expected those of this network: begin anew$/],
    [{ weights: Float32Array.from(kept.weights).fill(Number.NaN, 3, 4) }, /^kept: weights/],
    [{ weights: undefined }, /^kept: weights/],
    [{ optimizer: {} }, /^resume: optimizer\.\w+: expected \d+ elements but received none/],
    [{ optimizer: null }, /^resume: expected what/],
    [{ iteration: '<img>' }, /^resume: iteration: expected a whole number >= 0/],
    [{ stream: { epoch: -1, position: 0 } }, /^stream state: epoch/],
    [{ failures: -1 }, /^kept: failures: expected a whole number >= 0 but received -1$/],
    [{ failures: undefined }, /^kept: failures: expected a whole number/],
    [{ collapse: { ...kept.collapse, n: 0.5 } }, /^kept: collapse\.n: expected a whole number >= 0 but received 0.5$/],
    [{ collapse: { ...kept.collapse, sum: '1' } }, /^kept: collapse\.sum: expected a number/],
    [{ collapse: null }, /^kept: collapse\.n: expected a whole number/],
  ] as const) {
    await other.desk.take({ ...start, net: later, from: { ...kept, ...damage } as unknown as typeof kept })
    assert.match(other.last('failed')!.message, expected)
  }
})

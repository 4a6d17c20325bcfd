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
const start: Command = { type: 'start', net: small, threads: 1, digits: null }

function opened() {
  const said: Report[] = []
  const desk = new Desk({ post: (report) => said.push(report), backend: async () => backend })
  const last = <T extends Report['type']>(type: T) =>
    said.findLast((report) => report.type === type) as Extract<Report, { type: T }> | undefined
  return { said, desk, last }
}

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
  for (let i = 0; i < 4; i++) {
    await new Promise((resolve) => setTimeout(resolve, 60))
    await desk.take({ type: 'set', live: { lr: lr * (1 + i / 10), clip, clipKind } })
  }
  assert.ok(said.filter(({ type }) => type === 'rows').length <= 1, 'nobody has said that it was seen')
  await desk.take({ type: 'seen' })
  const asked = performance.now()
  await desk.take({ type: 'pause' })
  await running
  assert.ok(performance.now() - asked < 2000)
  const { iteration, ended } = last('paused')!
  const told = said.flatMap((report) => (report.type === 'rows' ? [...report.rows.iteration] : []))
  assert.deepEqual(
    told,
    Array.from({ length: iteration }, (_, i) => i + 1),
  )
  assert.equal(ended, false)
  assert.equal(last('failed'), undefined)
})

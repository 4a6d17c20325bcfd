/** What trains in a tab: paused, stepped and told other rates, it is the network of `train`. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import * as path from 'node:path'
import { test } from 'node:test'
import { Trainer } from '../../../page/play/engine/trainer.ts'
import { commandOf, DEFAULTS, type NetSettings, netOf } from '../../../page/play/settings.ts'
import { createBackend, gradientFlow } from '../../../src/index.ts'
import { loadMnist } from '../../../src/tasks/mnist/load.node.ts'
import { home, run } from '../../support/command.ts'

const backend = await createBackend({ name: 'wasm', threads: 1 })
const small: NetSettings = { ...netOf(DEFAULTS.adding, 'left')!, T: 12, H: 8 }

function trained(net: NetSettings, iterations: number, change: (trainer: Trainer, i: number) => void = () => {}) {
  const trainer = new Trainer(backend, net, null)
  for (let i = 0; i < iterations; i++) {
    change(trainer, i)
    trainer.iterate()
  }
  const weights = Float32Array.from(trainer.model.weights)
  trainer.dispose()
  return weights
}

test('looking into a network changes no bit of it', async () => {
  const plain = trained(small, 20)
  const watched = new Trainer(backend, small, null)
  for (let i = 0; i < 20; i++) {
    watched.iterate()
    if (i % 3 === 0) watched.probe()
    if (i % 7 === 0) await watched.score()
  }
  assert.equal(watched.iteration, 20)
  const { iteration, loss, live } = watched.take()
  assert.deepEqual(
    [...iteration],
    Array.from({ length: 20 }, (_, i) => i + 1),
  )
  assert.equal(loss.length, 20)
  assert.ok(live! > 0 && live! <= 1)
  assert.deepEqual(Float32Array.from(watched.model.weights), plain)
  watched.dispose()
})

test('a rate that changes keeps weights, state and place; the same rate again changes nothing', () => {
  const { lr, clip, clipKind } = small
  const plain = trained(small, 20)
  assert.deepEqual(
    trained(small, 20, (trainer, i) => i === 10 && trainer.set({ lr, clip, clipKind })),
    plain,
  )
  const other = trained(small, 20, (trainer, i) => i === 10 && trainer.set({ lr: 2 * lr, clip, clipKind }))
  assert.notDeepEqual(other, plain)
  const first = trained(small, 10)
  const weights = (trainer: Trainer) => Float32Array.from(trainer.model.weights)
  const changed = new Trainer(backend, small, null)
  for (let i = 0; i < 10; i++) changed.iterate()
  changed.set({ lr: 2 * lr, clip, clipKind: 'none' })
  assert.deepEqual(weights(changed), first)
  assert.equal(changed.iteration, 10)
  changed.dispose()
})

test('an untrained IRNN carries the gradient of a unit that lives to 1e-5; tanh loses it in 100 steps', () => {
  const irnn = new Trainer(backend, { ...small, T: 100, H: 32 }, null)
  const { x, h, H } = irnn.probe()
  const { dh } = gradientFlow(irnn.model, x, [1])
  let living = 0
  for (let unit = 0; unit < H; unit++) {
    const states = Array.from({ length: 100 }, (_, t) => h[t * H + unit]!)
    if (states.some((state) => state === 0)) continue
    living += 1
    const [first, last] = [dh[0]![unit]!, dh[0]![99 * H + unit]!]
    assert.ok(Math.abs(first / last - 1) < 1e-5, `${first} and ${last}`)
  }
  assert.ok(living > 4, `${living} units live`)
  irnn.dispose()
  const tanh = new Trainer(backend, { ...small, cell: 'tanh', T: 100, H: 64, seed: 7 }, null)
  const probe = tanh.probe()
  assert.ok(Math.log10(probe.norms[0]! / probe.norms[99]!) < -2)
  assert.match(
    tanh.alerts()[0]!.message,
    /^the gradient vanishes by [2-9](\.\d)? decades on its way back over 100 steps$/,
  )
  tanh.dispose()
})

test('what explodes or dies says so, once, with a remedy; what is no number any more ends', () => {
  const after = (iterations: number, more: Partial<NetSettings>) => {
    const trainer = new Trainer(backend, { ...netOf(DEFAULTS.adding, 'left')!, ...more }, null)
    for (let i = 0; i < iterations; i++) trainer.iterate()
    const { ended } = trainer
    const alerts = trainer.alerts()
    trainer.dispose()
    return { ended, alerts, kinds: alerts.map(({ kind, level }) => `${kind} ${level}`) }
  }
  // The recipe, and ten times its rate: the first update makes a loss of 7e17, and Adam then leaves one unit of 64.
  assert.deepEqual(after(120, {}).kinds, [])
  const { alerts, kinds, ended } = after(120, { lr: 0.01 })
  assert.deepEqual([kinds, ended], [['exploding warn', 'dead error'], false])
  assert.match(
    alerts[0]!.message,
    /^training explodes, a loss of 7\.29e17, [\d.e]+ times the first, over at iteration \d+$/,
  )
  assert.match(alerts[0]!.remedy, /^lower the learning rate, to a tenth say, or clip the gradient$/)
  assert.match(alerts[1]!.message, /^most units are dead, only 1\.6 % of all states are not zero$/)
  assert.match(alerts[1]!.remedy, /lower learning rate or smaller weights, or clip the gradient$/)
  const wild = after(20, { optimizer: 'sgd', lr: 0.1, clipKind: 'none' })
  assert.deepEqual([wild.kinds, wild.ended], [['nan error'], true])
})

test('digits are pixels of 0 to 1, and the command of their network leaves the same bytes', async () => {
  const data = await loadMnist()
  const net: NetSettings = { ...netOf(DEFAULTS.mnist, 'left')!, H: 4 }
  assert.throws(() => new Trainer(backend, net, null), /mnist: expected the digits, but they are not loaded/)
  const trainer = new Trainer(backend, net, data)
  const { x, target } = trainer.probe()
  assert.equal(target, 7)
  assert.deepEqual(
    x,
    Float32Array.from(data.test.images.subarray(0, 784), (pixel) => pixel / 255),
  )
  trainer.iterate()
  trainer.iterate()
  const words = commandOf(net, 2).split(' ').slice(2)
  assert.equal((await run(...words, '--out', 'digits')).code, 0)
  assert.deepEqual(new Uint8Array(readFileSync(path.join(home, 'digits', 'model.safetensors'))), trainer.save())
  trainer.dispose()
})

/** Settings of the playground: the address holds all of them, and the command says the same. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import {
  commandOf,
  DEFAULTS,
  fromHash,
  netOf,
  readSetting,
  resets,
  toHash,
  withTask,
} from '../../../page/play/settings.ts'

test('an address holds all settings, and other words beside them', () => {
  const settings = {
    ...DEFAULTS.adding,
    T: 37,
    left: 'gru',
    right: null,
    lr: 3e-5,
    clipKind: 'value',
    seed: 0,
  } as const
  const hash = toHash(settings, { digit: '7' })
  const back = fromHash(hash)
  assert.deepEqual(back.settings, settings)
  assert.deepEqual(back.problems, [])
  assert.deepEqual(Object.fromEntries(back.others), { digit: '7' })
  assert.deepEqual(fromHash('').settings, DEFAULTS.adding)
  assert.deepEqual(fromHash(toHash(DEFAULTS.mnist)).settings, DEFAULTS.mnist)
})

test('what an address cannot mean is said, and has its default', () => {
  const { settings, problems } = fromHash('#t=secret&T=1e9&left=<img>&lr=&seed=-1&H=8&task=mnist')
  assert.deepEqual(problems, [
    'address: T: expected a whole number from 2 to 1000 but received "1e9"',
    'address: left: expected one of irnn, relu, tanh, lstm, gru but received "<img>"',
    'address: lr: expected a number from 1e-9 to 10 but received ""',
    'address: seed: expected a whole number from 0 to 2147483647 but received "-1"',
    'address: "t": there is no such setting',
  ])
  assert.deepEqual(settings, { ...DEFAULTS.mnist, H: 8 })
  assert.ok('problem' in readSetting('H', '2.5'))
  assert.deepEqual(readSetting('right', 'none'), { value: null })
})

test('rate and clip change without a reset, all else begins anew', () => {
  const before = DEFAULTS.adding
  assert.equal(resets(before, { ...before, lr: 1, clip: 2, clipKind: 'none' }), false)
  for (const other of [{ left: 'gru' }, { H: 65 }, { T: 99 }, { seed: 8 }, { optimizer: 'sgd' }] as const) {
    assert.equal(resets(before, { ...before, ...other }), true)
  }
  assert.equal(withTask({ ...before, H: 10, seed: 5 }, 'mnist').H, 10)
})

test('the command names every setting that counts', () => {
  const net = netOf({ ...DEFAULTS.adding, clipKind: 'none' }, 'right')!
  assert.equal(
    commandOf(net, 200),
    'npx irnn train adding --length 100 --inputs raw --test-size 500 --cell tanh --hidden 64 --batch 16 ' +
      '--optimizer adam --lr 0.001 --schedule constant --curriculum none --clip-kind none --seed 6 ' +
      '--iterations 200 --eval-every 200 --backend wasm',
  )
  const guide = readFileSync(new URL('../../../../docs/play.md', import.meta.url), 'utf8')
  assert.ok(guide.includes(`\n${commandOf(netOf({ ...DEFAULTS.adding, T: 50, seed: 7 }, 'left')!, 200)}\n`))
  assert.match(commandOf(netOf(DEFAULTS.mnist, 'left')!, 1), /^npx irnn train mnist --held-out 0 --train-size 2000 /)
})

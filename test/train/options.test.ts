// Options of training: each is one entry, from which its default, its check, its place, its flags and its part in a
// resume follow.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Given, nameOf } from '../../src/flag.ts'
import { clipNorm, clipValue, noClip } from '../../src/train/clip.ts'
import { growingLengths } from '../../src/train/curriculum.ts'
import { adam, muon, sgd } from '../../src/train/optim.ts'
import {
  mayChange,
  OPTIONS,
  optionsFromFlags,
  type TrainOptions,
  trainingFlags,
  trainSpec,
} from '../../src/train/options.ts'
import { constantRate, cosineRate, halvingRate, stepRate } from '../../src/train/schedule.ts'
import { refused } from '../support/refused.ts'

const NAMES = Object.keys(OPTIONS)

test('complete options stay as they are, in the order that config.json has', () => {
  const spec = trainSpec({ seed: 3, batch: 2, target: null, optimizer: muon() })
  assert.deepEqual(Object.keys(spec), NAMES)
  assert.deepEqual(trainSpec(spec), spec)
  // What stored runs depend on: their identity is made of these, in this order.
  assert.equal(
    NAMES.filter((name) => !mayChange(name)).join(' '),
    'batch optimizer curriculum schedule clip average accumulate shards frozen tables loss reduction evalEvery ' +
      'evalBatch softmax dropout seed',
  )
})

test('defaults that depend on the length of the run follow it', () => {
  assert.deepEqual([trainSpec({ iterations: 5 }).evalEvery, trainSpec({ iterations: 5 }).stepEvery], [1, 10])
  const long = trainSpec({ iterations: 4_000_001 })
  assert.deepEqual([long.evalEvery, long.stepEvery], [200_001, 201])
  refused(
    () => trainSpec({ iterations: 4_000_001, stepEvery: 200 }),
    /stepEvery: expected at least 201, .* received 200/,
  )
})

test('what is wrong is named by its option', () => {
  const cases: [object, RegExp][] = [
    [{ batch: 0 }, /^training: batch: expected a number >= 1 but received 0$/],
    [{ batch: null }, /^training: batch: expected a number but received null$/],
    [
      { optimizer: { kind: 'sgd', lr: -1, momentum: 0 } },
      /^training: optimizer.lr: expected a number > 0 but received -1$/,
    ],
    [{ softmax: { kind: 'sampled' } }, /^training: softmax.samples: expected a .*number but received nothing$/],
    [{ reduction: 'max' }, /^training: reduction: expected one of mean, sum but received "max"$/],
    [{ speed: 1 }, /^training: unknown key "speed": remove it or correct its spelling; did you mean seed\?$/],
  ]
  for (const [options, pattern] of cases) refused(() => trainSpec(options as TrainOptions), pattern)
})

test('every flag is of one option, and those on request are there for who asks', () => {
  const all = trainingFlags(['softmax', 'dropout', 'curriculum']).map(nameOf)
  assert.equal(new Set(all).size, all.length)
  const common = trainingFlags().map(nameOf)
  assert.deepEqual(
    all.filter((name) => !common.includes(name)),
    ['curriculum', 'growFrom', 'growFactor', 'growIterations', 'samples', 'dropout'],
  )
})

test('a flag goes before the recipe; one of a kind changes its parts alone', () => {
  const recipe: TrainOptions = {
    batch: 4,
    optimizer: muon({ lr: 3e-4 }),
    schedule: cosineRate({ warmup: 7 }),
    clip: noClip(),
  }
  const made = (given: Given) => optionsFromFlags(recipe, given)
  assert.deepEqual(trainSpec(made({})), trainSpec(recipe))
  assert.equal(made({ batch: 9 }).batch, 9)
  assert.deepEqual(made({ lr: 6e-4 }).optimizer, muon({ lr: 6e-4, adam: { lr: 2e-4 } }), 'both rates in proportion')
  const own = muon({ lr: 6e-4, perSequence: 2, adam: { lr: 1, beta1: 0.5, beta2: 0.25 } })
  const flags = { beta2: 0.25, adamLr: 1, beta1: 0.5, lrPerSequence: 2, lr: 6e-4 }
  assert.deepEqual(made(flags).optimizer, own, '--adam-lr goes before the share of --lr')
  assert.deepEqual(made({ optimizer: 'adam', beta2: 0.25 }).optimizer, adam({ beta2: 0.25 }))
  assert.deepEqual(made({ optimizer: 'sgd', momentum: 0.5 }).optimizer, sgd({ momentum: 0.5 }))
  assert.deepEqual(made({ optimizer: 'adam', lr: 1 }).optimizer, adam({ lr: 1 }))
  assert.deepEqual(made({ schedule: 'constant' }).schedule, constantRate({ warmup: 7 }), 'the warm-up goes over')
  assert.deepEqual(made({ schedule: 'steps', decayEvery: 5 }).schedule, stepRate({ every: 5, warmup: 7 }))
  assert.deepEqual(made({ schedule: 'halving', halvings: 2 }).schedule, halvingRate({ most: 2, warmup: 7 }))
  assert.deepEqual(made({ clip: 5 }).clip, clipNorm(5), 'a limit alone is of the norm')
  assert.deepEqual(optionsFromFlags({ clip: clipNorm(5) }, { clipKind: 'value' }).clip, clipValue(5))
  assert.deepEqual(made({ growFrom: 9 }).curriculum, growingLengths({ from: 9 }))
  assert.deepEqual(made({ curriculum: 'lengths', growFactor: 3 }).curriculum, growingLengths({ factor: 3 }))
  assert.deepEqual(made({ samples: 3 }).softmax, { kind: 'sampled', samples: 3 })
  refused(
    () => made({ halvings: 2 }),
    /^--halvings: expected --schedule halving, to which it belongs, but it is cosine/,
  )
  refused(() => made({ adamLr: 1, optimizer: 'adam' }), /^--adam-lr: expected --optimizer muon, .* but it is adam/)
  refused(
    () => made({ beta2: 0.5, optimizer: 'sgd' }),
    /^--beta2: expected --optimizer adam or adamw or muon, .* but it is sgd/,
  )
  refused(() => made({ growFrom: 9, curriculum: 'none' }), /^--grow-from: expected --curriculum lengths, .* it is none/)
  refused(() => made({ clip: 1, clipKind: 'none' }), /^--clip: expected --clip-kind derivative or value or norm/)
})

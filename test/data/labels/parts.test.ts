/** Which sequences are trained on, decide and test: each label in each part that it has enough sequences for. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { partsOf, type SequenceParts } from '../../../src/data/labels/parts.ts'
import type { SequenceSchema } from '../../../src/data/labels/sequenceSchema.ts'
import { labelsOf, sequencesOf } from '../../../src/data/labels/sequences.ts'
import { openTable } from '../../../src/table/openTable.node.ts'

const SCHEMA: SequenceSchema = {
  irnn: 'schema',
  version: 1,
  kind: 'label',
  of: 'sequence',
  target: 'label',
  layout: 'rows',
  id: 'id',
  time: null,
  split: null,
  inputs: [{ name: 'x', type: 'number' }],
  missing: null,
  score: 'accuracy',
  balanced: false,
  oneWay: false,
  fitted: null,
}

interface Wanted {
  readonly label: string
  readonly split?: string
}

/** The parts, and the labels in each of them. */
async function split(wanted: readonly Wanted[], more: Partial<SequenceSchema> = {}) {
  const records = wanted.flatMap((row, n) => [0, 1].map((t) => ({ id: `s${n}`, x: t + n / 7, split: '', ...row })))
  const schema = { ...SCHEMA, ...more }
  const table = await openTable(records, { types: { id: 'category', label: 'category', split: 'category' } })
  const sequences = sequencesOf(table, schema)
  const parts = partsOf(table, schema, sequences, labelsOf(table, schema, sequences))
  const held = (name: keyof SequenceParts) =>
    Array.from(parts[name], (n) => wanted[Number(sequences.ids[n]!.slice(1))]!.label)
  return { parts, training: held('training'), validation: held('validation'), test: held('test') }
}

const groups = (...sizes: number[]) =>
  sizes.flatMap((size, k) => Array.from({ length: size }, () => ({ label: `l${k}` })))
const all = (labels: readonly string[]) => [...new Set(labels)].sort()

test('of each label one sequence at least is learnt and one tested; of three, one decides', async () => {
  const sizes = fc.tuple(
    fc.integer({ min: 3, max: 9 }),
    fc.array(fc.integer({ min: 2, max: 9 }), { minLength: 1, maxLength: 6 }),
  )
  await fc.assert(
    fc.asyncProperty(sizes, async ([first, rest]) => {
      const own = [first, ...rest]
      const { parts, training, validation, test } = await split(groups(...own))
      const labels = own.map((_, k) => `l${k}`)
      assert.deepEqual(all(training), labels)
      assert.deepEqual(all(test), labels)
      assert.deepEqual(
        all(validation),
        labels.filter((_, k) => own[k]! >= 3),
      )
      const which = [...parts.training, ...parts.validation, ...parts.test].sort((a, b) => a - b)
      assert.deepEqual(
        which,
        Array.from({ length: own.reduce((sum, size) => sum + size, 0) }, (_, n) => n),
      )
    }),
    { seed: 22, numRuns: 60 },
  )
})

test('two sequences of each label leave none to choose by, which is said with what to do', async () => {
  await assert.rejects(split(groups(2, 2)), {
    name: 'InputError',
    message:
      'table: expected sequences for training, validation and test but validation has none of 4: give more, of some ' +
      'label at least 3',
  })
  const { training, validation, test } = await split(groups(2, 3))
  assert.deepEqual([all(training), validation, all(test)], [['l0', 'l1'], ['l1'], ['l0', 'l1']])
})

test('a column that says the parts: validation is taken from training, which keeps every label', async () => {
  const rows = (label: string, split: string, n: number) => Array.from({ length: n }, () => ({ label, split }))
  const wanted = [...rows('a', 'train', 2), ...rows('b', 'train', 5), ...rows('c', 'train', 1), ...rows('a', 'test', 2)]
  const { training, validation, test } = await split(wanted, { split: 'split' })
  assert.deepEqual(
    [all(training), all(validation), test],
    [
      ['a', 'b', 'c'],
      ['a', 'b'],
      ['a', 'a'],
    ],
  )
  const said = { split: 'split' }
  await assert.rejects(
    split([...rows('a', 'train', 4), ...rows('b', 'train', 4)], said),
    /test has none of 8: say test in split of some$/,
  )
  await assert.rejects(
    split([...rows('a', 'test', 4), ...rows('b', 'val', 4)], said),
    /training has none of 8: say train in split of some$/,
  )
  await assert.rejects(
    split([...rows('a', 'train', 1), ...rows('b', 'train', 1), ...rows('b', 'test', 1)], said),
    /validation has none of 3: give/,
  )
  await assert.rejects(
    split(rows('a', 'holdout', 3), said),
    /^InputError: table: row 1: split: expected train, validation or test but received "holdout"/,
  )
})

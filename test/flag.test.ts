// Kinds of values: one check for what a program gives and for a word of the command line.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { below1, finite, isSwitch, longOf, nameOf, names, notNegative, oneOf, positive, whole } from '../src/flag.ts'
import { refused } from './support/refused.ts'

test('words are read as values, or refused with what was expected', () => {
  assert.deepEqual(
    [
      whole().read('12', '--flag'),
      finite.read('-1e-3', '--flag'),
      positive.read('0.5', '--flag'),
      notNegative.read('0', '--flag'),
    ],
    [12, -1e-3, 0.5, 0],
  )
  assert.deepEqual([oneOf('a', 'b').read('b', '--flag'), names.read('a, b,c', '--flag')], ['b', ['a', 'b', 'c']])
  for (const word of ['', ' ', 'x', '1.5', '0', '-1', '1e999', 'NaN']) {
    refused(() => whole().read(word, '--flag'), /^--flag: expected a whole number >= 1 but received "/)
  }
  for (const word of ['', '-0.1', '1', 'Infinity'])
    refused(() => below1.read(word, '--flag'), /^--flag: expected a number >= 0 and < 1 but received "/)
  refused(
    () => names.read('a,,b', '--flag'),
    /^--flag: expected names with commas between, none of them empty but received "a,,b"$/,
  )
})

test('values are checked by the same rule, and named', () => {
  assert.equal(whole(2).check(2, 'T', 'task'), 2)
  refused(() => whole(2).check(1, 'T', 'task'), /^task: T: expected a number >= 2 but received 1$/)
  refused(() => oneOf('a', 'b').check('c', 'kind', 'task'), /^task: kind: expected one of a, b but received "c"$/)
})

test('names of flags', () => {
  const flags = ['--train-size <N>', '--skip-bad', '--lr <rate>'].map((flag) => ({ flag }))
  assert.deepEqual(flags.map(nameOf), ['trainSize', 'skipBad', 'lr'])
  assert.deepEqual(flags.map(longOf), ['--train-size', '--skip-bad', '--lr'])
  assert.deepEqual(flags.map(isSwitch), [false, true, false])
})

/**
 * Numbers at every place where they enter, on every backend: taken in every form and with the same bits, refused in one
 * line where they are none, are not whole, or are too large for float32. What is refused leaves nothing behind.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { InputError } from '../../src/error.ts'
import { backends } from '../support/backends.ts'
import { ENTRIES, type Entry } from '../support/entries.ts'
import { FLOATS, NO_ARRAY, NO_NUMBER, NOT_WHOLE, TOO_LARGE, WHOLE } from '../support/given.ts'
import { methodsTaking, propertiesOf } from '../support/members.ts'

type Run = (value: unknown) => Promise<number[]>

function start(entry: Entry, backend: (typeof backends)[number]['backend']): Run {
  const run = entry.make(backend) as (value: unknown) => ArrayLike<number> | Promise<ArrayLike<number>>
  return async (value) => Array.from(await run(value))
}

async function refused(run: Run, value: unknown, pattern: RegExp, what: string): Promise<void> {
  const error: unknown = await run(value).then(
    (result) => assert.fail(`${what}: taken, and gave ${result.slice(0, 3)}`),
    (error) => error,
  )
  assert.ok(error instanceof InputError, `${what}: ${error}`)
  assert.match(error.message, pattern, what)
  assert.ok(!error.message.includes('\n'), error.message)
}

/** What is wrong there, with how it comes. */
function wrong({ range, missing = false }: Entry): fc.Arbitrary<unknown> {
  const none = NO_NUMBER.filter((value) => !(missing && Number.isNaN(value)))
  if (!range) return fc.constantFrom(...none, ...TOO_LARGE, 3n)
  const [least, most] = range
  return fc.oneof(
    fc.constantFrom(...NO_NUMBER, ...NOT_WHOLE),
    fc.integer({ min: most + 1, max: 2 ** 33 }),
    fc.integer({ min: -(2 ** 33), max: least - 1 }),
    fc.double({ noInteger: true }),
  )
}

/** An array, or, for a number, also a typed array that holds it. */
const carriers = (numbers: readonly unknown[]): unknown[] =>
  numbers.every((value) => typeof value === 'number')
    ? [numbers, Float64Array.from(numbers), FLOATS['Float64Array of another realm']!(numbers)]
    : [numbers]

for (const { label, backend } of backends) {
  describe(label, () => {
    for (const entry of ENTRIES) {
      const { name, good, range } = entry
      test(name, async () => {
        const run = start(entry, backend)
        const expected = await run(range ? Int32Array.from(good) : Float32Array.from(good))
        assert.ok(expected.every(Number.isFinite))
        for (const [form, make] of Object.entries(range ? WHOLE : FLOATS)) {
          assert.deepEqual(await run(make(good)), expected, form)
        }
        for (const none of NO_ARRAY) await refused(run, none, /expected .* but received /, String(none))
        for (const other of entry.anyLength ? [] : [[], good.slice(1), [...good, 1]]) {
          await refused(run, other, /expected .*\d+.* but received .*\d/, `${other.length} of ${good.length}`)
        }
        const property = fc.asyncProperty(fc.nat(good.length - 1), wrong(entry), async (at, bad) => {
          for (const value of carriers(good.toSpliced(at, 1, bad as number))) {
            await refused(run, value, new RegExp(`\\[${at}\\]: expected .* but received `), `${typeof bad} at ${at}`)
            assert.deepEqual(await run(good), expected, 'after what was refused')
          }
        })
        await fc.assert(property, { seed: 21, numRuns: 12 })
      })
    }
  })
}

test('every place where numbers enter is among the entries', () => {
  const names = ENTRIES.map(({ name }) => name)
  const given = names.map((name) => /: ([\w.]+)/.exec(name)![1]!.split('.'))
  const fields = new Set(given.map((path) => (path[0] === 'bytes' ? 'bytes' : path.at(-1)!)))
  assert.deepEqual(propertiesOf(/\b(Numbers|WholeNumbers)\b/).sort(), [...fields].sort())
  for (const [what, file] of Object.entries({ Model: 'model', Plan: 'plan', Stepper: 'stepper' })) {
    for (const method of methodsTaking(`src/model/${file}.ts`, what, /\b(Batch|State|Step)Input\b/)) {
      const call = `${file}.${method}`
      if (call === 'plan.backward') continue // it has the batch of the forward pass already, and reads no number of it
      assert.ok(
        names.some((name) => name.startsWith(`${call}: `)),
        call,
      )
    }
  }
})

/** Messages: values in one line, options that do not exist, and which was meant. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { checked, InputError, nearest, refuseUnknown, shown } from '../src/error.ts'
import * as z from '../src/schema.ts'
import { refused } from './support/refused.ts'

test('the option that was meant: by case and dashes, initials, a beginning, a slip of the pen', () => {
  const meant: readonly [string, readonly string[], string | undefined][] = [
    ['learningRate', ['lr', 'beta1', 'beta2', 'eps'], 'lr'],
    ['learning_rate', ['momentum', 'lr'], 'lr'],
    ['warmUp', ['to', 'warmup'], 'warmup'],
    ['thread', ['name', 'threads', 'instructionSet'], 'threads'],
    ['Threads', ['name', 'threads'], 'threads'],
    ['epsilon', ['lr', 'eps'], 'eps'],
    ['beta_1', ['beta1', 'beta2'], 'beta1'],
    ['t', ['T', 'B'], 'T'],
    ['lenght', ['length', 'layers'], 'length'],
    ['bidirectionnal', ['layers', 'bidirectional'], 'bidirectional'],
    ['dropout', ['layers', 'bidirectional', 'recurrent', 'input'], undefined],
    ['x', ['lr', 'eps'], undefined],
    ['', ['lr', 'eps'], undefined],
    ['lr', [], undefined],
    ['trian', ['T', 'train'], 'train'],
  ]
  for (const [word, known, name] of meant) assert.equal(nearest(word, known), name, word)
})

test('a name is nearest to itself, and a slip of one letter in it is found', () => {
  const names = ['iterations', 'evaluations', 'schedule', 'optimizer', 'activationCheckpointing']
  const slip = fc.record({ name: fc.constantFrom(...names), at: fc.nat(6), letter: fc.constantFrom(...'aeiouxyz') })
  fc.assert(
    fc.property(slip, ({ name, at, letter }) => {
      assert.equal(nearest(name, names), name)
      assert.equal(nearest(name.slice(0, at) + letter + name.slice(at), names), name)
      assert.equal(nearest(name.slice(0, at) + letter + name.slice(at + 1), names), name)
      assert.equal(nearest(name.slice(0, at) + name.slice(at + 1), names), name)
    }),
    { seed: 21, numRuns: 200 },
  )
})

test('options that do not exist, and what holds none', () => {
  refuseUnknown('adam', { lr: 1 }, ['lr'])
  refused(
    () => refuseUnknown('adam', { learningRate: 1 }, ['lr']),
    /^adam: learningRate: no such option; did you mean lr\?$/,
  )
  refused(
    () => refuseUnknown('lstm', { dropout: 1 }, ['layers', 'input']),
    /^lstm: dropout: no such option; there are layers, input$/,
  )
  refused(() => refuseUnknown('noClip', { limit: 1 }, []), /^noClip: limit: no such option; there are none$/)
  refused(
    () => refuseUnknown('adam', { beta1: undefined, lrate: undefined }, ['lr', 'beta1']),
    /^adam: lrate: no such option/,
  )
  for (const none of [null, 5, 'lr', [1], true])
    refused(() => refuseUnknown('adam', none as never, ['lr']), /^adam: expected options in an object but received /)
})

test('keys of a schema, at any depth, get the same suggestion', () => {
  const inner = z.strictObject({ hidden: z.number(), layers: z.number() })
  const schema = z.strictObject({
    rnn: inner.optional(),
    either: z.union([z.number(), inner]).default(1),
    list: z.array(inner).optional(),
    kind: z.discriminatedUnion('kind', [z.strictObject({ kind: z.literal('a'), limit: z.number() })]).optional(),
  })
  const message = (value: unknown) => {
    try {
      return checked<unknown>(schema, value, 'it')
    } catch (error) {
      return (error as Error).message
    }
  }
  const said = 'remove it or correct its spelling; did you mean'
  const good = { hidden: 1, layers: 1 }
  assert.equal(message({ RNN: good }), `it: unknown key "RNN": ${said} rnn?`)
  assert.equal(message({ rnn: { ...good, layer: 1 } }), `it: rnn: unknown key "layer": ${said} layers?`)
  assert.equal(message({ either: { ...good, layer: 1 } }), `it: either: unknown key "layer": ${said} layers?`)
  assert.equal(message({ list: [good, { ...good, hiden: 1 }] }), `it: list.1: unknown key "hiden": ${said} hidden?`)
  assert.equal(message({ kind: { kind: 'a', limit: 1, limits: 1 } }), `it: kind: unknown key "limits": ${said} limit?`)
  assert.equal(message({ zebra: 1 }), 'it: unknown key "zebra": remove it or correct its spelling')
  // What is missing because its key is misspelt: the key is what is wrong.
  assert.equal(message({ rnn: { hiden: 1, layers: 1 } }), `it: rnn: unknown key "hiden": ${said} hidden?`)
  assert.equal(message({ either: { hidden: 1, layer: 1 } }), `it: either: unknown key "layer": ${said} layers?`)
  assert.equal(message({ kind: { knd: 'a', limit: 1 } }), `it: kind: unknown key "knd": ${said} kind?`)
  assert.equal(message({ rnn: { layers: 1 } }), 'it: rnn.hidden: expected a number but received nothing')
  assert.equal(message({ rnn: { layers: 1, zebra: 1 } }), 'it: rnn.hidden: expected a number but received nothing')
})

test('of the branches of a union, the one that knows most of the keys is explained', () => {
  const values = z.strictObject({ size: z.number() })
  const tokens = z.strictObject({ vocabulary: z.number(), embedding: z.number() })
  const schema = z.strictObject({ input: z.union([values, tokens]) })
  refused(
    () => checked<unknown>(schema, { input: { vocabulry: 1, embedding: 2 } }, 'it'),
    /^it: input: unknown key "vocabulry": remove it or correct its spelling; did you mean vocabulary\?$/,
  )
})

test('values of every kind are shown in one line', () => {
  const values: [unknown, string][] = [
    [Promise.resolve(1), 'a promise: await it'],
    [new Map(), 'a Map'],
    [new ArrayBuffer(8), 'an ArrayBuffer'],
    [new Float32Array(2), 'Float32Array'],
    [new DataView(new ArrayBuffer(1)), 'DataView'],
    [3n, '3n'],
    [{ x: 1, y: 2 }, 'an object with x, y'],
    ['a\nb', '"a\\nb"'],
    [Symbol('a'), 'Symbol(a)'],
  ]
  for (const [value, line] of values) assert.equal(shown(value), line)
})

/** What a terminal would act upon, or what would end a line. */
const ACTS = /[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/u
const HOSTILE = ['a\nb\r\nc', '\x1b[2J\x1b]0;title\x07', '\x9b31m', '\u2028\u2029', '\u202egnp.exe', '\0', '\x7f\b\b']
const ANY = fc.oneof(fc.constantFrom(...HOSTILE), fc.string({ unit: 'binary', maxLength: 60 }))

test('any value is shown in one short line that no terminal acts upon', () => {
  const value = fc.oneof(
    ANY,
    fc.anything({ withBigInt: true, withNullPrototype: true, withTypedArray: true, key: ANY }),
  )
  fc.assert(
    fc.property(value, (value) => {
      const line = shown(value)
      assert.doesNotMatch(line, ACTS)
      assert.ok(line.length < 1300, line) // 4 keys of 40 characters, each at most six as \u001b
    }),
    { seed: 5, numRuns: 500 },
  )
  const text = 'x'.repeat(1e6)
  for (const long of [text, BigInt(`0x${'f'.repeat(10_000)}`), Symbol(text), { [text]: 1 }])
    assert.ok(shown(long).length < 80, shown(long).slice(0, 100))
  assert.equal(shown(`${'x'.repeat(39)}😀`), `"${'x'.repeat(39)}…"`, 'no half of a character')
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  const thrower = Object.defineProperty({}, Symbol.toStringTag, { get: () => assert.fail() })
  for (const odd of [proxy, thrower]) assert.equal(shown(odd), 'an object that cannot be read')
})

test('a message is one line of bounded length, whatever it quotes: names, keys, paths, text of parsers', () => {
  const schema = z.strictObject({ hidden: z.number(), map: z.record(z.string(), z.number()).optional() })
  fc.assert(
    fc.property(ANY, fc.boolean(), (name, long) => {
      const text = long ? name.repeat(1000) : name
      const calls = [
        () => checked<unknown>(schema, { hidden: 1, [text]: 1 }, text),
        () => checked<unknown>(schema, { hidden: 1, map: { [text]: '1' } }, 'it'),
        () => refuseUnknown(text, { [text]: 1 }, ['lr']),
        () => {
          throw new InputError(`${text}: expected JSON but ${text}`)
        },
      ]
      for (const call of calls) {
        try {
          call()
        } catch (error) {
          assert.ok(error instanceof InputError, String(error))
          assert.doesNotMatch(error.message, ACTS)
          assert.ok(error.message.length < 6 * 2100)
        }
      }
    }),
    { seed: 6, numRuns: 200 },
  )
  const keys = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`${'k'.repeat(99)}${i}`, 1]))
  refused(
    () => checked<unknown>(schema, { hidden: 1, ...keys }, 'it'),
    /^it: unknown keys "k{40}…"(, "k{40}…"){3}, …: remove them or correct their spelling$/,
  )
  refused(
    () => checked<unknown>(schema, { hidden: 1, map: { ['k'.repeat(99)]: 'x' } }, 'it'),
    /^it: map\.k{40}…: expected a number but received "x"$/,
  )
  const cut = new InputError(`${'path/'.repeat(2000)}: remove it`).message
  assert.ok(cut.length < 2100 && cut.endsWith('path/: remove it') && cut.includes('…'))
})

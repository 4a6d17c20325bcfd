/**
 * Every function that irnn, irnn/node and irnn/speech export, as a program without types may call it: with anything in
 * place of its arguments, of their fields, and of the arguments of what it returns. It answers a value or one line,
 * never an error of JavaScript's own.
 */
import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import { afterEach, test } from 'node:test'
import { answers, type Call, FUNCTIONS, failures, GOOD } from './support/goodCalls.ts'
import { membersOf } from './support/members.ts'

const ANYTHING: readonly unknown[] = [
  undefined,
  null,
  1,
  -1.5,
  Number.NaN,
  1e300,
  'x',
  '',
  true,
  3n,
  Symbol('s'),
  () => 1,
  {},
  [],
  [1, 2],
  [null],
  new Map(),
  Promise.resolve(1),
  new Uint8Array(9),
  Object.create(null),
  { kind: 'x', length: -1 },
]

afterEach(() => {
  failures.length = 0
})

/** What is there in place of it, and what came. */
const say = (value: unknown): string => {
  try {
    return typeof value === 'object' ? JSON.stringify(value) : String(value)
  } catch {
    return Object.prototype.toString.call(value)
  }
}

test('every function is known here by its good arguments, and takes them', async () => {
  assert.ok(FUNCTIONS.length > 75)
  fs.mkdirSync('digits')
  for (const [name, call] of FUNCTIONS) {
    assert.ok(name in GOOD, `${name}: give its good arguments`)
    if (name !== 'loadMnist') await call(...GOOD[name]!())
  }
})

test('anything in place of the first two arguments', async () => {
  for (const [name, call] of FUNCTIONS) {
    await answers(`${name}()`, () => call())
    if (/^(openWords|loadMnist)$/.test(name)) continue // without options they read a million words, 70,000 digits
    for (const first of ANYTHING) {
      for (const second of ANYTHING) await answers(`${name}(${say(first)}, ${say(second)})`, () => call(first, second))
    }
  }
  assert.equal(failures.join('\n'), '')
})

/** What stands in one place while all others are good. */
const HOSTILE: readonly unknown[] = [
  undefined,
  null,
  -1,
  Number.NaN,
  'x',
  3n,
  Symbol('s'),
  () => 1,
  {},
  [null],
  Object.create(null),
]
/** They read a million words or 70,000 digits where an option is missing. */
const SLOW = /^(openWords|loadMnist)$/
/** Their fields are those of a run, which is on the disk: the checks of a config have tests of their own. */
const OF_RUNS = /^(resumeRunFolder|openTask)$/

test('one bad argument beside good ones', async () => {
  for (const [name, call] of FUNCTIONS) {
    if (SLOW.test(name)) continue
    const { length } = GOOD[name]!()
    for (let at = 0; at < length; at++) {
      const good = GOOD[name]!()
      for (const value of HOSTILE) {
        const args = good.with(at, value)
        await answers(`${name}(argument ${at}: ${say(value)})`, () => call(...args))
      }
    }
  }
  assert.equal(failures.join('\n'), '')
})

type Place = readonly string[]

/** The fields of plain data, and of what they hold, as paths; of an array the first and the last element. */
function placesIn(value: unknown, depth = 3): Place[] {
  if (depth === 0 || !isPlain(value)) return []
  const keys = Object.keys(value)
  const some = Array.isArray(value) ? [...new Set([keys[0], keys.at(-1)])] : keys
  return some.flatMap((key) =>
    key === undefined ? [] : [[key], ...placesIn((value as never)[key], depth - 1).map((rest) => [key, ...rest])],
  )
}

function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false
  if ('dispose' in value) return false // a backend: what it has is its own
  const prototype = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === Array.prototype
}

/** A copy in which one place is another value; DELETED: it is not there. */
function changed(value: unknown, [key, ...rest]: Place, other: unknown): unknown {
  if (key === undefined) return other
  const copy = (Array.isArray(value) ? [...value] : { ...(value as object) }) as Record<string, unknown>
  if (rest.length === 0 && other === DELETED) delete copy[key]
  else copy[key] = changed(copy[key], rest, other)
  return copy
}

const DELETED = Symbol('deleted')

test('one field of plain data deleted or bad', async () => {
  for (const [name, call] of FUNCTIONS) {
    if (SLOW.test(name) || OF_RUNS.test(name)) continue
    for (const [at, argument] of GOOD[name]!().entries()) {
      for (const place of placesIn(argument)) {
        const good = GOOD[name]!()
        for (const value of [DELETED, ...HOSTILE]) {
          const args = good.with(at, changed(good[at], place, value))
          await answers(`${name}(argument ${at}: ${place.join('.')}: ${say(value)})`, () => call(...args))
        }
      }
    }
  }
  assert.equal(failures.join('\n'), '')
})

test('methods of what is returned, with anything as one of their arguments', async () => {
  for (const [name, call] of FUNCTIONS) {
    if (SLOW.test(name)) continue
    const made = await call(...GOOD[name]!())
    if (typeof made !== 'object' || made === null || Symbol.iterator in made || ArrayBuffer.isView(made)) continue
    const methods = made as Record<string, Call>
    const isPublic = (method: string) => INTERFACES[name]?.includes(method) ?? true
    for (const method of methodsOf(made).filter(isPublic)) {
      for (const value of HOSTILE) {
        await answers(`${name}().${method}(${say(value)})`, () => methods[method]!(value))
        await answers(`${name}().${method}(…, ${say(value)})`, () => methods[method]!({}, value))
      }
    }
  }
  assert.equal(failures.join('\n'), '')
})

/** Classes have private methods too, which their interfaces do not; the kernels of a backend are not public. */
const INTERFACES: Readonly<Record<string, readonly string[]>> = {
  createModel: membersOf('src/model/model.ts', 'Model').methods,
  loadModel: membersOf('src/model/model.ts', 'Model').methods,
  importOnnx: membersOf('src/model/model.ts', 'Model').methods,
  createIteration: membersOf('src/train/iteration.ts', 'Iteration').methods,
  createRunFolder: membersOf('src/runs/writer.ts', 'RunFolder').methods,
  createBackend: [],
  createBackendSync: [],
}

/** Own ones and those of its class, but for what ends it. */
function methodsOf(made: object): string[] {
  const names = new Set<string>()
  for (let at = made; at !== Object.prototype && at !== null; at = Object.getPrototypeOf(at)) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(at))) {
      if (typeof value === 'function') names.add(name)
    }
  }
  return [...names].filter((name) => !/^(constructor|dispose|return|throw|close)$/.test(name))
}

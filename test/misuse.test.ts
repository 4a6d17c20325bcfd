/**
 * What a program without types may pass: every method of a model answers a value or one line; functions are in
 * exports.test.ts.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { InputError } from '../src/error.ts'
import * as library from '../src/index.ts'
import { membersOf } from './support/members.ts'

const { adding, classification, createBackend, createModel, evaluate, irnn, loadModel, lstm, regression, train } =
  library
const backend = await createBackend({ name: 'reference' })
const spec = { input: 2, rnn: lstm(3), head: classification(2) }
const model = createModel(spec, { backend })
const own = createModel({ input: 2, rnn: irnn(3), head: regression(1) }, { backend })
const task = adding({ T: 4, train: 20, test: 5 })
const batch = { T: 2, B: 1, x: [1, 2, 3, 4], y: [1] }

const ANYTHING: readonly unknown[] = [
  undefined,
  null,
  5,
  Number.NaN,
  '',
  'x',
  true,
  3n,
  Symbol('s'),
  () => 1,
  {},
  [],
  [1, 2],
  new Map(),
  Promise.resolve(1),
  new Uint8Array(9),
  { x: [1], y: [2] },
  { T: 1, B: 1 },
  { B: 1, h: [1], c: 1 },
  Object.create(null),
]

/** @throws unless it gives a value or an InputError of one line; a promise and a run are waited for */
async function answers(what: string, call: () => unknown): Promise<void> {
  try {
    const value = await call()
    const run = value as Partial<library.Run> | null
    if (typeof run?.next === 'function' && typeof run.getState === 'function') await run.next()
  } catch (error) {
    assert.ok(error instanceof InputError, `${what}: ${error}`)
    assert.ok(!error.message.includes('\n'), error.message)
  }
}

const OBJECTS = {
  model: { object: model, ...membersOf('src/model/model.ts', 'Model') },
  plan: { object: model.plan({ T: 2, B: 1 }), ...membersOf('src/model/plan.ts', 'Plan') },
  stepper: { object: model.stepper(), ...membersOf('src/model/stepper.ts', 'Stepper') },
}

test('methods, with anything as their arguments, before and after good calls', async () => {
  for (const [what, { object, methods }] of Object.entries(OBJECTS)) {
    for (const name of methods.filter((name) => name !== 'dispose')) {
      const call = (...args: unknown[]) =>
        (object as never as Record<string, (...args: unknown[]) => unknown>)[name]!(...args)
      for (const forward of [false, true]) {
        if (forward && what === 'plan') OBJECTS.plan.object.forward(batch)
        await answers(`${what}.${name}()`, () => call())
        for (const first of [...ANYTHING, batch]) {
          for (const second of ANYTHING) await answers(`${what}.${name}(…)`, () => call(first, second))
        }
      }
    }
  }
})

const said: readonly [string, () => unknown, RegExp][] = [
  [
    'data in place of a task',
    () => train(own, { x: [1], y: [2] } as never),
    /^task: expected a Task, as adding\(\) makes one, but received an object with x, y: /,
  ],
  ['no task', () => evaluate(own, undefined as never), /^task: expected a Task, .* but received undefined/],
  [
    'half a task',
    () => train(own, { ...task, testSize: '5' } as never),
    /^task: testSize: expected a number but received "5"$/,
  ],
  [
    'no options of createModel',
    () => createModel(spec, undefined as never),
    /^createModel: expected \{ backend \} but received undefined: write createModel\(spec, \{ backend \}\)$/,
  ],
  [
    'a backend in place of the options',
    () => createModel(spec, backend as never),
    /^createModel: expected \{ backend \} but received a backend: write /,
  ],
  [
    'no await',
    () => createModel(spec, { backend: createBackend() } as never),
    /^backend: expected what createBackend\(\) gives but received a promise: await it$/,
  ],
  [
    'no await, and in place of the options',
    () => createModel(spec, createBackend() as never),
    /^createModel: expected \{ backend \} but received a promise: await it: /,
  ],
  [
    'a path of a model',
    () => loadModel('model.safetensors' as never, { backend }),
    /^safetensors file: expected its bytes, .* but received "model.safetensors": read the file first$/,
  ],
  [
    'no file',
    () => loadModel(undefined as never, { backend }),
    /^safetensors file: expected its bytes, .* but received undefined/,
  ],
  [
    'no options of plan',
    () => model.plan(undefined as never),
    /^plan: expected options in an object but received undefined$/,
  ],
  [
    'no batch',
    () => model.forward(undefined as never),
    /^batch: expected an object with T, B and x, bytes or tokens but received undefined$/,
  ],
  [
    'a controller in place of its signal',
    () => train(own, task, { signal: new AbortController() as never }),
    /^signal: expected an AbortSignal, .* but received an AbortController: of an AbortController give its signal$/,
  ],
  [
    'a number as a signal',
    () => train(own, task, { signal: 5 as never }),
    /^signal: expected an AbortSignal, or an object with aborted, but received 5: /,
  ],
  [
    'a number to resume from',
    () => train(own, task, { resume: 5 as never }),
    /^resume: expected what run\.getState\(\) gives but received 5$/,
  ],
  [
    'true for checkpoints',
    () => train(own, task, { checkpoints: true as never }),
    /^checkpoints: expected options in an object but received true$/,
  ],
]
for (const [name, call, message] of said) {
  test(`${name}: the message says what is expected`, async () => {
    await assert.rejects(async () => call(), { name: 'InputError', message })
  })
}

test('a model in any view of its bytes loads', () => {
  const file = library.saveModel(model)
  const larger = new Uint8Array(file.length + 8)
  larger.set(file, 3)
  const forms = [file, file.buffer, new DataView(file.buffer), Buffer.from(file), larger.subarray(3, 3 + file.length)]
  const shared = new SharedArrayBuffer(file.length)
  new Uint8Array(shared).set(file)
  for (const form of [...forms, shared, new Uint8Array(shared)]) {
    assert.deepEqual(loadModel(form, { backend }).weights, model.weights)
  }
})

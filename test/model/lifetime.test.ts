/**
 * The life of all that holds memory: backends, models, plans, steppers, trainings, optimisers. After its end, or that
 * of what it was made from, every call throws one line, on every backend, and nobody's memory is read or written.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Engine } from '../../src/backend/backend.ts'
import { availableBackends, createEngine } from '../../src/backend/choose.ts'
import { DISPOSE } from '../../src/backend/lifetime.ts'
import { solo } from '../../src/distributed/group.ts'
import * as library from '../../src/index.ts'
import {
  adding,
  createIteration,
  createModel,
  irnn,
  type Model,
  regression,
  train,
  trainSpec,
} from '../../src/index.ts'
import { encodeCheckpoint } from '../../src/runs/checkpoint.ts'
import { groupIteration } from '../../src/train/iteration.ts'
import { startRun } from '../../src/train/loop.ts'
import { functionsOf, interfacesOf, type Members, membersOf, sources } from '../support/members.ts'

const SPEC = { input: 2, rnn: irnn(5, { inputStd: 0.1 }), head: regression(1, { steps: 'every' }) } as const
const LAST = { ...SPEC, head: regression(1) }
const BATCH = { T: 2, B: 1, x: new Float32Array(4).fill(1), y: new Float32Array(2) }
const TASK = adding({ T: 5, train: 50, test: 20 })
const ENDED = /^[a-z]+: (it|its (model|backend)) is disposed of: [a-z(). ]+$/i

const INTERFACES: Readonly<Record<string, Members>> = {
  model: membersOf('src/model/model.ts', 'Model'),
  plan: membersOf('src/model/plan.ts', 'Plan'),
  stepper: membersOf('src/model/stepper.ts', 'Stepper'),
  training: membersOf('src/train/iteration.ts', 'Iteration'),
  optimizer: membersOf('src/train/optim.ts', 'Optimizer'),
}

/** One of each, used once. */
function make(backend: Engine) {
  const model = createModel(LAST, { backend, seed: 1 })
  const plan = model.plan({ T: 2, B: 1, inputGradient: true })
  plan.forward(BATCH)
  plan.loss({ ...BATCH, y: [1] }, { reduction: 'mean', gradient: true })
  plan.backward(BATCH)
  const stepper = model.stepper()
  stepper.step([1, 1])
  model.forward(BATCH)
  model.step([1, 1])
  const training = createIteration(model, TASK, trainSpec({ iterations: 5 }))
  training.iterate()
  return { model, plan, stepper, training, optimizer: training.optimizer }
}

/** Another model in the memory that has come back, filled with a pattern; says whether it was touched. */
function neighbour(backend: Engine): () => void {
  const others = Array.from({ length: 4 }, (_, i) => createModel(SPEC, { backend, seed: 10 + i }))
  const plans = others.map((other) => other.plan({ T: 4, B: 2 }))
  const sums = () => others.map(({ weights }) => Array.from(weights).join())
  const before = sums()
  return () => {
    assert.deepEqual(sums(), before, 'the weights of another model')
    for (const { dispose } of plans) assert.equal(typeof dispose, 'function')
  }
}

/** Typed arrays that can be reached through a property. */
function views(value: unknown, seen: Set<unknown> = new Set()): unknown[] {
  if (typeof value !== 'object' || value === null || seen.has(value)) return []
  seen.add(value)
  return ArrayBuffer.isView(value) ? [value] : Object.values(value).flatMap((part) => views(part, seen))
}

/** Every method throws; every property throws, or is plain data. */
async function refusesAll(what: string, object: object): Promise<void> {
  const { methods, properties } = INTERFACES[what]!
  const members = object as Record<string, unknown>
  for (const name of methods.filter((name) => name !== 'dispose')) {
    const call = async () => (members[name] as (...args: unknown[]) => unknown).call(object)
    await assert.rejects(call, { name: 'InputError', message: ENDED }, `${what}.${name}()`)
  }
  const data = properties.filter(
    (name) => !['model', 'task', 'stream', 'optimizer', 'generator', 'backend'].includes(name),
  )
  for (const name of data) {
    let value: unknown
    try {
      value = members[name]
    } catch (error) {
      assert.match((error as Error).message, ENDED, `${what}.${name}`)
      continue
    }
    assert.deepEqual(views(value), [], `${what}.${name} shows memory`)
  }
}

const kinds = await availableBackends()
const fresh = (options: (typeof kinds)[number]) =>
  createEngine({ ...options, ...(options.name !== 'reference' && { threads: 2 }) })

for (const options of kinds) {
  const label = `${options.name} ${options.instructionSet ?? ''}`.trim()
  describe(label, () => {
    for (const what of Object.keys(INTERFACES) as (keyof ReturnType<typeof make>)[]) {
      test(`${what}: after dispose every call is refused, once more is harmless`, async () => {
        const backend = await fresh(options)
        const object = make(backend)[what]
        object.dispose()
        const untouched = neighbour(backend)
        object.dispose()
        object[DISPOSE]()
        await refusesAll(what, object)
        untouched()
        backend.dispose()
      })
    }

    for (const end of ['model', 'backend'] as const) {
      test(`after dispose of the ${end} all that was made from it refuses`, async () => {
        const backend = await fresh(options)
        const made = make(backend)
        const ended = end === 'model' ? made.model : backend
        ended[DISPOSE]()
        const untouched = end === 'model' ? neighbour(backend) : () => {}
        for (const [what, object] of Object.entries(made)) await refusesAll(what, object)
        for (const object of Object.values(made)) object.dispose()
        untouched()
        backend.dispose()
      })
    }

    test('a backend that is disposed of makes no model and loads none', async () => {
      const backend = await fresh(options)
      const file = library.saveModel(createModel(SPEC, { backend }))
      const kernel = backend.scale
      backend.dispose()
      backend.dispose()
      const message = 'backend: it is disposed of: create another with createBackend()'
      assert.throws(() => createModel(SPEC, { backend }), { name: 'InputError', message })
      assert.throws(() => library.loadModel(file, { backend }), { name: 'InputError', message })
      assert.throws(() => backend.floats(1), { message })
      assert.throws(() => backend.scale(1, 1, new Float32Array(1)), { message })
      if (options.name === 'wasm') assert.throws(() => kernel(1, 1, new Float32Array(1)), /disposed of/)
    })

    test('dispose of the model or the backend inside the loop ends the run at its next step', async () => {
      for (const end of ['model', 'backend'] as const) {
        const backend = await fresh(options)
        const model = createModel(LAST, { backend, seed: 1 })
        const seen: string[] = []
        let untouched = () => {}
        const run = async () => {
          for await (const { type } of train(model, TASK, { iterations: 50, evalEvery: 50 })) {
            if (seen.push(type) > 1) continue
            if (end === 'backend') backend.dispose()
            else model.dispose()
            if (end === 'model') untouched = neighbour(backend)
          }
        }
        await assert.rejects(run, { name: 'InputError', message: ENDED })
        assert.deepEqual(seen, ['step'])
        untouched()
        backend.dispose()
      }
    })
  })
}

const TAKE_A_MODEL: Readonly<Record<string, (model: Model) => unknown>> = {
  saveModel: library.saveModel,
  modelParts: library.modelParts,
  read: (model) => library.read(model, BATCH.x),
  gradientFlow: (model) => library.gradientFlow(model, BATCH.x, [1]),
  connectivity: (model) => library.connectivity(model, BATCH.x, 0, 0),
  exportOnnx: library.exportOnnx,
  train: (model) => train(model, TASK).next(),
  startRun: (model) => startRun(model, TASK, trainSpec()).next(),
  createIteration: (model) => createIteration(model, TASK, trainSpec()),
  groupIteration: (model) => groupIteration(model, TASK, trainSpec(), solo()),
  evaluate: (model) => library.evaluate(model, TASK),
  encodeCheckpoint: (model) =>
    encodeCheckpoint(model, { optimizer: {}, carried: null } as never, {} as never, {} as never),
}

test('every function that takes a model refuses one that is disposed of, and what is none', async () => {
  const backend = await createEngine({ name: 'reference' })
  const model = createModel(LAST, { backend })
  const { spec } = model
  model.dispose()
  for (const call of Object.values(TAKE_A_MODEL)) {
    await assert.rejects(async () => call(model), { name: 'InputError', message: ENDED })
    for (const none of [undefined, null, 5, 'model', {}, { spec }, Promise.resolve(model)]) {
      const message = /^model: expected what createModel or loadModel gives but received /
      if (call !== TAKE_A_MODEL.encodeCheckpoint)
        await assert.rejects(async () => call(none as never), { name: 'InputError', message })
    }
  }
  const files = sources().filter((name) => !name.startsWith('src/train/clip'))
  const found = files.flatMap((name) => functionsOf(name, 'Model'))
  const inside = ['modelOf', 'modelTensors', 'refuseMisfit', 'networkForecasts', 'networkOutputs', 'probabilitiesOf']
  inside.push('finiteTensors', 'onnxGraph', 'randomCase', 'expectedOf', 'checkOnnx', 'exportFit')
  inside.push('recorded', 'refitted', 'streamBuffers')
  inside.push('stateSession', 'refuseOtherModel', 'runnerOf', 'servedModel')
  assert.deepEqual(found.filter((name) => !inside.includes(name)).sort(), Object.keys(TAKE_A_MODEL).sort())
})

test('what can be disposed of is tested here', () => {
  // A backend has no plan of its own to read: its tests are above. An accumulator belongs to an iteration, which alone
  // gives it back. Fitted runs are tested with their data.
  const tested = [
    'Backend',
    'Mortal',
    'Engine',
    'Accumulator',
    'FittedRun',
    'LabelRun',
    'Model',
    'Plan',
    'Stepper',
    'Iteration',
    'Optimizer',
  ]
  assert.deepEqual(interfacesOf(/\b(Async)?Disposable\b|\bMortal\b/).sort(), tested.sort())
  assert.equal(Object.keys(INTERFACES).length, tested.length - 6)
})

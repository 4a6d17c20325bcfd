/** Makers and calls refuse options that do not exist: a misspelt one would do nothing. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { referenceBackend } from '../src/backend/reference/index.ts'
import { labelling, nextItem, openTable, parseSchema } from '../src/data.ts'
import * as library from '../src/index.ts'
import { loadMnist, openTask, openWords } from '../src/node.ts'
import { refused } from './support/refused.ts'

const { adam, adding, classification, createModel, irnn, lstm, muon, regression, stepRate } = library
const backend = referenceBackend()
const spec = { input: 2, rnn: lstm(3), head: classification(2) }
const model = createModel(spec, { backend })
const task = adding({ T: 4, train: 20, test: 5 })
const batch = { T: 1, B: 1, x: [1, 2], y: [1] }
const plan = model.plan({ T: 1, B: 1 })
const file = library.saveModel(model)
const own = createModel({ input: 2, rnn: irnn(2), head: regression(1) }, { backend })

/** Every call that takes options, given these. */
const CALLS: Readonly<Record<string, (options: object) => unknown>> = {
  sgd: library.sgd,
  rmsprop: library.rmsprop,
  adam,
  muon,
  'muon: adam': (options) => muon({ adam: options }),
  constantRate: library.constantRate,
  cosineRate: library.cosineRate,
  stepRate: (options) => stepRate({ every: 5, ...options }),
  halvingRate: library.halvingRate,
  growingLengths: library.growingLengths,
  irnn: (options) => irnn(3, options),
  relu: (options) => library.relu(3, options),
  tanh: (options) => library.tanh(3, options),
  lstm: (options) => lstm(3, options),
  gru: (options) => library.gru(3, options),
  classification: (options) => classification(2, options),
  regression: (options) => regression(2, options),
  createModel: (options) => createModel(spec, { backend, ...options }),
  loadModel: (options) => library.loadModel(file, { backend, ...options }),
  plan: (options) => model.plan({ T: 1, B: 1, ...options }),
  'plan: dropout': (options) => model.plan({ T: 1, B: 1, dropout: { p: 0.5, seed: 1, iteration: 0, ...options } }),
  stepper: (options) => model.stepper(options),
  'model.forward': (options) => model.forward(batch, options),
  'plan.loss': (options) => {
    plan.forward(batch)
    return plan.loss(batch, { reduction: 'mean', gradient: true, ...options })
  },
  'plan.backward': (options) => {
    plan.forward(batch)
    plan.loss(batch, { reduction: 'mean', gradient: true })
    return plan.backward(batch, options)
  },
  training: library.trainSpec,
  checkpoints: (options) => library.train(own, task, { checkpoints: options }),
  'adding problem': adding,
}

for (const [name, call] of Object.entries(CALLS)) {
  test(`${name}: options that do not exist are refused`, () => {
    call({})
    const unknown = /(no such option; |unknown key "nonsense")/
    refused(() => call({ nonsense: 1 }), unknown)
    refused(() => call({ nonsense: undefined }), unknown)
    refused(() => call({ nonsense: 1 }), new RegExp(`^${name}: `))
  })
}

test('evaluate and createBackend, which return promises, refuse them too', async () => {
  const message = /^createBackend: thread: no such option; did you mean threads\?$/
  await assert.rejects(library.createBackend({ thread: 2 } as object), { name: 'InputError', message })
  await assert.rejects(
    library.createBackend('wasm' as never),
    /^InputError: createBackend: expected options in an object/,
  )
  await assert.rejects(library.evaluate(own, task, { bacth: 2 } as object), /^InputError: evaluate: bacth: .* batch\?$/)
  await assert.rejects(
    library.evaluate(own, task, { batch: 0 }),
    /^InputError: evaluate: batch: expected a whole number/,
  )
})

test('what was meant is said', () => {
  refused(() => adam({ learningRate: 1 } as object), /^adam: learningRate: no such option; did you mean lr\?$/)
  refused(() => lstm(8, { dropout: 0.5 } as object), /^lstm: dropout: no such option; there are forgetBias, layers, /)
  refused(
    () => library.cosineRate({ warmUp: 5 } as object),
    /^cosineRate: warmUp: no such option; did you mean warmup\?$/,
  )
  refused(() => model.plan({ t: 4, B: 1 } as never), /^plan: t: no such option; did you mean T\?$/)
  refused(() => library.trainSpec({ learningRates: 1 } as never), /^training: unknown key "learningRates"/)
  refused(() => library.trainSpec({ iteration: 5 } as never), /; did you mean iterations\?$/)
})

test('options of another type are refused where they would be taken for true', () => {
  for (const name of ['training', 'inputGradient', 'logits'])
    refused(
      () => model.plan({ T: 1, B: 1, [name]: 'no' }),
      new RegExp(`^plan: ${name}: expected true or false but received "no"`),
    )
  plan.forward(batch)
  const loss = (options: object) => () => plan.loss(batch, { reduction: 'mean', gradient: true, ...options })
  refused(loss({ reduction: 'max' }), /^plan\.loss: reduction: expected one of mean, sum but received "max"$/)
  refused(loss({ gradient: 1 }), /^plan\.loss: gradient: expected true or false but received 1$/)
})

test('what belongs to a spec and is misspelt is said, also where it is missing for that', () => {
  const unknown = (key: string, meant: string) =>
    new RegExp(`unknown key "${key}": remove it or correct its spelling; did you mean ${meant}\\?$`)
  const made = (wrong: object) => () => createModel({ ...spec, ...wrong } as never, { backend })
  const { head, ...headless } = spec
  refused(() => createModel({ ...headless, haed: head } as never, { backend }), unknown('haed', 'head'))
  refused(made({ input: { vocabulry: 2, embedding: 3 } }), unknown('vocabulry', 'vocabulary'))
  refused(made({ input: { size: 2, vocabulary: 2, embeding: 3 } }), unknown('embeding', 'embedding'))
  refused(made({ input: { siez: 2 } }), unknown('siez', 'size'))
  refused(made({ rnn: { celll: 'lstm', hidden: 2 } }), unknown('celll', 'cell'))
  refused(() => library.trainSpec({ optimizer: { knd: 'adam' } } as never), unknown('knd', 'kind'))
})

test('the data of tasks and tables: misspelt words and values of another type, at any depth', async () => {
  const run = (name: string) => ({ dir: 'x', config: { task: { name, options: {} } } })
  const calls: [() => unknown, RegExp][] = [
    [() => openTask(run('words'), { dat: 'x' }), /^openTask: dat: no such option; did you mean data\?$/],
    [() => openTask(run('words'), { data: { file: 'x' } }), /^openTask: data: expected a string but received an obj/],
    [() => openTask(run('mnist'), { data: 5 }), /^openTask: data: expected a string but received 5$/],
    [() => openTask(run('phones'), { data: 'x', skipBad: { all: true } }), /^openTask: skipBad: expected a boolean/],
    [() => openTask(run('phones'), { data: 'x', alignments: 'x' }), /^openTask: alignments: expected an array/],
    [() => openTask({ ...run('adding'), dir: 5 as never }), /^openTask: dir: expected a string but received 5$/],
    [async () => openWords({}, { choice: { sze: 3 } as object }), /^openWords: choice: sze: .*did you mean size\?$/],
    [() => loadMnist({ sums: { trainImage: 'x' } as never }), /^loadMnist: sums: trainImage: .*mean trainImages\?$/],
    [() => loadMnist({ mirrors: 'x' as never }), /^loadMnist: mirrors: expected an array of addresses/],
    [async () => parseSchema({ kind: 'forcast' }), /^schema: kind: .*; did you mean forecast\?$/],
  ]
  const table = await openTable([{ id: 1, word: 'a' }])
  calls.push(
    [async () => labelling(table, { labl: 'word' } as never), /^labelling: labl: .*did you mean label\?$/],
    [async () => labelling(table, {} as never), /^labelling: label: expected a string but received undefined$/],
    [async () => nextItem(table, { next: 'word', ids: 'id' } as never), /^nextItem: ids: .*did you mean id\?$/],
  )
  for (const [call, message] of calls) await assert.rejects(async () => call(), { name: 'InputError', message })
})

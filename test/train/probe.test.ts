// What is measured of a run beside what training needs: right, on every backend, and no bit of the run is changed.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { alertEvents, alertLine, alertWatch } from '../../src/figures/alerts.ts'
import {
  adding,
  type Backend,
  createBackend,
  createModel,
  encodeEvent,
  InputError,
  type Iteration,
  irnn,
  lstm,
  type Model,
  type ProbeEvent,
  regression,
  type StepEvent,
  sgd,
  type TrainEvent,
  type TrainOptions,
  tanh,
  train,
} from '../../src/index.ts'
import { extras } from '../../src/train/extras.ts'
import { Looking, probedSequences } from '../../src/train/looking.ts'
import { backends } from '../support/backends.ts'

const TASK = adding({ T: 7, train: 60, test: 20 })
const OPTIONS: TrainOptions = { batch: 4, iterations: 30, stepEvery: 10, evalEvery: 15, evalBatch: 20 }
const SPEC = { input: 2, rnn: irnn(6, { inputStd: 0.3 }), head: regression(1) }

async function events(model: Model, options: TrainOptions, task = TASK): Promise<TrainEvent[]> {
  const seen: TrainEvent[] = []
  for await (const event of train(model, task, { ...options, extras })) seen.push(event)
  return seen
}

const isProbe = (event: TrainEvent): event is ProbeEvent => event.type === 'probe'
const isStep = (event: TrainEvent): event is StepEvent => event.type === 'step'

function timeless(seen: readonly TrainEvent[]): string[] {
  return seen
    .filter((event) => !isProbe(event))
    .map((event) =>
      encodeEvent({ ...event, seconds: 0, ...(isStep(event) && { iterationsPerSecond: 0 }) } as TrainEvent),
    )
}

for (const { label, backend } of backends) {
  describe(label, () => {
    for (const more of [{}, { average: 0.9 }]) {
      test(`a run with probes has the weights and records of one without ${JSON.stringify(more)}`, async () => {
        using one = createModel(SPEC, { backend, seed: 3 })
        using other = createModel(SPEC, { backend, seed: 3 })
        const without = await events(one, { ...OPTIONS, ...more })
        const probed = await events(other, { ...OPTIONS, ...more, probeEvery: 5 })
        assert.deepEqual(other.weights, one.weights)
        assert.deepEqual(timeless(probed), timeless(without))
        assert.deepEqual(
          probed.filter(isProbe).map(({ iteration }) => iteration),
          [0, 5, 10, 15, 20, 25, 30],
        )
      })
    }
  })
}

async function withBackend<R>(work: (backend: Backend) => Promise<R>): Promise<R> {
  using backend = await createBackend({ name: 'reference' })
  return await work(backend)
}

test('updateRatio is what the last iteration did to the weights; units are alive, or saturated', () =>
  withBackend(async (backend) => {
    using model = createModel(SPEC, { backend, seed: 3 })
    using before = createModel(SPEC, { backend, seed: 3 })
    const options = { ...OPTIONS, optimizer: sgd({ lr: 0.1 }) }
    await events(before, { ...options, iterations: 9 })
    const step = (await events(model, { ...options, iterations: 10 })).find(isStep)!
    const norm = (values: number[]) => Math.hypot(...values)
    const change = Array.from(model.weights, (value, i) => value - before.weights[i]!)
    assert.ok(Math.abs(step.updateRatio! - norm(change) / norm(Array.from(before.weights))) < 1e-12)
    assert.ok(step.aliveUnits! > 0 && step.aliveUnits! <= 1)
    assert.equal(step.saturatedShare, undefined)

    using dead = createModel(SPEC, { backend })
    for (const { name, data } of dead.parameters) if (name.startsWith('rnn.')) data.fill(-1)
    assert.equal((await events(dead, options)).find(isStep)!.aliveUnits, 0)

    for (const rnn of [tanh(6), lstm(6)]) {
      using full = createModel({ ...SPEC, rnn }, { backend })
      const { aliveUnits, saturatedShare } = (await events(full, options)).find(isStep)!
      assert.equal(aliveUnits, undefined)
      assert.ok(saturatedShare! >= 0 && saturatedShare! <= 1)
    }
    using saturated = createModel({ ...SPEC, rnn: tanh(6) }, { backend })
    for (const { name, data } of saturated.parameters) if (name.startsWith('rnn.bias')) data.fill(5)
    assert.equal((await events(saturated, options)).find(isStep)!.saturatedShare, 1)
  }))

test('tanh over 100 steps: an alert says that the gradient vanishes, by how many decades, and what helps', () =>
  withBackend(async (backend) => {
    const task = adding({ T: 100, train: 8, test: 8 })
    const rnn = tanh(20, { recurrent: { kind: 'gaussian', std: 0.1 } })
    using model = createModel({ ...SPEC, rnn }, { backend })
    const options = { ...OPTIONS, iterations: 2, stepEvery: 10, evalEvery: 2, probeEvery: 1 }
    const watch = alertWatch()
    const seen = await events(model, options, task)
    const alerts = seen.flatMap((event) => alertEvents(event, watch.add(event)))
    const [probe] = seen.filter(isProbe)
    assert.equal(alerts.length, 1, 'once, not at every probe')
    assert.deepEqual([alerts[0]!.kind, alerts[0]!.iteration, alerts[0]!.found], ['vanishing', 0, 'probe'])
    const decades = -Number(probe!.decades.toPrecision(2))
    assert.ok(decades > 10)
    assert.equal(
      alertLine(alerts[0]!),
      `iteration 0: the gradient vanishes by ${decades} decades on its way back over 100 steps: what comes early is ` +
        'not learnt: try the irnn or lstm cell, or shorter sequences',
    )
  }))

test('an IRNN before its first iteration: flat to 1e-5 while its units live', () =>
  withBackend(async (backend) => {
    const task = adding({ T: 100, train: 8, test: 8 })
    using model = createModel({ ...SPEC, rnn: irnn(20, { inputStd: 0.001 }) }, { backend })
    // A bias that outweighs the inputs: all units stay above 0.
    model.parameters.find(({ name }) => name === 'rnn.bias_ih_l0')!.data.fill(0.01)
    const seen = await events(model, { ...OPTIONS, iterations: 1, probeEvery: 5 }, task)
    const [{ flow, activeT, verdict, rho }] = seen.filter(isProbe) as [ProbeEvent]
    assert.ok(Math.max(...flow) - Math.min(...flow) < 1e-5)
    assert.ok(activeT.every((share) => share > 0.99))
    assert.deepEqual([verdict, rho], ['carried', 1])
  }))

test('the probes that cannot be are refused', () =>
  withBackend(async (backend) => {
    using model = createModel({ ...SPEC, rnn: irnn(4, { bidirectional: true }) }, { backend })
    assert.throws(
      () => train(model, TASK, { ...OPTIONS, probeEvery: 5, extras }),
      (error: Error) =>
        error instanceof InputError &&
        /^training: probeEvery: expected 0, no probes, but received 5: a bidirectional/.test(error.message),
    )
    assert.throws(() => train(model, TASK, { probeEvery: -1 }), /probeEvery: expected a number >= 0 but received -1/)
  }))

test('a probe takes fewer sequences of more steps; where not even one has room there is none', () =>
  withBackend(async (backend) => {
    using model = createModel({ ...SPEC, rnn: lstm(100) }, { backend })
    const of = (T: number) => probedSequences({ T, testSize: 20 }, model.spec)
    assert.deepEqual([7, 2000, 20_000, 20_001, 200_000].map(of), [16, 10, 1, 0, 0])
    const owed = (T: number) => {
      const task = { T, testSize: 20 }
      const work = { model, task, spec: { probeEvery: 5 }, optimizer: { iteration: 0 } }
      return new Looking(work as unknown as Iteration, extras).owesProbe()
    }
    assert.deepEqual([owed(20_000), owed(20_001)], [true, false])
  }))

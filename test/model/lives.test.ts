/**
 * Backends, models, plans, steppers and trainings made, used and disposed of in any order, drawn by a seed: what is
 * alive gives the numbers that it gives alone, and what is over, or was made from what is, refuses.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import type { Engine } from '../../src/backend/backend.ts'
import { availableBackends, createEngine } from '../../src/backend/choose.ts'
import {
  adding,
  type BackendOptions,
  createIteration,
  createModel,
  lstm,
  type Model,
  regression,
  trainSpec,
} from '../../src/index.ts'
import { loadModel, saveModel } from '../../src/model/modelFile.ts'

const TASK = adding({ T: 5, train: 20, test: 5 })
const TRAINING = trainSpec({ iterations: 100, batch: 4 })
const SPEC = { input: 2, rnn: lstm(5), head: regression(1, { steps: 'every' }) } as const
const LAST = { ...SPEC, head: regression(1) } as const
const [T, B] = [6, 3]
const X = Float32Array.from({ length: T * B * 2 }, (_, i) => Math.sin(i))
const Y = Float32Array.from({ length: T * B }, (_, i) => Math.cos(i))

/** What has a life: `use` gives its numbers, the n-th time that it is asked. */
interface Living {
  readonly kind: Kind
  readonly within: Living | null
  readonly object: Disposable & { dispose(): void }
  use(): Iterable<number>
  over: boolean
  uses: number
}

type Kind = 'backend' | 'model' | 'loaded' | 'plan' | 'stepper' | 'training'

const KINDS: Readonly<Record<Kind, Kind | null>> = {
  backend: null,
  model: 'backend',
  loaded: 'backend',
  plan: 'model',
  stepper: 'model',
  training: 'backend',
}

function usePlan(model: Model): { object: Living['object']; use: Living['use'] } {
  const plan = model.plan({ T, B, inputGradient: true })
  const batch = { T, B, x: X, y: Y }
  return {
    object: plan,
    use() {
      plan.forward(batch)
      const { loss } = plan.loss(batch, { reduction: 'mean', gradient: true })
      plan.backward(batch)
      return [loss, ...plan.logits, ...plan.gradients.dense, ...plan.inputGradient!]
    },
  }
}

async function made(kind: Kind, within: Living | null, options: BackendOptions): Promise<Living> {
  const life = (object: Living['object'], use: Living['use']): Living => {
    return { kind, within, object, use, over: false, uses: 0 }
  }
  if (kind === 'backend') {
    const backend = await createEngine({ ...options, ...(options.name !== 'reference' && { threads: 1 }) })
    return life(backend, () => backend.floats(3))
  }
  const backend = (within!.kind === 'backend' ? within : within!.within)!.object as Engine
  if (kind === 'model' || kind === 'loaded') {
    const first = createModel(SPEC, { backend, seed: 3 })
    const model = kind === 'model' ? first : loadModel(saveModel(first), { backend })
    if (model !== first) first.dispose()
    return life(model, () => [...model.weights, ...model.forward({ T, B, x: X }).logits, ...model.step([1, 2]).logits])
  }
  if (kind === 'training') {
    const model = createModel(LAST, { backend, seed: 4 })
    const training = createIteration(model, TASK, TRAINING)
    return life(training, () => {
      training.iterate()
      return model.weights
    })
  }
  const model = within!.object as Model
  if (kind === 'plan') {
    const { object, use } = usePlan(model)
    return life(object, use)
  }
  const stepper = model.stepper({ B })
  return life(stepper, () => stepper.step(X.subarray(0, 2 * B)).slice())
}

const over = (life: Living | null): boolean => life !== null && (life.over || over(life.within))

interface Step {
  readonly what: Kind | 'use' | 'dispose'
  readonly pick: number
}

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    what: fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom('model', 'loaded', 'plan', 'stepper', 'training') },
      { weight: 6, arbitrary: fc.constant('use') },
      { weight: 4, arbitrary: fc.constant('dispose') },
      { weight: 1, arbitrary: fc.constant('backend') },
    ) as fc.Arbitrary<Step['what']>,
    pick: fc.nat(1000),
  }),
  { minLength: 10, maxLength: 60, size: 'max' },
)

/** The numbers of the n-th use, alone in the world. */
function alone(options: BackendOptions): (kind: Kind, n: number) => Promise<readonly number[]> {
  const known = new Map<Kind, { life: Living; numbers: number[][] }>()
  return async (kind, n) => {
    const parent = KINDS[kind]
    if (!known.has(kind)) {
      const grand = parent && KINDS[parent] ? await made(KINDS[parent], null, options) : null
      const within = parent ? await made(parent, grand, options) : null
      known.set(kind, { life: await made(kind, within, options), numbers: [] })
    }
    const { life, numbers } = known.get(kind)!
    while (numbers.length <= n) numbers.push([...life.use()])
    return numbers[n]!
  }
}

async function live(steps: readonly Step[], options: BackendOptions, right: ReturnType<typeof alone>): Promise<void> {
  const lives: Living[] = [await made('backend', null, options)]
  const use = async (life: Living) => {
    if (over(life)) {
      const ended = { name: 'InputError', message: /: (it|its (model|backend)) is disposed of: / }
      assert.throws(() => life.use(), ended, life.kind)
      return
    }
    assert.deepEqual([...life.use()], await right(life.kind, life.uses), life.kind)
    life.uses += 1
  }
  for (const { what, pick } of steps) {
    const life = lives[pick % lives.length]!
    if (what === 'use') await use(life)
    else if (what === 'dispose') {
      life.object.dispose()
      life.over = true
    } else {
      const parents = lives.filter(({ kind }) => kind === KINDS[what] || (kind === 'loaded' && KINDS[what] === 'model'))
      const within = KINDS[what] === null ? null : parents[pick % parents.length]
      if (within === undefined) continue
      if (over(within)) await assert.rejects(made(what, within, options), { name: 'InputError' })
      else lives.push(await made(what, within, options))
    }
  }
  for (const life of lives) await use(life)
  for (const life of lives) life.object.dispose()
}

for (const options of await availableBackends()) {
  test(`${options.name} ${options.instructionSet ?? ''}`.trim(), async () => {
    const right = alone(options)
    const property = fc.asyncProperty(steps, (steps) => live(steps, options, right))
    await fc.assert(property, { seed: 21, numRuns: 25, includeErrorInReport: true })
  })
}

// A stored run is the one that an experiment asks for, or it is said in what it is not.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { difference, planned } from '../../experiments/identity.ts'
import { experiment } from '../../experiments/known.ts'
import { glorot, orthogonal } from '../../src/init.ts'
import { classification, modelSpec } from '../../src/model/spec.ts'
import { modelOf } from '../../src/tasks/network.ts'

test('a run is known by all that decides its numbers', () => {
  const [asked] = experiment('pixel-mnist').runs.filter(({ name }) => name === 'lstm-paper-seed3')
  const spec = planned(asked!)
  const held = {
    recipe: 'paper',
    seed: 3,
    task: { name: 'mnist', options: { digits: 'mnist', order: 'scanline', scale: 'raw', seed: 3 } },
    model: modelSpec(modelOf(spec.recipe, spec.flags, { input: { size: 1 }, head: classification(10) as never })),
    training: spec.training,
  }
  assert.equal(difference(asked!, held), null)
  // As it was once recorded: orthogonal and Glorot, and the training's own draws by another seed.
  const { rnn } = held.model
  const init = { recurrent: orthogonal(), input: glorot() }
  assert.match(difference(asked!, { ...held, model: { ...held.model, rnn: { ...rnn, init } } })!, /^init /)
  assert.match(
    difference(asked!, { ...held, training: { ...held.training, seed: 1 } })!,
    /^training seed 3, .* with 1$/,
  )
  assert.match(difference(asked!, { ...held, seed: 1 })!, /^--seed 3/)
  assert.match(
    difference(asked!, {
      ...held,
      task: { name: 'mnist', options: { ...held.task.options, heldOut: 9, scale: 'unit' } },
    })!,
    /^scale "raw"/,
  )
  assert.match(
    difference(asked!, { ...held, training: { ...held.training, reduction: 'mean' } })!,
    /^training reduction/,
  )
  // Another number of evaluations, a shorter run at a constant rate, an option that there was not yet: the same run.
  const { average: _, ...before } = held.training
  const short = { ...before, evalEvery: 7, iterations: 9 } as unknown as typeof held.training
  assert.equal(difference(asked!, { ...held, training: short }), null)
})

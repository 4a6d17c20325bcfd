// Recipes are complete, say the paper's Table 2, and fit their tasks.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Cell } from '../../src/layers/cells.ts'
import { CELLS } from '../../src/model/spec.ts'
import { recipe, recipeNames } from '../../src/tasks/recipes.ts'
import { trainSpec } from '../../src/train/loop.ts'

test('every mnist recipe is complete for every cell and order', () => {
  assert.deepEqual(recipeNames('mnist'), ['fast', 'paper'])
  for (const name of recipeNames('mnist')) {
    for (const cell of CELLS) {
      for (const permuted of [false, true]) {
        const { training, pixels, hidden, scale, inputStd, outputStd } = recipe('mnist', name, cell, { permuted })
        assert.equal(hidden, 100)
        assert.ok(pixels === (name === 'paper' ? 'raw' : 'unit'))
        assert.equal(scale !== undefined, cell === 'irnn')
        assert.equal(inputStd !== undefined, cell === 'irnn' || (cell === 'tanh' && name === 'fast'))
        assert.equal(outputStd === undefined, inputStd === undefined)
        assert.deepEqual(trainSpec({ ...trainSpec(training) }), trainSpec(training))
      }
    }
  }
  assert.equal(recipe('mnist', undefined, 'irnn').name, 'fast')
})

test('mnist paper is Table 2: rate and clip by cell and order, batch 16, summed', () => {
  const table: [Cell, boolean, number, number][] = [
    ['lstm', false, 0.01, 1],
    ['tanh', false, 1e-8, 10],
    ['relu', false, 1e-8, 10],
    ['irnn', false, 1e-8, 1],
    ['lstm', true, 0.01, 1],
    ['tanh', true, 1e-8, 1],
    ['relu', true, 1e-6, 10],
    ['irnn', true, 1e-9, 1],
  ]
  for (const [cell, permuted, lr, limit] of table) {
    const { training, forgetBias } = recipe('mnist', 'paper', cell, { permuted })
    const { optimizer, clip, batch, reduction, schedule } = trainSpec(training)
    assert.deepEqual(optimizer, { kind: 'sgd', lr, momentum: 0 }, cell)
    assert.deepEqual(clip, { kind: 'derivative', limit }, cell)
    assert.deepEqual([batch, reduction, schedule.kind], [16, 'sum', 'constant'])
    assert.equal(forgetBias, cell === 'lstm' ? 1 : undefined)
  }
})

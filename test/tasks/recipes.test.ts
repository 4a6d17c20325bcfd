// Recipes are complete, say the paper's Table 2, and fit their tasks.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Cell } from '../../src/layers/cells.ts'
import { CELLS } from '../../src/model/spec.ts'
import type { TaskDefinition } from '../../src/tasks/definition.ts'
import { recipeOf } from '../../src/tasks/recipe.ts'
import { taskNamed } from '../../src/tasks/tasks.node.ts'
import { trainSpec } from '../../src/train/options.ts'
import { refused } from '../support/refused.ts'

const [adding, mnist] = ['adding', 'mnist'].map(taskNamed) as [TaskDefinition, TaskDefinition]

test('every mnist recipe is complete for every cell and order', () => {
  assert.deepEqual(Object.keys(mnist.recipes), ['fast', 'best', 'paper'])
  for (const name of Object.keys(mnist.recipes)) {
    for (const cell of CELLS) {
      for (const order of ['scanline', 'permuted']) {
        const recipe = recipeOf(mnist, name, cell, { order })
        const { training, options, hidden, scale, inputStd, outputStd, recurrent } = recipe
        assert.equal(hidden, name !== 'best' ? 100 : order === 'permuted' ? 512 : 256)
        const shifts = name === 'best' && order === 'scanline' ? { shift: 1 } : {}
        assert.deepEqual(options, name === 'paper' ? { scale: 'raw' } : { scale: 'unit', heldOut: 5000, ...shifts })
        assert.equal(scale !== undefined, cell === 'irnn')
        const gated = cell === 'lstm' || cell === 'gru'
        assert.equal(inputStd !== undefined, cell === 'irnn' || (name === 'paper' ? gated : cell === 'tanh'))
        assert.equal(recurrent !== undefined, name === 'paper' && gated)
        assert.equal(outputStd === undefined, inputStd === undefined)
        assert.deepEqual(trainSpec({ ...trainSpec(training) }), trainSpec(training))
      }
    }
  }
  assert.equal(recipeOf(mnist, undefined, 'irnn').name, 'fast')
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
    const { training, forgetBias } = recipeOf(mnist, 'paper', cell, { order: permuted ? 'permuted' : 'scanline' })
    const { optimizer, clip, batch, reduction, schedule } = trainSpec(training)
    assert.deepEqual(optimizer, { kind: 'sgd', lr, momentum: 0 }, cell)
    assert.deepEqual(clip, { kind: 'derivative', limit }, cell)
    assert.deepEqual([batch, reduction, schedule.kind], [16, 'sum', 'constant'])
    assert.equal(forgetBias, cell === 'lstm' ? 1 : undefined)
  }
})

test('every recipe is a complete set of options that training takes', () => {
  assert.deepEqual(Object.keys(adding.recipes), ['fast', 'paper'])
  for (const name of Object.keys(adding.recipes)) {
    for (const cell of ['irnn', 'relu', 'tanh', 'lstm', 'gru'] as const) {
      for (const T of [2, 150, 400, 1000]) {
        const { training, hidden, why } = recipeOf(adding, name, cell, { T })
        assert.equal(trainSpec(training).batch, 16)
        assert.ok(hidden === 100 && why.length > 20)
      }
    }
  }
  assert.equal(recipeOf(adding, 'paper', 'lstm', { T: 200 }).forgetBias, 4)
  refused(() => recipeOf(adding, 'best', 'irnn'), /recipe: expected one of fast, paper for adding but received "best"/)
  refused(
    () => taskNamed('subtracting'),
    /task: expected one of adding, mnist, phones, words but received "subtracting"/,
  )
})

test('adding paper is Table 1: rate, clip and forget bias by length; beyond, and between, those of the next shorter one', () => {
  const table: [number, Cell, number, number, number | undefined][] = [
    [150, 'irnn', 0.01, 100, undefined],
    [200, 'irnn', 0.01, 1, undefined],
    [300, 'irnn', 0.01, 10, undefined],
    [400, 'irnn', 0.01, 1, undefined],
    [150, 'lstm', 0.01, 10, 1],
    [200, 'lstm', 0.001, 100, 4],
    [300, 'lstm', 0.01, 1, 4],
    [400, 'lstm', 0.01, 100, 10],
    [150, 'tanh', 0.01, 100, undefined],
    [9, 'lstm', 0.01, 10, 1],
    [399, 'irnn', 0.01, 10, undefined],
    [5000, 'lstm', 0.01, 100, 10],
  ]
  for (const [T, cell, lr, limit, bias] of table) {
    const { training, forgetBias } = recipeOf(adding, 'paper', cell, { T })
    assert.deepEqual(
      [training.optimizer!.lr, training.clip, forgetBias],
      [lr, { kind: 'norm', limit }, bias],
      `${T} ${cell}`,
    )
  }
})

// Tasks as the command has them: flags that are data, options that follow from them, and no task that needs to be known
// by name.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { trainFlags } from '../../cli/options.ts'
import { InputError } from '../../src/error.ts'
import { nameOf, whole } from '../../src/flag.ts'
import { optionsOf, sayingFlags, type TaskFlag } from '../../src/tasks/definition.ts'
import { TASKS, taskNamed } from '../../src/tasks/tasks.node.ts'
import { trainSpec } from '../../src/train/options.ts'

const options = (task: string, given: object) => optionsOf(taskNamed(task).options, given as Record<string, unknown>)

test('every task: no flag twice, its own name, recipes that are complete', () => {
  for (const task of TASKS) {
    const names = trainFlags(task).map(nameOf)
    assert.equal(new Set(names).size, names.length, task.name)
    for (const [name, recipe] of Object.entries(task.recipes)) {
      const made = recipe('irnn', optionsOf(task.options, {}))
      assert.equal(made.name, name)
      assert.deepEqual(Object.keys(trainSpec(made.training)), Object.keys(trainSpec()))
      for (const key of Object.keys(made.options ?? {})) assert.ok(task.options.some(({ sets }) => sets === key))
    }
  }
})

test('a switch says something where it is missing too; a flag without a default says nothing', () => {
  assert.deepEqual(options('adding', { halves: true, length: 9 }), { T: 9, halves: true, train: 100_000, test: 10_000 })
  assert.deepEqual(options('mnist', {}), { order: 'scanline' })
  assert.deepEqual(options('mnist', { permuted: true, permutationSeed: 7, pixels: 'raw' }), {
    order: 'permuted',
    permutation: 7,
    scale: 'raw',
  })
})

test('a stored run is opened from its options alone', async () => {
  const { open } = taskNamed('adding')
  const stored = { T: 9, train: 20, test: 4, seed: 3, halves: true }
  const { task } = await open({ options: stored, flags: {}, dir: '', say() {}, quiet: true })
  // Of a run that was made before there was a choice of inputs.
  assert.deepEqual(task.options, { ...stored, inputs: 'raw' })
  assert.equal(task.normalisation, undefined)
})

test('what is wrong with an option is said of its flag, and nothing else is touched', async () => {
  const flags: TaskFlag[] = [{ flag: '--train-size <N>', value: whole(), sets: 'trainSize', help: '' }]
  const said = async (message: string) => {
    const work = () => {
      throw new InputError(message)
    }
    return sayingFlags(flags, work).catch((error: Error) => error.message)
  }
  assert.equal(await said('mnist: trainSize: expected less'), '--train-size: expected less')
  assert.equal(await said('mnist: testSize: expected less'), 'mnist: testSize: expected less')
  await assert.rejects(
    sayingFlags(flags, () => Promise.reject(new Error('a: trainSize: b'))),
    /^Error: a: trainSize: b$/,
  )
})

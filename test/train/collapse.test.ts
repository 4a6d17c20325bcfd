// When a training loss has collapsed, and when it has not.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createWatch } from '../../src/train/collapse.ts'

/** What a watch says of stretches of 100 iterations of each loss. */
function watched(losses: readonly number[], watch = createWatch()): (readonly [number, number] | null)[] {
  return losses.map((loss) => {
    let found: readonly [number, number] | null = null
    for (let i = 0; i < 100; i++) {
      const { loss: mean, best } = watch.add(loss) ?? {}
      if (mean !== undefined) found = [mean, best!]
    }
    return found
  })
}

test('ten times the best is one, said once until it has recovered', () => {
  assert.deepEqual(watched([8, 1, 9.75, 10]), [null, null, null, null])
  assert.deepEqual(watched([8, 1, 10.25, 12, 5, 11]), [null, null, [10.25, 1], null, null, null])
  assert.deepEqual(watched([1, 16, 2, 16, 1024]), [null, [16, 1], null, [16, 1], null])
})

test('one bad minibatch is none', () => {
  const watch = createWatch()
  watched([1], watch)
  for (let i = 0; i < 99; i++) assert.equal(watch.add(1), null)
  assert.equal(watch.add(500), null)
})

test('what is not finite is said once too', () => {
  const watch = createWatch()
  assert.equal(watch.addFailure(), true)
  assert.equal(watch.addFailure(), false)
  watched([1], watch)
  assert.equal(watch.addFailure(), true)
})

test('a watch made from the state of another goes on where that stands', () => {
  const first = createWatch()
  watched([1], first)
  for (let i = 0; i < 50; i++) first.add(20)
  const second = createWatch(first.getState())
  for (let i = 0; i < 49; i++) second.add(20)
  assert.deepEqual(second.add(20), { loss: 20, best: 1 })
})

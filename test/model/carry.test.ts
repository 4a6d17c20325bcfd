// State carried from batch to batch, row by row: chunks of a text are the text, and a run killed inside it goes on to
// the same bits.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Batch } from '../../src/batch.ts'
import { InputError } from '../../src/error.ts'
import { createModel } from '../../src/model/model.ts'
import { loadModel } from '../../src/model/modelFile.ts'
import { decodeCheckpoint, encodeCheckpoint } from '../../src/runs/checkpoint.ts'
import { train } from '../../src/train/loop.ts'
import { sgd } from '../../src/train/optim.ts'
import { type TrainOptions, trainSpec } from '../../src/train/options.ts'
import { backends, relativeError } from '../support/backends.ts'
import { allGradients, batch, type Shape, spec } from '../support/models.ts'
import { textTask } from '../support/text.ts'

const B = 3
const SHAPES: Shape[] = [
  { cell: 'irnn', steps: 'every', layers: 2 },
  { cell: 'lstm', steps: 'every', tokens: true },
  { cell: 'gru', steps: 'last' },
]

/** Steps from … to-1 of a batch of one sequence a row, which `y` is not cut of. */
function part(whole: ReturnType<typeof batch>, from: number, to: number, rows: readonly number[]): Batch {
  const I = whole.x ? whole.x.length / (whole.T * whole.B) : 1
  const source = (whole.x ?? whole.tokens)!
  const cut = Float64Array.from({ length: (to - from) * rows.length * I }, (_, n) => {
    const [t, b, i] = [Math.floor(n / (rows.length * I)), Math.floor(n / I) % rows.length, n % I]
    return source[((from + t) * whole.B + rows[b]!) * I + i]!
  })
  const size = { T: to - from, B: rows.length }
  return whole.tokens ? { ...size, tokens: Int32Array.from(cut) } : { ...size, x: cut }
}

for (const { label, backend } of backends)
  for (const shape of SHAPES)
    for (const activationCheckpointing of [false, 16])
      test(`${label}, ${shape.cell}, checkpointing ${activationCheckpointing}: chunks that carry are the whole`, () => {
        const model = createModel(spec(shape), { backend, seed: 5 })
        const plan = model.plan({ T: 40, B, activationCheckpointing })
        const whole = batch(shape, { T: 40, B })
        const final = (rows: readonly number[], from: number) => {
          const { state } = model.forward(part(whole, from, 40, rows))
          return [...state.h, ...(state.c ?? [])]
        }
        const close = (expected: number[]) => {
          const { h, c } = plan.getState()
          assert.ok(relativeError([...h, ...(c ?? [])], expected) < 1e-5)
        }
        const run = (from: number, to: number, rows: readonly number[], carry?: readonly number[]) =>
          plan.forward({ ...part(whole, from, to, rows), ...(carry && { carry: Uint8Array.from(carry) }) })
        const all = [0, 1, 2]
        run(0, 17, all, [0, 0, 0])
        run(17, 20, all, [1, 1, 1])
        run(20, 40, all, [1, 1, 1])
        close(final(all, 0))

        run(0, 21, all, [0, 0, 0])
        run(21, 40, all, [0, 0, 0])
        close(final(all, 21))
        run(0, 21, all, [0, 0, 0])
        run(21, 40, all)
        close(final(all, 21))

        // Fewer rows go on, then as many as before, the last one from zero.
        run(0, 1, all, [0, 0, 0])
        run(1, 2, [0, 1], [1, 1])
        run(2, 40, all, [1, 1, 0])
        const H = 9
        const { h } = plan.getState()
        const fromStart = model.forward(part(whole, 0, 40, all)).state.h
        const fromTwo = model.forward(part(whole, 2, 40, all)).state.h
        for (let row = 0; row < h.length / H; row++) {
          const expected = (row % B === 2 ? fromTwo : fromStart).subarray(row * H, (row + 1) * H)
          assert.ok(relativeError(h.subarray(row * H, (row + 1) * H), expected) < 1e-5, `row ${row}`)
        }

        // A given state goes to the rows that carry; resetState is stronger than carry.
        run(0, 21, all, [0, 0, 0])
        const state = plan.getState()
        run(3, 8, all)
        plan.setState(state)
        run(21, 40, all, [1, 1, 1])
        close(final(all, 0))
        run(0, 21, all)
        plan.resetState()
        run(21, 40, all, [1, 1, 1])
        close(final(all, 21))
        plan.dispose()
        model.dispose()
      })

for (const { label, backend } of backends)
  test(`${label}: a padded row goes on from its last step that counts`, () => {
    const shape: Shape = { cell: 'lstm', steps: 'every' }
    const model = createModel(spec(shape), { backend })
    const plan = model.plan({ T: 12, B, training: false })
    const whole = batch(shape, { T: 12, B })
    plan.forward({ ...part(whole, 0, 8, [0, 1, 2]), lengths: Int32Array.of(8, 5, 1), carry: new Uint8Array(B) })
    plan.forward({ ...part(whole, 8, 12, [0, 1, 2]), carry: Uint8Array.of(1, 1, 1) })
    const { h } = plan.getState()
    for (const [b, length] of [8, 5, 1].entries()) {
      const own = part(whole, 0, length, [b])
      const rest = part(whole, 8, 12, [b])
      const joined = { T: length + 4, B: 1, x: Float64Array.from([...own.x!, ...rest.x!]) }
      assert.ok(relativeError(h.subarray(b * 9, (b + 1) * 9), model.forward(joined).state.h) < 1e-5, `row ${b}`)
    }
    plan.dispose()
    model.dispose()
  })

for (const { label, backend } of backends)
  test(`${label}: no gradient flows back over the boundary`, () => {
    const shape: Shape = { cell: 'tanh', steps: 'every' }
    const model = createModel(spec(shape), { backend })
    const plan = model.plan({ T: 10, B })
    const gradients = (start: () => void, carry?: Uint8Array) => {
      const whole = batch(shape, { T: 10, B })
      start()
      plan.forward(carry ? { ...whole, carry } : whole)
      plan.loss(whole, { reduction: 'mean', gradient: true })
      plan.backward(whole)
      return allGradients(model, plan)
    }
    plan.forward(batch(shape, { T: 10, B }))
    const state = plan.getState()
    const carried = gradients(() => {}, new Uint8Array(B).fill(1))
    assert.deepEqual(
      carried,
      gradients(() => plan.setState(state)),
    )
    plan.dispose()
    model.dispose()
  })

const TASK = textTask({ V: 30, T: 5 })
const OPTIONS: TrainOptions = {
  iterations: 23,
  batch: 4,
  stepEvery: 5,
  evalEvery: 7,
  evalBatch: 6,
  optimizer: sgd({ lr: 0.3 }),
}

for (const { label, backend } of backends)
  for (const cell of ['irnn', 'lstm'] as const)
    test(`${label}, ${cell}: killed anywhere in an epoch, a run ends in the same bits`, async () => {
      const tiny = () =>
        createModel(
          {
            input: { vocabulary: 30, embedding: 6 },
            rnn: { cell, hidden: 10, layers: 2 },
            head: { kind: 'classification', size: 30, steps: 'every' },
          },
          { backend, seed: 2 },
        )
      const training = trainSpec(OPTIONS)
      const model = tiny()
      const identity = { seed: 2, task: TASK, model: model.spec, training }
      const points: Uint8Array[] = []
      const run = train(model, TASK, { ...OPTIONS, checkpoints: { every: 1 } })
      for await (const event of run) {
        if (event.type !== 'done') {
          points.push(Buffer.concat(encodeCheckpoint(model, run.getState(), identity, { count: 0, last: null })))
        }
      }
      const carried = points.map((bytes) => decodeCheckpoint(bytes, identity).state.carried)
      assert.ok(
        carried.every((state) => state?.B === 4 && state.h.some((h) => h !== 0) && (cell === 'lstm') === !!state.c),
      )
      for (const bytes of points.filter((_, i) => i % 5 === 3)) {
        const { state } = decodeCheckpoint(bytes, identity)
        const again = tiny()
        const loaded = loadModel(bytes, { backend })
        again.weights.set(loaded.weights)
        for await (const _ of train(again, TASK, { ...OPTIONS, resume: state }));
        assert.deepEqual([...again.weights], [...model.weights])
        loaded.dispose()
        again.dispose()
      }
      // Without what was carried the end is another one: the test above sees it.
      const { state } = decodeCheckpoint(points[8]!, identity)
      const lost = tiny()
      for await (const _ of train(lost, TASK, { ...OPTIONS, resume: { ...state, carried: null } }));
      assert.notDeepEqual([...lost.weights], [...model.weights])
      lost.dispose()
      model.dispose()
    })

test('a carry that cannot be is refused in one line', () => {
  const { backend } = backends[0]!
  const refused = (message: string, shape: Shape, carry: readonly number[], before = 0) => {
    const model = createModel(spec(shape), { backend })
    const plan = model.plan({ T: 4, B, training: false })
    if (before > 0) plan.forward(batch(shape, { T: 4, B: before }))
    const data = { ...batch(shape, { T: 4, B }), carry: Uint8Array.from(carry) }
    assert.throws(
      () => plan.forward(data),
      (error: Error) => error instanceof InputError && error.message === message,
    )
  }
  const shape: Shape = { cell: 'irnn' }
  refused('batch: carry: expected 3 elements (B = 3) but received 2', shape, [1, 1])
  refused('batch: carry[1]: expected 0 … 1 but received 2', shape, [1, 2, 1], 3)
  refused('batch: carry[2]: expected 0, as the batch before has 0 rows, but received 1', shape, [0, 1, 1])
  refused('batch: carry[2]: expected 0, as the batch before has 2 rows, but received 1', shape, [1, 1, 1], 2)
  const both =
    'batch: carry: a bidirectional model reads the sequence from its end, so it needs all of it: use one direction'
  refused(both, { cell: 'irnn', bidirectional: true }, [1, 0, 0], 3)
})

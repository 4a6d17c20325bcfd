/**
 * The whole model against PyTorch 1.13 in float64 (test/fixtures/pytorch.json, which pytorch.py beside it makes): 16
 * cases of every cell, one and two layers, both directions, unequal lengths; outputs, logits, loss, dx and every
 * parameter's gradient, on every backend.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Batch } from '../../src/batch.ts'
import type { Cell } from '../../src/layers/cells.ts'
import { createModel } from '../../src/model/model.ts'
import { backends, relativeError } from '../support/backends.ts'
import { allGradients } from '../support/models.ts'

interface Values {
  readonly shape: number[]
  readonly data: number[]
}

interface Case {
  readonly name: string
  readonly cell: Cell
  readonly T: number
  readonly B: number
  readonly I: number
  readonly H: number
  readonly K: number
  readonly layers: number
  readonly bidirectional: boolean
  readonly head: 'last-ce' | 'last-mse' | 'every-ce'
  readonly lengths: number[] | null
  readonly x: Values
  readonly y: Values
  readonly output: Values
  readonly logits: Values
  readonly loss: number
  readonly dx: Values
  readonly params: Record<string, Values>
  readonly grads: Record<string, Values>
}

const file = new URL('../../../test/fixtures/pytorch.json', import.meta.url)
const cases = (JSON.parse(readFileSync(file, 'utf8')) as { cases: Case[] }).cases

test('the file holds the 16 cases', () => assert.equal(cases.length, 16))

const python = process.env.IRNN_TORCH_PYTHON
const skip = python === undefined && 'IRNN_TORCH_PYTHON names no Python that has torch'
test('PyTorch still says what the file says', { skip }, () => {
  const script = fileURLToPath(new URL('../../../test/fixtures/pytorch.py', import.meta.url))
  const { status, stdout, stderr, error } = spawnSync(python!, [script], { encoding: 'utf8' })
  assert.equal(status, 0, `${error ?? ''}${stdout}${stderr}`)
})

for (const { label, backend } of backends) {
  const tolerance = backend.name === 'reference' ? 1e-9 : 1e-4
  describe(label, () => {
    for (const golden of cases) {
      test(golden.name, () => {
        const model = createModel(
          {
            input: golden.I,
            rnn: { cell: golden.cell, hidden: golden.H, layers: golden.layers, bidirectional: golden.bidirectional },
            head: {
              kind: golden.head.endsWith('ce') ? 'classification' : 'regression',
              size: golden.K,
              steps: golden.head.startsWith('last') ? 'last' : 'every',
            },
          },
          { backend },
        )
        assert.deepEqual(
          model.parameters.map(({ name, shape }) => [name, shape]),
          Object.entries(golden.params).map(([name, { shape }]) => [name, shape]),
        )
        for (const { name, data } of model.parameters) data.set(golden.params[name]!.data)
        check(golden, model, tolerance)
        model.dispose()
      })
    }
  })
}

function check(golden: Case, model: ReturnType<typeof createModel>, tolerance: number): void {
  const { T, B, x, y, lengths } = golden
  const batch: Batch = {
    T,
    B,
    x: Float64Array.from(x.data),
    y: golden.head.endsWith('ce') ? Int32Array.from(y.data) : Float64Array.from(y.data),
    ...(lengths && { lengths: Int32Array.from(lengths) }),
  }
  // Larger than the batch, so that every buffer is used in part.
  const plan = model.plan({ T: T + 2, B: B + 1, inputGradient: true })
  plan.forward(batch)
  const { loss } = plan.loss(batch, { reduction: 'mean', gradient: true })
  const close = (what: string, actual: ArrayLike<number>, expected: ArrayLike<number>) => {
    const error = relativeError(actual, expected)
    assert.ok(error <= tolerance, `${what}: off by ${error} of its largest magnitude`)
  }
  close('output', plan.output(), golden.output.data)
  if (golden.head === 'every-ce' && lengths) {
    // What a head says at padded steps is of no account: PyTorch's reads zeros there.
    const K = golden.K
    const counts = (i: number) => Math.floor(i / (B * K)) < lengths[Math.floor(i / K) % B]!
    const kept = (values: ArrayLike<number>) => Array.from(values).filter((_, i) => counts(i))
    close('logits', kept(plan.logits), kept(golden.logits.data))
  } else close('logits', plan.logits, golden.logits.data)
  close('loss', [loss], [golden.loss])
  plan.backward(batch)
  close('dx', plan.inputGradient!.subarray(0, x.data.length), golden.dx.data)
  assert.equal(model.parameters.length, Object.keys(golden.grads).length)
  const gradients = allGradients(model, plan)
  for (const { name, start, data } of model.parameters)
    close(`gradient of ${name}`, gradients.subarray(start, start + data.length), golden.grads[name]!.data)
  plan.dispose()
}

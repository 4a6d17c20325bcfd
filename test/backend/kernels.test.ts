/**
 * One table of cases for every kernel, run on every backend and instruction set of this machine and held against the
 * reference in float64 (after ggml's tests/test-backend-ops.cpp). How arrays are guarded: ./arguments.ts.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { referenceBackend } from '../../src/backend/reference/index.ts'
import { backends } from '../support/backends.ts'
import { type Case, difference, type Outcome, run } from './arguments.ts'
import {
  copyColumnsTable,
  denseBackwardTable,
  denseForwardTable,
  dropoutTable,
  embeddingTable,
  flatTable,
  gemmTable,
  stepTable,
} from './cases.ts'
import { blockedSoftmaxTable, crossEntropyTable, softmaxTable, valueLossTable } from './lossCases.ts'
import { KERNEL_CELLS, nanTable, recurrentTable } from './recurrentCases.ts'
import { rowUpdateTable } from './updateCases.ts'

// float32 keeps 6e-8 of a number. A sum of n products is off by about sqrt(n)·6e-8 of its terms, n <= 300 here, and up
// to 20 steps of a recurrence amplify that a few times: the largest measured is 2.6e-6 of the array's largest
// magnitude.
const TOLERANCE = 1e-5

const TABLES: Record<string, () => Generator<Case>> = {
  gemm: gemmTable,
  dense_forward: denseForwardTable,
  dense_backward: denseBackwardTable,
  ...Object.fromEntries(KERNEL_CELLS.map((cell) => [cell, () => recurrentTable(cell)])),
  'one step': stepTable,
  'NaN goes through': nanTable,
  softmax_cross_entropy: crossEntropyTable,
  'losses of values': valueLossTable,
  softmax: softmaxTable,
  'softmax by blocks': blockedSoftmaxTable,
  dropout: dropoutTable,
  'updates of rows': rowUpdateTable,
  embedding: embeddingTable,
  copy_columns: copyColumnsTable,
  'elementwise and updates': flatTable,
}

function complaints(row: Case, got: Outcome, expected: Outcome): string[] {
  const found = [...got.faults]
  const compare = (label: string, a: Float64Array, b: Float64Array, unspecified: (i: number) => boolean): void => {
    const [worst, at] = difference(a, b, unspecified)
    if (!(worst <= TOLERANCE)) {
      found.push(`${label}[${at}]: expected ${b[at]} but received ${a[at]}, ${worst.toExponential(1)} of the largest`)
    }
    measured = Math.max(measured, worst)
  }
  for (const argument of row.args) {
    if (argument === null || typeof argument === 'number' || !argument.written) continue
    const { label, unspecified } = argument
    compare(label, got.arrays.get(label)!, expected.arrays.get(label)!, unspecified)
  }
  if (expected.returned !== undefined) {
    compare('returned', Float64Array.of(got.returned!), Float64Array.of(expected.returned), () => false)
  }
  return found.map((line) => `${row.kernel} ${row.name}: ${line}`)
}

let measured = 0
describe('every kernel agrees with the reference', () => {
  for (const [title, table] of Object.entries(TABLES))
    test(title, async (t) => {
      const found = new Map(backends.map(({ backend }) => [backend, { complaints: [] as string[], worst: 0 }]))
      let rows = 0
      for (const row of table()) {
        rows++
        const expected = run(referenceBackend(), row, { inPlace: false })
        for (const { backend } of backends) {
          const here = found.get(backend)!
          measured = 0
          here.complaints.push(...complaints(row, run(backend, row), expected))
          here.worst = Math.max(here.worst, measured)
        }
      }
      assert.ok(rows > 0)
      for (const [backend, { complaints: lines, worst }] of found)
        await t.test(backend.description, (u) => {
          u.diagnostic(`${rows} cases, largest difference ${worst.toExponential(1)}`)
          assert.equal(lines.length, 0, `${lines.length} complaints, the first:\n${lines.slice(0, 8).join('\n')}`)
        })
    })
})

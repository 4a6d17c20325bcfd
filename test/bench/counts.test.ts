/** Instructions of kernels are read from callgrind's output with all that the kernels call. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { COUNTED, countLine, countsOf } from '../../bench/counts.ts'
import { forwardWork } from '../../bench/problems.ts'

const shape = COUNTED.find(({ name }) => name === 'S3')!

/** As callgrind writes it: names once, then numbers; the cost of a call on the line after it. */
const OUTPUT = `version: 1
positions: line
events: Ir

fn=(1) (anonymous namespace)::apply(int)
0 5
cfn=(2) irnn_avx2::lstm_forward(int, int, float const*)
calls=1 0
0 1600
cfn=(3) irnn_avx2::adam_update(int)
calls=1 0
0 70

fn=(2)
0 100
cfn=(4) irnn_avx2::lstm_forward(int, int, float const*)::{lambda(void*, int)#1}::_FUN(void*, int)
calls=1 0
* 1500

fn=(4)
+3 900
-2 600

fn=(3)
0 70

fn=(5) irnn_avx2::dense_forward(int, int)
0 40

totals: 1715
`

test('a kernel counts with what it calls; all are the recurrence, the head and the loss, without the update', () => {
  const rows = countsOf(shape, OUTPUT)
  assert.deepEqual(
    rows.map(({ kernel, instructions }) => [kernel, instructions]),
    [
      ['all', 1640],
      ['lstm_forward', 1600],
      ['dense_forward', 40],
    ],
  )
  assert.equal(rows[1]!.perMultiplyAdd, 1600 / (forwardWork(shape) / 16))
  assert.equal(rows[2]!.perMultiplyAdd, null)
})

test('a count says its shape, its kernel and its ratio', () => {
  const row = { problem: 'S3', kernel: 'lstm_forward', instructions: 5_000_000, perMultiplyAdd: 2.444 }
  assert.match(countLine(row), /^S3 +lstm_forward +5\.00 million {2}2\.44 a multiply-add$/)
  assert.match(countLine({ ...row, perMultiplyAdd: null }), / million$/)
})

test('output without kernels is no count of nothing', () => {
  assert.throws(() => countsOf(shape, 'fn=(1) main\n0 5\n'), /^Error: S3: expected kernels in callgrind's output/)
})

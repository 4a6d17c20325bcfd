/** The table of cells: what a slip of the pen in an entry would break far away from it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as library from '../../src/index.ts'
import cells from '../../src/layers/cells.ts'
import { cellOptions } from '../../src/model/cellOptions.ts'
import { modelSpec } from '../../src/model/spec.ts'
import { backends } from '../support/backends.ts'

for (const [name, cell] of Object.entries(cells)) {
  test(`${name}: its maker makes it, and the library exports the maker under its name`, () => {
    assert.equal(cell.make, (library as Record<string, unknown>)[name])
    const made = modelSpec({ input: 2, rnn: cell.make(3), head: library.regression(1) })
    const named = modelSpec({ input: 2, rnn: { cell: name as library.Cell, hidden: 3 }, head: library.regression(1) })
    assert.equal(made.rnn.cell, name)
    assert.deepEqual(made, named, 'the maker has the defaults of the table')
  })

  test(`${name}: every backend has its kernels`, () => {
    for (const { label, backend } of backends) {
      for (const part of ['forward', 'backward', 'step'] as const) {
        assert.equal(typeof backend[`${cell.kernel}_${part}`], 'function', `${label}: ${cell.kernel}_${part}`)
      }
    }
  })

  test(`${name}: the maker takes its options, which move weights, and has their defaults`, () => {
    for (const [option, { default: usual, gate, flag }] of cellOptions([name as library.Cell])) {
      assert.match(flag, /^--[a-z-]+ <[a-z]+>$/)
      assert.ok(gate === undefined || gate < cell.gates)
      const weights = (value: number | undefined): number[] => {
        const rnn = cell.make(3, { [option]: value })
        const spec = modelSpec({ input: 2, rnn, head: library.regression(1) })
        return [...library.createModel(spec, { backend: backends[0]!.backend }).weights]
      }
      assert.deepEqual(weights(undefined), weights(usual), `${option}: its default`)
      assert.notDeepEqual(weights(usual), weights(usual + 0.5), option)
    }
  })
}

test('the library exports no table', () => assert.equal('default' in library, false))

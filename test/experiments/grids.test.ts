// The paper's own search: sweeps that irnn sweep takes, of the size the paper says.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { flagsOf } from '../../cli/sweep.ts'
import { gridsOf } from '../../experiments/grids.ts'
import { experiment } from '../../experiments/known.ts'
import { sweepOf } from '../../src/sweep/file.ts'
import { trialsOf } from '../../src/sweep/trials.ts'
import { NETWORKS } from '../../src/tasks/paper.ts'

for (const [figure, grids] of [
  ['adding', 16],
  ['pixel-mnist', 4],
  ['permuted-mnist', 4],
] as const) {
  test(`${figure}: each network of each table has its grid, which holds what the paper found best`, () => {
    const { runs } = experiment(figure)
    const found = gridsOf(experiment(figure))
    assert.equal(found.length, grids)
    for (const { name, file } of found) {
      const trials = trialsOf(sweepOf(file, name, flagsOf))
      const [cell] = name.split('-')
      assert.ok(NETWORKS.some((network) => network === cell))
      assert.equal(trials.length, cell === 'lstm' ? 9 * 4 * 4 : 9 * 4)
      const { flags } = runs.find((run) => (run.group ?? run.name) === name)!
      const best = trials.filter(
        ({ config: { options } }) =>
          options.lr === flags.lr && options.clip === flags.clip && options['forget-bias'] === flags.forgetBias,
      )
      assert.equal(best.length, 1, name)
      assert.equal(best[0]!.config.options.iterations, flags.iterations)
    }
  })
}

test('some of the grids, at a share of the iterations or at so many', () => {
  const [grid, ...more] = gridsOf(experiment('adding'), ['lstm-150'], 0.001)
  assert.deepEqual([grid!.name, grid!.file.options.iterations, more.length], ['lstm-150', 600, 0])
  assert.equal(gridsOf(experiment('adding'), ['irnn-300'], 500)[0]!.file.options.iterations, 500)
  assert.throws(() => gridsOf(experiment('adding'), ['fast-150']), /--only: expected some of irnn-150, .*fast-150$/)
  assert.throws(() => gridsOf(experiment('words')), /--grid: expected one of adding, .* but received words$/)
})

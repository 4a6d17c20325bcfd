// Kinds of claims: where they hold, fail and stay open.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  attains,
  beatsBaseline,
  explained,
  never,
  ordered,
  ranked,
  reaches,
  tracks,
  tuned,
} from '../../experiments/claims.ts'
import { verdicts } from '../../experiments/collect.ts'
import type { Claim, Experiment, ExperimentRun, RunResult } from '../../experiments/experiment.ts'
import { valueAt } from '../../experiments/group.ts'
import { EXPERIMENTS } from '../../experiments/known.ts'
import { paperCurve } from '../../experiments/paper.ts'
import { quick, result, run, slow, three } from '../support/results.ts'

function made(runs: readonly ExperimentRun[], claims: readonly Claim[]): Experiment {
  return { name: 'x', title: '', metric: 'accuracy', panels: [], runs, claims }
}

/** Whether the claim holds, on runs a and b of an accuracy experiment whose baseline `guess` is 50. */
function holds(claim: Claim, ...results: RunResult[]): boolean | null {
  const runs = [run('a'), run('b'), ...three('x'), ...three('y')]
  const [verdict] = verdicts(made(runs, [claim]), results, { guess: 50 })
  assert.ok(verdict!.measured.length > 0)
  assert.doesNotMatch(verdict!.measured, /undefined|NaN|Infinity/)
  return verdict!.holds
}

test('reaches and never: what is reached stays, what is not fails only when the run is over', () => {
  const claim = reaches('a', 55, 'text')
  assert.equal(holds(claim), null)
  assert.equal(holds(claim, result('a', slow)), true)
  assert.equal(holds(claim, result('a', slow.slice(0, 2), { ended: 'stopped' })), null)
  assert.equal(holds(claim, result('a', slow.slice(0, 2), { ended: 'diverged' })), false)
  assert.equal(holds(reaches('a', 70, 'text'), result('a', slow)), false)
  // Done, but told to do less than the experiment says.
  assert.equal(holds(reaches('a', 70, 'text'), result('a', slow.slice(0, 2), { iterations: 500 })), null)
  assert.equal(holds(reaches('a', 55, 'text', { by: 600 }), result('a', slow)), false)
  assert.equal(holds(reaches('a', 55, 'text', { by: 600 }), result('a', slow.slice(0, 1), { ended: 'killed' })), null)
  assert.equal(holds(never('a', 55, 'text'), result('a', slow)), false)
  assert.equal(holds(never('a', 70, 'text'), result('a', slow)), true)
  assert.equal(holds(never('a', 70, 'text'), result('a', slow.slice(0, 1), { ended: 'stopped' })), null)
  assert.equal(holds(never('a', 70, 'text'), result('a', slow.slice(0, 1), { ended: 'diverged' })), false)
})

test('a score that just fails to reach its level is shown with enough digits to see it', () => {
  const experiment: Experiment = {
    ...EXPERIMENTS.find(({ name }) => name === 'pixel-mnist')!,
    runs: [run('a')],
    claims: [],
  }
  const said = (level: number) => {
    const claims = [reaches('a', level, 'text')]
    return verdicts({ ...experiment, claims }, [result('a', [[1000, 97.17]])])[0]!.measured
  }
  assert.match(said(97.2), /^best 97\.17 % at/)
  assert.match(said(97.3), /^best 97\.2 % at/)
})

test('ordered: best scores within an equal budget', () => {
  const claim = ordered(['a', 'b'], 500, 'text')
  assert.equal(holds(claim, result('a', quick), result('b', slow)), true)
  assert.equal(holds(claim, result('a', slow), result('b', quick)), false)
  assert.equal(holds(claim, result('a', slow), result('b', slow)), false, 'equal is not better')
  assert.equal(holds(claim, result('a', quick)), null)
  assert.equal(holds(claim, result('a', quick), result('b', slow.slice(0, 1), { ended: 'killed' })), null)
  assert.equal(holds(claim, result('a', quick), result('b', slow.slice(0, 1), { ended: 'diverged' })), true)
  const nothing = { ...result('b', slow, { ended: 'diverged' }), points: [], best: null, iteration: 3 }
  assert.equal(holds(claim, result('a', quick), nothing), false)
  // b is better in the end, but not within the budget.
  assert.equal(
    holds(
      claim,
      result('a', slow),
      result('b', [
        [100, 10],
        [500, 30],
        [1000, 99],
      ]),
    ),
    true,
  )
})

test('tracks: within so many points of the paper at each place', () => {
  const paper = { figure: 'pixel-mnist', cell: 'irnn' }
  const at = [30_000, 100_000]
  const claim = tracks('a', paper, { at, within: 3 }, 'text')
  const shifted = (by: number) => at.map((x) => [x, valueAt(paperCurve('pixel-mnist', 'irnn'), x)! + by] as const)
  assert.equal(holds(claim), null)
  assert.equal(holds(claim, result('a', shifted(2))), true)
  assert.equal(holds(claim, result('a', shifted(-4))), false)
  assert.equal(holds(claim, result('a', shifted(2).slice(0, 1), { ended: 'stopped' })), null)
  assert.equal(holds(claim, result('a', shifted(4).slice(0, 1), { ended: 'stopped' })), false)
  assert.equal(holds(claim, result('a', shifted(2).slice(0, 1), { ended: 'diverged' })), false)
})

test('ranked: the scores at the best evaluations, once all runs are over', () => {
  const better = { ...result('a', slow), best: { iteration: 1000, value: 70 } }
  const b = { ...result('b', quick), best: { iteration: 500, value: 60, heldOut: 99 } }
  const claim = ranked(['a', 'b'], 'text')
  assert.equal(holds(claim, better), null)
  assert.equal(holds(claim, better, b), true)
  assert.equal(holds(claim, { ...better, best: { iteration: 1, value: 50 } }, b), false)
  const tie = { ...better, best: { iteration: 1, value: 60 } }
  assert.equal(holds(claim, tie, b), false, 'equal is not better')
  assert.equal(holds(ranked(['a', 'b'], 'text', { ties: [true] }), tie, b), true)
  assert.equal(holds(claim, better, { ...b, ended: 'killed', iteration: 500 }), null)
  assert.equal(holds(claim, better, { ...b, best: null }), false)
})

test('beatsBaseline: by any of the runs; below it only once they are over', () => {
  const claim = beatsBaseline(['a', 'b'], 'guess', 'text')
  assert.equal(holds(claim), null)
  assert.equal(holds(claim, result('a', slow)), true)
  assert.equal(holds(claim, result('a', slow.slice(0, 2))), null)
  const low = slow.slice(0, 2)
  assert.equal(holds(claim, result('a', low, { ended: 'diverged' }), result('b', low, { ended: 'diverged' })), false)
  assert.equal(holds(beatsBaseline(['a'], 'unknown', 'text'), result('a', slow)), null)
})

test('of a group the mean over its seeds counts, once all of them are there', () => {
  const seeds = (name: string, values: readonly number[], more: Partial<RunResult> = {}) =>
    values.map((value, i) =>
      result(
        `${name}-seed${i + 1}`,
        [
          [500, value - 5],
          [1000, value],
        ],
        more,
      ),
    )
  const claim = reaches('x', 60, 'text')
  assert.equal(holds(claim, ...seeds('x', [50, 60])), null, 'a seed is missing')
  assert.equal(holds(claim, ...seeds('x', [50, 60, 70])), true)
  assert.equal(holds(claim, ...seeds('x', [50, 60, 69])), false)
  assert.equal(holds(claim, ...seeds('x', [50, 60, 69], { ended: 'killed' })), null)
  assert.equal(holds(reaches('x', 56, 'text', { by: 500 }), ...seeds('x', [50, 60, 70])), false)
  assert.equal(holds(never('x', 70, 'text'), ...seeds('x', [50, 60, 69])), true)
  assert.equal(holds(never('x', 70, 'text'), ...seeds('x', [50, 60, 70])), false, 'one seed is enough')
  const [high, low] = [seeds('x', [50, 60, 70]), seeds('y', [49, 59, 69])]
  assert.equal(holds(ranked(['x', 'y'], 'text'), ...high, ...low), true)
  assert.equal(holds(ranked(['x', 'y'], 'text', { margin: 1 }), ...high, ...low), true)
  assert.equal(holds(ranked(['x', 'y'], 'text', { margin: 1.01 }), ...high, ...low), false)
  assert.equal(holds(ranked(['x', 'y'], 'text', { share: 0.02 }), ...high, ...low), false)
  assert.equal(holds(ranked(['y', 'x'], 'text', { margin: 1, ties: [true] }), ...high, ...low), true)
  assert.equal(holds(ranked(['y', 'x'], 'text', { margin: 0.9, ties: [true] }), ...high, ...low), false)
  assert.equal(holds(ordered(['x', 'y'], 500, 'text', { margin: 1 }), ...high, ...low), true)
  assert.equal(holds(ordered(['x', 'y'], 500, 'text', { margin: 2 }), ...high, ...low), false)
  const tracked = tracks('x', { figure: 'pixel-mnist', cell: 'irnn' }, { at: [1000], within: 1 }, 'text')
  assert.throws(() => holds(reaches('z', 60, 'text')), /there is no run or group z/)
  assert.equal(holds(tracked, ...high.slice(1)), null)
})

test('attains: at the evaluation that held-out data chose, without held-out data at the end', () => {
  const claim = attains('a', 85, 'text')
  assert.equal(holds(claim), null)
  assert.equal(holds(claim, result('a', quick)), false, 'not the best of many on the test set')
  const chosen = { ...result('a', quick), best: { iteration: 500, value: 90, heldOut: 88 } }
  assert.equal(holds(claim, chosen), true)
  assert.equal(holds(claim, { ...chosen, ended: 'killed', iteration: 600 }), null)
})

test('what is measured says the last beside the best, and the spread of seeds', () => {
  const one = made([run('a'), ...three('x')], [reaches('a', 95, 'text'), reaches('x', 95, 'more')])
  const seeds = [1, 2, 3].map((seed) =>
    result(`x-seed${seed}`, [
      [500, 80 + seed],
      [1000, 70],
    ]),
  )
  const said = verdicts(one, [result('a', quick), ...seeds]).map(({ measured }) => measured)
  assert.equal(said[0], 'best 90.0 % at 500, last 80.0 %, 1,000 iterations done')
  assert.equal(said[1], 'best 82.0 % ± 1.00 (3 seeds), last 70.0 %, 1,000 iterations done')
})

test('tuned: the best by held-out data is not at the edge of what was tried', () => {
  const candidates = ['p', 'q', 'r'].map((name, i) => ({ ...run(name), flags: { iterations: 1000, lr: i + 1 } }))
  const one = made(candidates, [tuned(['p', 'q', 'r'], 'lr', 'text')])
  const judge = (...heldOut: number[]) =>
    verdicts(
      one,
      // On the test set the order is the other way round.
      heldOut.map((value, i) => ({
        ...result('pqr'[i]!, slow),
        best: { iteration: 1, value: 100 - value, heldOut: value },
      })),
    )[0]!
  assert.equal(judge(40, 50, 45).holds, true)
  assert.match(judge(40, 50, 45).measured, /^best --lr 2, inside the grid; held-out by --lr: 1: 40.0 %, 2: 50.0 %/)
  assert.equal(judge(40, 50, 60).holds, false)
  assert.equal(judge(70, 50, 60).holds, false)
  assert.match(judge(70, 50, 60).measured, /^best --lr 1, at the edge of the grid/)
  assert.equal(judge(40, 50).holds, null)
})

test('of several contenders the one that held-out data finds best takes part, and all must be over', () => {
  const claim = ranked([{ name: 'p', among: ['a', 'b'] }, 'x-seed1'], 'text')
  const scored = (name: string, value: number, heldOut: number) => ({
    ...result(name, slow),
    best: { iteration: 1000, value, heldOut },
  })
  const other = scored('x-seed1', 60, 60)
  assert.equal(holds(claim, scored('a', 70, 50), scored('b', 50, 55), other), false, 'b is taken')
  assert.equal(holds(claim, scored('a', 70, 56), scored('b', 50, 55), other), true)
  assert.equal(holds(claim, scored('a', 70, 56), other), null)
  assert.equal(
    holds(claim, scored('a', 70, 56), { ...scored('b', 50, 55), ended: 'killed', iteration: 3 }, other),
    null,
  )
})

test('a claim that is explained judges as before, and carries why', () => {
  const claim = explained(reaches('a', 70, 'text'), 'because')
  assert.equal(claim.why, 'because')
  assert.equal(holds(claim, result('a', slow)), false)
})

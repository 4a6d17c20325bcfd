// The experiments as data: names that fit, the paper's numbers, and claims that hold, fail and stay open where they
// should.
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { beatsBaseline, never, ordered, ranked, reaches, tracks, tuned, valueAt } from '../../experiments/claims.ts'
import { commandOf, isOf, type Results, thinned, verdicts } from '../../experiments/collect.ts'
import type { Claim, Curve, Experiment, RunResult, Table } from '../../experiments/experiment.ts'
import { EXPERIMENTS, experiment } from '../../experiments/known.ts'
import { paperCurve, parseCurves } from '../../experiments/paper.ts'
import { cellText, tableLines } from '../../experiments/table.ts'
import { InputError } from '../../src/error.ts'
import { optionsOf } from '../../src/tasks/definition.ts'
import { recipeOf } from '../../src/tasks/recipe.ts'
import { taskNamed } from '../../src/tasks/tasks.node.ts'

/** A result with a straight curve through the given points. */
function result(
  name: string,
  points: Curve,
  { ended = 'iterations', iterations = 1000 }: Partial<RunResult> = {},
): RunResult {
  const best = points.reduce((a, b) => (b[1] > a[1] ? b : a))
  return {
    name,
    command: '',
    ended,
    iteration: points.at(-1)![0],
    iterations,
    batch: 16,
    seconds: 1,
    final: null,
    best: { iteration: best[0], value: best[1] },
    recipe: 'paper',
    seed: 1,
    version: '0',
    commit: null,
    date: '2026-01-01',
    machine: {},
    backend: '',
    task: {},
    model: {},
    training: {},
    points,
  }
}

const run = (name: string) =>
  ({ name, label: name, task: 'mnist', cell: 'irnn', recipe: 'paper', flags: { iterations: 1000 }, note: '' }) as const

/** Whether the claim holds, on runs a and b of an accuracy experiment whose baseline `guess` is 50. */
function holds(claim: Claim, ...results: RunResult[]): boolean | null {
  const made: Experiment = {
    name: 'x',
    title: '',
    metric: 'accuracy',
    panels: [],
    runs: [run('a'), run('b')],
    claims: [claim],
  }
  const [verdict] = verdicts(made, results, { guess: 50 })
  assert.ok(verdict!.measured.length > 0)
  assert.doesNotMatch(verdict!.measured, /undefined|NaN|Infinity/)
  return verdict!.holds
}

const slow: Curve = [
  [100, 20],
  [500, 40],
  [1000, 60],
]
const quick: Curve = [
  [100, 50],
  [500, 90],
  [1000, 80],
]

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

test('tuned: the flags of the candidate with the best held-out score', () => {
  const made = (name: string, lr: number) => ({ ...run(name), flags: { iterations: 1000, lr } })
  const claim = tuned('final', ['x', 'y'], ['lr'], 'text')
  const judge = (lr: number, ...results: RunResult[]) => {
    const runs = [made('final', lr), made('x', 1), made('y', 2)]
    const one: Experiment = { name: 'z', title: '', metric: 'accuracy', panels: [], runs, claims: [claim] }
    return verdicts(one, results)[0]!.holds
  }
  const x = { ...result('x', slow), best: { iteration: 1, value: 90, heldOut: 40 } }
  const y = { ...result('y', slow), best: { iteration: 1, value: 80, heldOut: 50 } }
  assert.equal(judge(2, x, y), true)
  assert.equal(judge(1, x, y), false, 'the test set does not decide')
  assert.equal(judge(2, x), null)
  assert.equal(judge(1, x, { ...y, ended: 'diverged', best: null }), true)
})

test('tables: scores, the paper’s numbers, baselines, and what is not there', () => {
  const table: Table = {
    title: 'Table 9',
    columns: ['network', 'paper', 'test', 'held-out'],
    rows: [
      ['A', 65.5, { run: 'a' }, { run: 'a', set: 'heldOut' }],
      ['guess', '', { baseline: 'guess' }, { baseline: 'other' }],
    ],
  }
  const one: Experiment = {
    name: 'z',
    title: '',
    metric: 'accuracy',
    panels: [],
    tables: [table],
    runs: [run('a')],
    claims: [],
  }
  const a = { ...result('a', slow), best: { iteration: 1, value: 61.239, heldOut: 62 } }
  const results: Results = { figure: 'z', runs: [a], baselines: { guess: 10 }, claims: [] }
  assert.deepEqual(tableLines(table, one, results), [
    'Table 9',
    '  network  paper   test     held-out',
    '  A        65.5 %  61.24 %  62.00 %',
    '  guess            10.00 %  not computed',
  ])
  const cell = (changed: Partial<RunResult>) => cellText({ run: 'a' }, one, { runs: [{ ...a, ...changed }] })
  assert.equal(cell({ ended: 'killed', iteration: 500 }), '61.24 % (50 % done)')
  assert.equal(cell({ ended: 'diverged', best: null }), 'diverged')
  assert.equal(cellText({ run: 'a' }, one, { runs: [] }), 'not run')
  assert.equal(cellText({ run: 'a' }, { ...one, metric: 'perplexity' }, { runs: [a] }), '61.24')
})

test('every experiment: unique names, panels and claims about its own runs, curves the paper has', () => {
  for (const { name, runs, panels, tables = [], claims } of EXPERIMENTS) {
    const names = runs.map((run) => run.name)
    assert.equal(new Set(names).size, names.length, name)
    const cells = tables.flatMap(({ rows }) => rows.flat())
    const listed = cells.flatMap((cell) => (typeof cell === 'object' && 'run' in cell ? [cell.run] : []))
    const shown = new Set([...panels.flatMap((panel) => panel.runs), ...listed])
    assert.deepEqual([...shown].toSorted(), names.toSorted(), `${name}: every run is drawn or in a table`)
    for (const { columns, rows } of tables) for (const row of rows) assert.equal(row.length, columns.length)
    for (const { paper } of panels) for (const cell of paper?.cells ?? []) paperCurve(paper!.figure, cell)
    for (const one of runs) {
      assert.match(one.name, /^[a-z0-9-]+$/)
      assert.match(commandOf(one), /^irnn train (adding|mnist|words|phones) --cell \w+ --recipe (paper|fast) /)
    }
    assert.equal(new Set(claims.map(({ text }) => text)).size, claims.length, name)
    // Nothing run: every claim is open, and says which run it misses.
    for (const verdict of verdicts(experiment(name), [])) {
      assert.equal(verdict.holds, null, verdict.text)
      if (verdict.measured.startsWith('not computed: ')) continue
      const missed = verdict.measured.replace('not run: ', '').split(', ')
      assert.ok(
        missed.every((run) => names.includes(run)),
        verdict.measured,
      )
    }
  }
  assert.throws(() => experiment('figure-9'), InputError)
})

test('the rates, clips and forget biases are those of the recipes named paper', () => {
  for (const { runs } of EXPERIMENTS) {
    for (const { task, cell, recipe: name, flags, note } of runs) {
      if (name !== 'paper' || note.startsWith('not in')) continue
      const definition = taskNamed(task)
      const options = optionsOf(definition.options, flags)
      const { training, forgetBias } = recipeOf(definition, name, cell, options)
      assert.equal(flags.lr, training.optimizer!.lr)
      assert.deepEqual(training.clip, { kind: flags.clipKind, limit: flags.clip })
      if (cell === 'lstm') assert.equal(flags.forgetBias, forgetBias)
    }
  }
})

test('the paper’s curves are read whole; a line that is no point is named', () => {
  assert.equal(paperCurve('pixel-mnist', 'irnn').length, 190)
  assert.deepEqual(paperCurve('pixel-mnist', 'irnn')[0], [3614, 34.2238])
  assert.throws(() => paperCurve('pixel-mnist', 'gru'), /none for pixel-mnist, gru/)
  const header = 'figure,cell,iteration,value'
  assert.deepEqual(parseCurves(`${header}\r\na,b,1,2\r\na,b,3,4\r\n`).get('a,b'), [
    [1, 2],
    [3, 4],
  ])
  assert.throws(() => parseCurves('a,b\n'), /expected the header/)
  for (const line of ['a,b,1', 'a,b,1,', 'a,b,one,2', 'a,b,1,2,3']) {
    assert.throws(() => parseCurves(`${header}\na,b,1,2\n${line}\n`), /line 3/)
  }
})

test('valueAt goes straight from point to point and not beyond', () => {
  assert.equal(valueAt(slow, 100), 20)
  assert.equal(valueAt(slow, 300), 30)
  assert.equal(valueAt(slow, 99), undefined)
  assert.equal(valueAt(slow, 1001), undefined)
  assert.equal(valueAt([], 1), undefined)
})

test('thinning keeps every spike, the order and the end', () => {
  const points = Array.from({ length: 5000 }, (_, i) => [i, i === 2500 ? -9 : i === 1234 ? 99 : Math.sin(i)] as const)
  const kept = thinned(points, 400)
  assert.ok(kept.length <= 400 && kept.length > 200, String(kept.length))
  assert.ok(kept.some(([, value]) => value === -9) && kept.some(([, value]) => value === 99))
  assert.ok(kept.every(([x], i) => i === 0 || x > kept[i - 1]![0]))
  assert.deepEqual(kept.at(-1), points.at(-1))
  assert.equal(thinned(points.slice(0, 400), 400).length, 400)
})

test('committed results carry the verdicts their runs give', () => {
  for (const one of EXPERIMENTS) {
    const file = new URL(`../../../experiments/results/${one.name}.json`, import.meta.url)
    if (!existsSync(file)) continue
    const { runs, baselines, claims } = JSON.parse(readFileSync(file, 'utf8')) as Results
    assert.deepEqual(verdicts(one, runs, baselines), claims, one.name)
    for (const { machine, date, name } of runs) assert.ok(machine.cpu && date, name)
    for (const result of runs) {
      const run = one.runs.find(({ name }) => name === result.name)
      assert.ok(run && isOf(run, result), `${one.name}: ${result.name} is of another run`)
    }
  }
})

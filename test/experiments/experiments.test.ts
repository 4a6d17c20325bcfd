// The experiments as data: names that fit, the paper's numbers, tables, and what committed results say.
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { commandOf, type Results, thinned, verdicts } from '../../experiments/collect.ts'
import { charts } from '../../experiments/draw.ts'
import type { Experiment, RunResult, Table } from '../../experiments/experiment.ts'
import { groupOf, meanCurve, namesOf, valueAt } from '../../experiments/group.ts'
import { isOf } from '../../experiments/identity.ts'
import { EXPERIMENTS, experiment } from '../../experiments/known.ts'
import { paperCurve, parseCurves } from '../../experiments/paper.ts'
import { cellText, tableLines } from '../../experiments/table.ts'
import { InputError } from '../../src/error.ts'
import { optionsOf } from '../../src/tasks/definition.ts'
import { recipeOf } from '../../src/tasks/recipe.ts'
import { taskNamed } from '../../src/tasks/tasks.node.ts'
import { result, run, slow, three } from '../support/results.ts'

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

test('a group in a table: mean ± standard deviation, and how much of it there is', () => {
  const one: Experiment = { name: 'z', title: '', metric: 'accuracy', panels: [], runs: three('x'), claims: [] }
  const scored = (seed: number, more: Partial<RunResult> = {}) => ({
    ...result(`x-seed${seed}`, slow),
    best: { iteration: 1, value: 60 + seed, heldOut: 70 },
    ...more,
  })
  const cell = (...runs: RunResult[]) => cellText({ run: 'x' }, one, { runs })
  assert.equal(cell(scored(1), scored(2), scored(3)), '62.00 % ± 1.00')
  assert.equal(cell(scored(1), scored(3)), '62.00 % ± 1.41 (2 of 3 seeds)')
  assert.equal(cell(scored(1), scored(2), scored(3, { ended: 'killed', iteration: 250 })), '62.00 % ± 1.00 (25 % done)')
  assert.equal(cell(), 'not run')
  const among = { name: 'any', among: ['x-seed1', 'x-seed2'] }
  const runs = [scored(1), scored(2, { best: { iteration: 1, value: 1, heldOut: 71 } })]
  assert.equal(cellText({ chosen: among }, one, { runs }), 'x-seed2')
  assert.equal(cellText({ run: among }, one, { runs }), '1.00 %')
  const y = { title: '', domain: [0, 100] } as const
  const [chart] = charts({ ...one, panels: [{ title: '', runs: [among], x: 'iterations', y }] }, runs)
  assert.match(chart!.description, /^Ours: x-seed2 1 at best\.$/)
})

test('every experiment: unique names, panels and claims about its own runs, curves the paper has', () => {
  for (const { name, runs, panels, tables = [], claims } of EXPERIMENTS) {
    const names = runs.map((run) => run.name)
    assert.equal(new Set(names).size, names.length, name)
    const cells = tables.flatMap(({ rows }) => rows.flat())
    const listed = cells.flatMap((cell) => (typeof cell === 'object' && 'run' in cell ? namesOf(cell.run) : []))
    const groups = [...panels.flatMap((panel) => panel.runs.flatMap(namesOf)), ...listed]
    const shown = new Set(
      groups.flatMap((group) => groupOf({ runs }, group, () => undefined).runs.map((run) => run.name)),
    )
    assert.deepEqual([...shown].toSorted(), names.toSorted(), `${name}: every run is drawn or in a table`)
    for (const { columns, rows } of tables) for (const row of rows) assert.equal(row.length, columns.length)
    for (const { paper } of panels) for (const cell of paper?.cells ?? []) paperCurve(paper!.figure, cell)
    for (const one of runs) {
      assert.match(one.name, /^[a-z0-9-]+$/)
      assert.match(commandOf(one), /^irnn train (adding|mnist|words|phones) --cell \w+ --recipe (paper|fast|best) /)
    }
    assert.equal(new Set(claims.map(({ text }) => text)).size, claims.length, name)
    // Nothing run: every claim is open, and says which run it misses.
    for (const verdict of verdicts(experiment(name), [])) {
      assert.equal(verdict.holds, null, verdict.text)
      if (verdict.measured.startsWith('not computed: ')) continue
      const missed = verdict.measured.replace(/^not run: | and \d+ more$/g, '').split(', ')
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

test('the mean of curves is where all of them are', () => {
  const mean = meanCurve([
    slow,
    [
      [100, 40],
      [500, 60],
    ],
  ])
  assert.deepEqual(mean, [
    [100, 30],
    [500, 50],
  ])
  assert.deepEqual(meanCurve([]), [])
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
    for (const { text, holds } of claims.filter(({ holds }) => holds === false)) {
      const why = one.claims.find((claim) => claim.text === text)?.why
      assert.ok(why && why.length > 40, `${one.name}: "${text}" is ${holds}: say why with explained()`)
    }
    assert.deepEqual(verdicts(one, runs, baselines), claims, one.name)
    for (const { machine, date, name } of runs) assert.ok(machine.cpu && date, name)
    for (const result of runs) {
      const run = one.runs.find(({ name }) => name === result.name)
      assert.ok(run && isOf(run, result), `${one.name}: ${result.name} is of another run`)
    }
  }
})

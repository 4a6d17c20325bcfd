// Which trials successive halving stops, and that it asks once.
import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { test } from 'node:test'
import { rng } from '../../src/rng.ts'
import { asha, goesOn, isPruned, isRung } from '../../src/sweep/asha.ts'
import { home, run } from '../support/command.ts'

const lower = { lowerIsBetter: true }

test('the best third goes on, and the best of fewer', () => {
  assert.equal(goesOn(5, [], lower), true)
  assert.equal(goesOn(5, [4], lower), false)
  assert.equal(goesOn(4, [4], lower), true, 'not worse than the best')
  assert.equal(goesOn(5, [6, 7], lower), true)
  assert.equal(goesOn(5, [4, 6, 7, 8, 9], lower), true, 'second of six')
  assert.equal(goesOn(5, [4, 4, 7, 8, 9], lower), false, 'third of six')
  assert.equal(goesOn(5, [4], { lowerIsBetter: false }), true)
  assert.equal(goesOn(Number.NaN, [], lower), false)
  assert.deepEqual(Array.from({ length: 30 }, (_, n) => n).filter(isRung), [1, 3, 9, 27])
})

test('of 144 curves the best is found with less than a fourth of the work', () => {
  for (const seed of [1, 2, 3]) {
    const generator = rng(seed, 'asha')
    // A curve falls to its own end; noise of a tenth of what there is to fall.
    const trials = Array.from({ length: 144 }, () => ({ end: generator.next(), steps: 0 }))
    const rungs = new Map<number, number[]>()
    for (const trial of trials) {
      for (trial.steps = 1; trial.steps < 27; trial.steps++) {
        if (!isRung(trial.steps)) continue
        const score = trial.end + Math.exp(-trial.steps / 3) * (1 + 0.1 * generator.normal())
        const others = rungs.get(trial.steps) ?? []
        rungs.set(trial.steps, [...others, score])
        if (!goesOn(score, others, lower)) break
      }
    }
    const work = trials.reduce((sum, { steps }) => sum + steps, 0)
    assert.ok(work < (144 * 27) / 4, `${work}`)
    const finished = trials.filter(({ steps }) => steps === 27).map(({ end }) => end)
    const rank = trials.filter(({ end }) => end < Math.min(...finished)).length
    assert.ok(rank < 5, `seed ${seed}: rank ${rank}`)
  }
})

test('a sweep stops what does not promise much, and does not take it up again', async () => {
  const text = `
task: adding
options: {length: 30, train-size: 100, test-size: 20, hidden: 20, iterations: 4000, eval-every: 80}
space: {lr: [0.01, 1e-9, 1e-10]}
`
  fs.writeFileSync(path.join(home, 'p.yaml'), text)
  const first = await run('sweep', 'p.yaml', '--dir', 'p', '--slots', '1', '--prune', 'asha')
  assert.equal(first.code, 0, first.err)
  assert.match(first.out, /^best: t\w{20} {2}lr 0.01, /)
  assert.match(first.err, /lr 1e-9, seed 1: pruned; .*\n.*lr 1e-10, seed 1: pruned\n$/)

  // Whoever takes it up knows what was decided, and does not decide again.
  const trials = path.join(home, 'p', 'trials')
  const folders = fs.readdirSync(trials).map((id) => path.join(trials, id))
  const pruned = folders.filter(isPruned)
  assert.equal(pruned.length, 2)
  const before = pruned.map((folder) => fs.readFileSync(path.join(folder, 'asha.json'), 'utf8'))
  const pruner = asha(folders)
  for (const folder of pruned) pruner.caughtUp(folder)
  assert.deepEqual(
    pruned.map((folder) => fs.readFileSync(path.join(folder, 'asha.json'), 'utf8')),
    before,
  )
  // One that was not heard of when it was measured is decided when it is taken up.
  fs.rmSync(path.join(pruned[0]!, 'asha.json'))
  assert.equal(asha(folders).caughtUp(pruned[0]!), false)
  assert.equal(isPruned(pruned[0]!), true)
})

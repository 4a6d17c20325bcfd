/** The committed results of labels hold their bars, and the page shows them. */
import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import { test } from 'node:test'
import { namesTable, uea } from '../../bench/data/labelSets.ts'

const read = (file: string) => fs.readFileSync(new URL(`../../../${file}`, import.meta.url), 'utf8')

interface Result {
  readonly bar: number
  readonly mean: number
  readonly accuracies: readonly number[]
  readonly winner: string
  readonly others: Readonly<Record<string, number>>
}

test('means of three seeds are at least the bars, and docs/own-labels.md has them', () => {
  const results = Object.entries(JSON.parse(read('bench/results/labels.json')) as Record<string, Result>)
  assert.equal(results.length, 5)
  const page = read('docs/own-labels.md')
  for (const [name, { bar, mean, accuracies, winner, others }] of results) {
    assert.equal(accuracies.length, 3, name)
    assert.ok(mean >= bar, `${name}: ${mean}`)
    const [best, score] = Object.entries(others).sort((a, b) => b[1] - a[1])[0]!
    const cells = [name, accuracies.map(percent).join(', '), `${best} ${percent(score)}`, winner]
    assert.ok(page.includes(`| ${cells.join(' | ')} |`), `expected the line | ${cells.join(' | ')} | in own-labels.md`)
  }
})

const percent = (share: number) => `${(100 * share).toFixed(1)} %`

test('sets become rows', () => {
  const text = '@classLabel true 1 2\n@data\n1,2.5:3,4:b\n'
  const wheel = new Map(['TRAIN', 'TEST'].map((part) => [`aeon/datasets/data/X/X_${part}.ts`, Buffer.from(text)]))
  const rows = uea(wheel, 'X')
  assert.equal(rows.length, 4)
  assert.deepEqual(rows[3], { id: 2, split: 'test', label: 'b', c1: 2.5, c2: 4 })
  assert.deepEqual(namesTable(['Al', 'Kim', 'Nan'], ['Kim', 'Eve']), [
    { name: 'Al', gender: 'male' },
    { name: 'Eve', gender: 'female' },
  ])
})

// What a file of a sweep may say, and the trials that follow from it.
import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import { after, test } from 'node:test'
import { trainFlags } from '../../cli/options.ts'
import { InputError } from '../../src/error.ts'
import { readSweepFile } from '../../src/sweep/file.ts'
import { type Trial, trialsOf } from '../../src/sweep/trials.ts'
import { taskNamed } from '../../src/tasks/tasks.node.ts'

const home = fs.mkdtempSync(path.join(os.tmpdir(), 'irnn-sweep-'))
after(() => fs.rmSync(home, { recursive: true }))
const file = path.join(home, 'f.yaml')

function trialsIn(text: string): Trial[] {
  fs.writeFileSync(file, text)
  return trialsOf(readSweepFile(file, (task) => trainFlags(taskNamed(task))))
}
const optionsIn = (text: string) => trialsIn(text).map(({ config }) => config.options)
const idsIn = (text: string) => trialsIn(text).map(({ id }) => id)

test('a grid is every value with every other and every seed, in the order of the file', () => {
  const trials = trialsIn(
    'task: adding\noptions: {length: 10}\nspace: {lr: [0.1, 0.2], halves: [true, false]}\nseeds: [3, 1]',
  )
  assert.deepEqual(
    trials.map(({ config: { options, seed } }) => [options.lr, options.halves, seed]),
    [
      [0.1, true, 3],
      [0.1, true, 1],
      [0.1, false, 3],
      [0.1, false, 1],
      [0.2, true, 3],
      [0.2, true, 1],
      [0.2, false, 3],
      [0.2, false, 1],
    ],
  )
  assert.deepEqual(trials[0]!.config, { task: 'adding', options: { halves: true, length: 10, lr: 0.1 }, seed: 3 })
  assert.equal(new Set(trials.map(({ id }) => id)).size, 8)
})

test('an id is the SHA-256 of the configuration, however it is written', () => {
  const ids = idsIn('task: adding\noptions: {length: 10, hidden: 8}\nspace: {lr: [0.01]}')
  assert.deepEqual(ids, ['tcf8654c6acdaf92a654d'])
  assert.deepEqual(
    idsIn('{"space": {"lr": ["1e-2"]}, "options": {"hidden": 8.0, "length": 0xa}, "task": "adding"}'),
    ids,
  )
  assert.notDeepEqual(idsIn('task: adding\noptions: {length: 10, hidden: 8}\nspace: {lr: [0.01]}\nseeds: [2]'), ids)
})

test('drawn trials lie in their ranges, follow from the seed, and differ', () => {
  const space = 'lr: {log: [1e-4, 1]}, hidden: {whole: [3, 5]}, dropout: {uniform: [0, 0.5]}, cell: [irnn, lstm]'
  const text = (seed: number, more = '') =>
    `task: words\nspace: {${more}${space}}\ntrials: 200\nseed: ${seed}\noptions: {data: x}`
  const drawn = optionsIn(text(1))
  const all = (name: string) => drawn.map((options) => options[name] as number)
  assert.equal(drawn.length, 200)
  assert.deepEqual([...new Set(all('hidden'))].sort(), [3, 4, 5])
  assert.deepEqual([...new Set(all('cell'))].sort(), ['irnn', 'lstm'])
  assert.ok(all('dropout').every((p) => p >= 0 && p <= 0.5))
  assert.ok(all('lr').every((lr) => lr >= 1e-4 && lr <= 1))
  // Of 200 draws about half are below the middle of the powers of ten; the chance of fewer than 70 is below 2e-5.
  const below = all('lr').filter((lr) => lr < 1e-2).length
  assert.ok(below > 70 && below < 130, `${below}`)
  assert.deepEqual(optionsIn(text(1)), drawn)
  assert.notDeepEqual(optionsIn(text(2)), drawn)
  const more = optionsIn(text(1, 'batch: [1, 2], '))
  assert.deepEqual(
    more.map(({ lr }) => lr),
    all('lr'),
    'one option more moves no other',
  )
  assert.equal(new Set(idsIn('task: adding\nspace: {hidden: {whole: [1, 4]}}\ntrials: 4')).size, 4)
})

const THOUSAND = Array.from({ length: 1000 }, (_, i) => i + 1)
const good = 'task: adding\nspace: {lr: [0.1]}\n'
const BAD: readonly (readonly [string, RegExp])[] = [
  ['task: ading\nspace: {lr: [0.1]}', /task: expected one of adding, .* did you mean adding\?$/],
  ['task: adding\nspace: {lrr: [1]}', /space: "lrr": no such option of irnn train adding; did you mean lr\?$/],
  ['task: adding\nspace: {clipKind: [norm]}', /space: "clipKind": no such option .* did you mean clip-kind\?$/],
  ['task: adding\nspace: {}', /space: expected an option but it has none: add one$/],
  ['task: adding', /space: expected options by name but received undefined$/],
  ['task: adding\nspace: {lr: []}', /space: lr: expected at least one value but received none: add some$/],
  ['task: adding\nspace: {lr: [0.1, 1e-1]}', /space: lr: expected different values but 0.1 stands twice$/],
  [`${good}seeds: [1, 1]`, /seeds: expected different values but 1 stands twice$/],
  [`${good}seeds: []`, /seeds: expected/],
  ['task: adding\nspace: {lr: [-1]}', /space: lr: expected a number > 0 but received "-1"$/],
  ['task: adding\nspace: {lr: [true]}', /space: lr: expected a number > 0/],
  ['task: adding\nspace: {halves: [1]}', /space: halves: expected true or false but received 1$/],
  ['task: adding\nspace: {lr: 0.1}', /space.lr: expected/],
  ['task: adding\nspace: {lr: {log: [0.1, 1]}}', /space: lr: a grid has no log: list values, or add trials/],
  ['task: adding\nspace: {lr: {log: [0, 1]}}\ntrials: 2', /lr: log: expected two numbers, above 0, the lower first/],
  ['task: adding\nspace: {lr: {uniform: [2, 1]}}\ntrials: 2', /lr: uniform: expected two numbers, the lower first/],
  ['task: adding\nspace: {hidden: {whole: [1, 2.5]}}\ntrials: 2', /whole: expected two whole numbers, the lower first/],
  ['task: adding\nspace: {lr: {logg: [0.1, 1]}}\ntrials: 2', /lr: logg: no such option; did you mean log\?$/],
  ['task: adding\nspace: {lr: {}}\ntrials: 2', /lr: expected one of uniform, log, whole but received an empty object$/],
  ['task: adding\nspace: {lr: {log: [1]}}\ntrials: 2', /space.lr.log/],
  [`${good}options: {lr: 1}`, /lr: expected it once but it is in options and in space$/],
  [`${good}options: {seed: 1}`, /options: seed: the sweep sets it itself: name seeds under seeds$/],
  [`${good}options: {out: x}`, /options: out: the sweep sets it itself/],
  [`${good}options: {data: "a\\nb"}`, /options: "data": no such option of irnn train adding/],
  ['task: words\nspace: {lr: [1]}\noptions: {data: "a\\nb"}', /options: data: expected text of one line/],
  [`${good}option: {}`, /option: no such option; did you mean options\?$/],
  ['task: adding\nspace: {hidden: {whole: [1, 4]}}\ntrials: 5', /trials: expected at most 4 but received 5/],
  [
    'task: adding\nspace: {lr: {uniform: [1, 2]}}\ntrials: 1000000000',
    /at most 100,000 trials but it has 1,000,000,000/,
  ],
  [
    `task: adding\nspace: {${['hidden', 'batch', 'layers'].map((one) => `${one}: [${THOUSAND}]`)}}`,
    /at most 100,000 trials but it has 1,000,000,000: cut it$/,
  ],
  // Hostile files.
  ['a: &a [x]\nb: &b [*a, *a]\nc: [*b, *b]', /expected YAML without tags and aliases: it has an alias/],
  [`${good}options: !!js/function "x"`, /expected YAML without tags and aliases: Unresolved tag/],
  [`${good}options: {cell: !!binary aGk=}`, /options.cell: expected/],
  [`${good}__proto__: {x: 1}`, /__proto__: no such option/],
  [`${good}options: {__proto__: {length: 10}}`, /options: "__proto__": no such option/],
  ['task: adding\nspace: {constructor: [1]}', /space: "constructor": no such option/],
  [`${good}task: adding`, /Map keys must be unique at line 3, column 1$/],
  [`${good}---\n${good}`, /expected YAML .*document/],
  ['[1, 2]', /expected options in an object but received an array of 2$/],
  ['', /expected options in an object but received null$/],
  ['['.repeat(100_000), /expected YAML/],
  [`# ${'x'.repeat(2 ** 20)}`, /expected at most 1 MB but it has 1048578 bytes$/],
]

test('what is wrong is said in one line', () => {
  for (const [text, message] of BAD) {
    assert.throws(
      () => trialsIn(text),
      (error) => {
        assert.ok(error instanceof InputError, `${text.slice(0, 100)}: ${(error as Error).stack}`)
        assert.match(error.message, message)
        assert.doesNotMatch(error.message, /\n/)
        return true
      },
      text.slice(0, 100),
    )
  }
})

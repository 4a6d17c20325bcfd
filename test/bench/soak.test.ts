// The soak: what is flat is called flat and what grows is not; a round of it has the same numbers each time.
import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import { after, test } from 'node:test'
import { robustLine, type Sample, soakFigure, verdicts } from '../../bench/soakReport.ts'
import { ROUNDS, round } from '../../bench/soakWork.ts'
import { createBackend } from '../../src/index.ts'

const samples = (n: number, change: (minute: number) => Partial<Sample> = () => ({})): Sample[] =>
  Array.from({ length: n }, (_, minutes) => ({
    minutes,
    rounds: 100 * minutes,
    resident: 120 + Math.sin(minutes * 7),
    heap: 15 + Math.cos(minutes * 5) / 10,
    external: 2,
    buffers: 0.04,
    addressSpace: 11.6,
    files: 20,
    handles: 0,
    threads: 12,
    ...change(minutes),
  }))
const failing = (measured: readonly Sample[], changed = 0) =>
  verdicts({ samples: measured, changed }).flatMap(({ text, holds }) => (holds === false ? [text] : []))

test('the line of Theil and Sen is not moved by a quarter of the points', () => {
  const { slope, at0 } = robustLine(Array.from({ length: 40 }, (_, x) => [x, x % 4 === 3 ? 1000 : 3 + 2 * x] as const))
  assert.ok(Math.abs(slope - 2) < 1e-12 && Math.abs(at0 - 3) < 1e-12, `${slope} ${at0}`)
})

test('what is flat holds, whatever came while it warmed up; a handle, a mebibyte or a number too many does not', () => {
  assert.deepEqual(failing(samples(120)), [])
  assert.deepEqual(
    failing(samples(120, (minute) => (minute < 20 ? { resident: 60 + 3 * minute, threads: 9 } : {}))),
    [],
  )
  assert.deepEqual(failing(samples(120, (minute) => (minute % 5 === 0 ? { addressSpace: 21.6 } : {}))), [])
  const leaks: [keyof Sample, number, RegExp][] = [
    ['resident', 5, /^resident memory/],
    ['heap', 1.5, /^heap/],
    ['buffers', 2, /^array buffers/],
    ['files', 2, /^open files/],
    ['threads', 1, /^threads/],
  ]
  for (const [measure, hourly, name] of leaks) {
    const grown = samples(120).map((sample) => ({
      ...sample,
      [measure]: sample[measure] + (hourly * sample.minutes) / 60,
    }))
    const found = failing(grown)
    assert.equal(found.length, 1)
    assert.match(found[0]!, name)
  }
  assert.deepEqual(failing(samples(120), 1), ['every round has the same numbers each time'])
})

test('a short soak says nothing of growth', () => {
  const short = verdicts({ samples: samples(20, (minutes) => ({ files: 20 + minutes })), changed: 0 })
  assert.deepEqual([...new Set(short.slice(0, -1).map(({ holds }) => holds))], [null])
})

test('the figure has every measure and its line', () => {
  const figure = soakFigure({ backend: 'wasm, SIMD', samples: samples(120) })
  assert.equal(figure, soakFigure({ backend: 'wasm, SIMD', samples: samples(120) }))
  for (const name of ['resident memory', 'heap in use', 'address space', 'open files', 'threads'])
    assert.ok(figure.includes(`>${name}<`) && figure.includes(`>${name}, fitted<`), name)
  assert.ok(!/NaN|undefined/.test(figure))
})

test('a round has the same numbers each time, on another backend, too', async () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'irnn-soak-'))
  after(() => fs.rmSync(dir, { recursive: true }))
  const options = { threads: 2 }
  using one = await createBackend(options)
  using two = await createBackend(options)
  const sums = [one, two].map(async (backend, i) => {
    const all: string[] = []
    for (const n of [3, 8, 14]) all.push(await round(n + i * ROUNDS, { backend, options, dir: path.join(dir, `${i}`) }))
    return all
  })
  const [first, second] = await Promise.all(sums)
  assert.deepEqual(first, second)
  assert.equal(new Set(first).size, 3)
})

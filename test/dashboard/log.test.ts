/** Records read while they are written, whatever happens to the file. */
import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { test } from 'node:test'
import { createFinder } from '../../src/dashboard/finder.ts'
import { createLog } from '../../src/dashboard/log.ts'
import { evaluation, learning, linesOf, runsFolder, step, writeRun } from '../support/shown.ts'

const root = runsFolder()
let made = 0
function fileOf(text: string): string {
  const file = path.join(root, `${made++}.jsonl`)
  fs.writeFileSync(file, text)
  return file
}

async function read(text: string) {
  const file = fileOf(text)
  const log = createLog(file)
  log.wantSteps(true)
  await log.advance()
  const iterations = () => [...(log.steps!.column('iteration') ?? [])]
  return { file, log, iterations }
}

test('a torn last line waits for its end, and is there once', async () => {
  const [one, two] = [linesOf([step(10, 1)]), linesOf([step(20, 2)])]
  const { file, log, iterations } = await read(one + two.slice(0, 50))
  assert.deepEqual(iterations(), [10])
  assert.equal(log.offset, one.length)
  assert.equal(await log.advance(), false)
  fs.appendFileSync(file, two.slice(50))
  assert.equal(await log.advance(), true)
  assert.deepEqual(iterations(), [10, 20])
  assert.deepEqual(log.problems, [])
})

test('a file that is shorter, replaced or rewritten is read anew; one that is gone is empty', async () => {
  const { file, log, iterations } = await read(linesOf([step(10, 1), step(20, 1)]))
  fs.writeFileSync(file, linesOf([step(30, 1)]))
  await log.advance()
  assert.deepEqual(iterations(), [30])
  fs.writeFileSync(`${file}.new`, linesOf([step(40, 1), step(50, 1)]))
  fs.renameSync(`${file}.new`, file)
  await log.advance()
  assert.deepEqual(iterations(), [40, 50])
  fs.writeFileSync(file, linesOf([step(41, 1), step(51, 1), step(61, 1)]))
  await log.advance()
  assert.deepEqual(iterations(), [41, 51, 61])
  fs.rmSync(file)
  await log.advance()
  assert.equal(log.stepCount, 0)
})

test('records that a resumed run writes again replace those before; other numbers are noticed', async () => {
  const first = learning(30)
  const { log, iterations } = await read(linesOf([...first, ...first.slice(11)]))
  assert.equal(log.steps!.length, 30)
  assert.deepEqual(
    iterations(),
    [...iterations()].sort((a, b) => a - b),
  )
  assert.equal(log.evals.length, 3)
  assert.deepEqual(log.differing, [])
  const other = await read(linesOf([step(10, 1), step(20, 2), step(10, 1), step(20, 2.5), step(30, 3)]))
  assert.deepEqual(other.iterations(), [10, 20, 30])
  assert.deepEqual(other.log.differing, [20])
})

test('a run that goes on in another file is compared with the one before; one that begins anew is not', async () => {
  const first = learning(30)
  const { file, log } = await read(linesOf(first))
  const replaceBy = async (records: readonly object[]) => {
    fs.writeFileSync(`${file}.new`, linesOf(records))
    fs.renameSync(`${file}.new`, file)
    await log.advance()
  }
  const resume = { type: 'resume', iteration: 200, seconds: 2 }
  const later = (record: object) => ({ ...record, seconds: 9, iterationsPerSecond: 1 }) // time is another each time
  await replaceBy([...first.slice(0, 22), resume, ...first.slice(22).map(later)])
  assert.deepEqual(log.resumes, [resume])
  assert.deepEqual(log.differing, [])
  const spread = { mean: 1, min: 0.5, max: 2 }
  const other = (record: object, i: number) =>
    i === 1 ? { ...record, gradNorm: { ...spread, max: 2.0000000000000004 } } : record
  await replaceBy([...first.slice(0, 22), resume, ...first.slice(22).map(other)])
  assert.deepEqual(log.differing, [220])
  await replaceBy(learning(30, () => ({ loss: spread })))
  assert.deepEqual(log.differing, [])
})

test('numbers that are not finite stay what they are, and new names become columns', async () => {
  const { log } = await read(linesOf([step(10, 'NaN'), step(20, 'Infinity', { updateRatio: 0.5, alive: 0.25 })]))
  assert.deepEqual([...log.steps!.column('loss')!], [Number.NaN, Number.POSITIVE_INFINITY])
  assert.equal(log.steps!.column('updateRatio')![1], 0.5)
  assert.deepEqual([...log.steps!.column('lossMax')!], [Number.NaN, Number.POSITIVE_INFINITY])
})

test('whatever a file holds is passed over with a line that says where', async () => {
  const hostile = [
    'no JSON',
    '[]',
    'null',
    '{"type":"step"}',
    '{"type":"step","iteration":-1}',
    '{"__proto__":{"polluted":1},"type":"eval","iteration":1}',
    `{"type":"step","iteration":5,${Array.from({ length: 300 }, (_, i) => `"k${i}":${i}`).join(',')}}`,
    `{"type":"x","a":"${'y'.repeat(2 ** 21)}"}`,
    '\uFEFF',
    '\u0000\u0000',
  ].join('\n')
  const { log } = await read(`${hostile}\n${linesOf([step(10, 1)])}`)
  assert.equal(({} as { polluted?: number }).polluted, undefined)
  assert.equal(log.steps!.column('loss')!.at(-1), 1)
  assert.ok(log.steps!.names.length <= 80)
  assert.ok(log.problems.length >= 4 && log.problems.every((line) => /^line \d+: /.test(line)), String(log.problems))
  const endless = await read(`${'z'.repeat(3 * 2 ** 20)}`)
  fs.appendFileSync(endless.file, `\n${linesOf([step(10, 1)])}`)
  await endless.log.advance()
  assert.deepEqual(endless.iterations(), [10])
})

test('without wanted steps they are counted and the last is known; evaluations are all there', async () => {
  const log = createLog(fileOf(linesOf(learning(100))))
  await log.advance()
  assert.equal(log.steps, null)
  assert.equal(log.stepCount, 100)
  assert.equal(log.lastStep!.get('iteration'), 1000)
  assert.equal(log.evals.length, 10)
  log.wantSteps(true)
  await log.advance()
  assert.equal(log.steps!.length, 100)
  assert.equal(log.evals.length, 10)
})

test('a pipe, a folder or a link in the place of the file is not read', async () => {
  const target = fileOf(linesOf([step(10, 1)]))
  const link = path.join(root, 'link.jsonl')
  fs.symlinkSync(target, link)
  for (const file of [link, root]) {
    const log = createLog(file)
    assert.equal(await log.advance(), false)
    assert.equal(log.offset, 0)
  }
})

test('runs are found below a root, also new ones, and links are not followed', () => {
  const dir = runsFolder()
  const outside = runsFolder()
  writeRun(outside, 'secret', [evaluation(1, 1)])
  writeRun(dir, 'a', [])
  writeRun(dir, 'sweep/b', [])
  fs.symlinkSync(outside, path.join(dir, 'link'))
  fs.mkdirSync(path.join(dir, 'no run'))
  const finder = createFinder([dir])
  const names = () => finder.look().map(({ name }) => name)
  assert.deepEqual(names(), ['a', 'sweep/b'])
  writeRun(dir, 'sweep/c', [])
  assert.deepEqual(names(), ['a', 'sweep/b', 'sweep/c'])
  fs.rmSync(path.join(dir, 'a'), { recursive: true })
  assert.deepEqual(names(), ['sweep/b', 'sweep/c'])
})

test('evaluations that go back at every line, after many alerts, cost no more than others', async () => {
  const line = (type: string, iteration: number) => `{"type":"${type}","iteration":${iteration}}\n`
  const up = Array.from({ length: 5000 }, (_, i) => line('eval', i + 1))
  const { file, log } = await read(up.join('') + line('alert', 1).repeat(40_000))
  fs.appendFileSync(file, up.reverse().join(''))
  const began = process.cpuUsage()
  await log.advance()
  const { user } = process.cpuUsage(began)
  assert.equal(log.events.length, 40_001)
  assert.deepEqual([log.events[0]!.type, log.events.at(-1)!.iteration], ['alert', 1])
  // Looking through all alerts for each of them takes seconds.
  assert.ok(user < 0.5e6, `${user / 1e6} s`)
})

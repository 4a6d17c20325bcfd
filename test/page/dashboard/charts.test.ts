/** What charts of the dashboard show, by their pixels, and the part of the axis that is in view. */
import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { newPage, noBrowser, type Watched } from '../../support/chromium.ts'
import { type Looking, lookingAt, until } from '../../support/dashboardPage.ts'
import {
  builtSite,
  evaluation,
  learning,
  linesOf,
  runsFolder,
  type Shown,
  showing,
  step,
  writeRun,
} from '../../support/shown.ts'

const BROWSER = { skip: noBrowser, timeout: 60_000 }
const MILLION = 1_000_000
const SPIKE = 612_345
const root = runsFolder()
let shown: Shown
let watched: Watched
let page: Page
let look: Looking
let live: string

const open = (hash: string) => page.goto(`${shown.url}dashboard/${hash}`)
const hashOf = (one: Page) => one.evaluate(() => location.hash)

/** A million records, one of which is a thousand times the others; short, for they are written and read anew. */
function writeMillion(): void {
  const file = writeRun(root, 'million', [])
  for (let from = 0; from < MILLION; from += 100_000) {
    let text = ''
    for (let i = from + 1; i <= from + 100_000; i++) {
      text += `{"type":"step","iteration":${i},"loss":${i === SPIKE ? 1000 : 1}}\n`
    }
    fs.appendFileSync(file, text)
  }
}

function mnist(config: { [key: string]: unknown }): void {
  config.task = { name: 'mnist', options: { order: 'scanline' } }
}

if (!noBrowser) {
  writeMillion()
  live = writeRun(root, 'live', learning(100))
  const odd = { 40: 'NaN', 41: 'Infinity', 42: 'NaN', 60: 0, 61: -1 } as Record<number, number | string>
  const oddly = (i: number) => (odd[i] === undefined ? {} : step(10 * (i + 1), odd[i]!))
  writeRun(root, 'odd', [step(0, 0.5), ...learning(100, oddly)])
  writeRun(root, 'digits', learning(100), mnist)
  for (const T of [150, 400, 151]) {
    writeRun(root, `adding-${T}`, learning(20), (config) => {
      ;(config as unknown as { task: { options: { T: number } } }).task.options.T = T
    })
  }
  writeRun(root, 'own', learning(20), (config) => {
    config.task = { name: 'forecast', options: {} }
  })
  shown = await showing(root, { site: builtSite() })
  watched = await newPage()
  page = watched.page
  look = lookingAt(page)
}

test('one record in a million is seen with all of them in view, and its number is exact', BROWSER, async () => {
  await open('#run=million')
  await page.getByRole('button', { name: /1,000,000 of steps/ }).waitFor({ timeout: 30_000 })
  const { summary, box } = { summary: look.chartOf('training loss'), box: await boxOf('training loss') }
  assert.match(
    (await summary.locator('.unseen').first().textContent())!,
    /million: 1 at iteration [\d,]+, between 1 and/,
  )
  const at = Math.round((SPIKE / (await end())) * box.width)
  // High above the others it is alone: what is neither ground nor grid in these rows is the spike.
  const columns = await look
    .chartOf('training loss')
    .locator('canvas')
    .evaluate(
      (canvas, { left, width }) => {
        const [from, rows] = [30, 20]
        const { data } = (canvas as HTMLCanvasElement).getContext('2d')!.getImageData(left, from, width, rows)
        const alpha = (x: number) => Array.from({ length: rows }, (_, y) => data[4 * (y * width + x) + 3]!)
        const all = Array.from({ length: width }, (_, x) => alpha(x))
        return all.map((column, x) => (column.every((one) => one > 60) ? x : -1)).filter((x) => x >= 0)
      },
      { left: Math.round(box.inner), width: Math.floor(box.width) },
    )
  assert.ok(
    columns.some((x) => Math.abs(x - at) <= 3),
    `columns ${columns}, expected ${at}`,
  )
  await page.mouse.move(box.x + at, box.y + 40)
  await look.says('.readout', /million 1,?000 at 612,345$/)
})

/** Where a chart lies, and where its first column of pixels is in its canvas. */
async function boxOf(title: string) {
  const box = (await look.chartOf(title).locator('.u-over').boundingBox())!
  const canvas = (await look.chartOf(title).locator('canvas').boundingBox())!
  return { ...box, inner: box.x - canvas.x }
}

/** The end of the axis in view. */
async function end(): Promise<number> {
  return Number(await page.locator('.canvas').first().getAttribute('aria-valuemax'))
}

test('what is not finite breaks the line, what has no place on a logarithmic axis is counted', BROWSER, async () => {
  await open('#run=odd&zoom=300,700')
  await look.says('.note', /2 points at or below 0 have no place on a logarithmic axis/)
  await page.keyboard.press('l')
  await page.keyboard.press('l')
  await page.getByRole('button', { name: 'y linear' }).waitFor()
  assert.equal(await page.locator('.note', { hasText: 'at or below 0' }).count(), 0)
  // A record at iteration 0 has no place on a logarithmic x axis: all others have.
  await page.keyboard.press('L')
  await page.waitForURL(/log=x/)
  await until(async () => (await look.pixels('training loss', 0)).some(({ count }) => count > 0))
  const columns = await look.pixels('training loss', 0)
  assert.ok(columns.filter(({ count }) => count > 0).length > 100)
  assert.deepEqual(watched.complaints, [])
})

test(
  'the curve of the paper is behind runs that it belongs to, by its name, and behind no other',
  BROWSER,
  async () => {
    for (const [run, name] of [
      ['digits', /paper, irnn \(Fig\. 3, digitised\) /],
      ['adding-150', /paper, irnn \(Fig\. 2, digitised\) /],
      ['adding-400', /paper, irnn \(Fig\. 2, digitised\) /],
    ] as const) {
      await open(`#run=${run}`)
      await look.says('.readout', name)
    }
    for (const run of ['adding-151', 'own']) {
      await open(`#run=${run}`)
      await look.says('.readout', new RegExp(run))
      assert.equal(await page.getByText('digitised').count(), 0)
    }
  },
)

test(
  'the part in view is dragged along with Shift, moved by keys, and follows new records if told to',
  BROWSER,
  async () => {
    await open('#run=live&zoom=400,600')
    await look.says('.readout', /live/)
    const box = await boxOf('training loss')
    const partOf = async () => new URLSearchParams((await hashOf(page)).slice(1)).get('zoom')!.split(',').map(Number)
    await page.mouse.move(box.x + 200, box.y + 60)
    await page.keyboard.down('Shift')
    await page.mouse.down()
    await page.mouse.move(box.x + 200 - box.width / 2, box.y + 60, { steps: 3 })
    await page.mouse.up()
    await page.keyboard.up('Shift')
    const [from, to] = await partOf()
    assert.ok(Math.abs(from! - 500) <= 2 && Math.abs(to! - 700) <= 2, `${from} to ${to}`)
    await page.mouse.move(0, 0)
    await page.keyboard.press('[')
    await page.keyboard.press('-')
    const wider = await partOf()
    assert.ok(Math.abs(wider[0]! - 350) <= 3 && Math.abs(wider[1]! - 750) <= 3, `${wider}`)
    await page.keyboard.press('f')
    await page.waitForURL(/follow/)
    const before = await end()
    fs.appendFileSync(live, linesOf([step(1500, 0.5), evaluation(1500, 0.5)]))
    assert.ok(await until(async () => (await end()) > before))
    const after = new URLSearchParams((await hashOf(page)).slice(1)).get('zoom')
    assert.match(after!, /,follow$/)
  },
)

test('where the server refuses the numbers of charts, the list of runs goes on', BROWSER, async () => {
  const { page: other } = await newPage()
  await other.goto(`${shown.url}dashboard/#run=live`)
  const says = lookingAt(other).says
  await says('.readout', /live/)
  await other.route('**/api/series?*', (route) => route.fulfill({ status: 400, json: { error: 'to: wrong' } }))
  fs.appendFileSync(live, linesOf([evaluation(1510, 0.0625)]))
  await says('tr[data-run]', /live.*0\.0625/s)
  await other.context().close()
})

test(
  'a link shows all of it in another page: runs, pin, both axes, smoothing, part, tables, filter',
  BROWSER,
  async () => {
    const hash = '#run=live&run=adding-150&pin=live&x=seconds&log=x&y=linear&smooth=3&zoom=0.5%2C8&tables=open&filter=a'
    await open(hash)
    await look.says('.readout', /live/)
    await page.locator('.numbers table').first().waitFor()
    const state = async (one: Page) => ({
      hash: await hashOf(one),
      bar: await one.locator('.bar').innerText(),
      x: await one.locator('.bar select').inputValue(),
      filter: await one.locator('#filter').inputValue(),
      rows: await one.locator('tr[data-run] input:checked').count(),
      ends: await one.locator('.canvas').first().getAttribute('aria-valuemax'),
      heads: await one.locator('.numbers caption').allInnerTexts(),
    })
    const { page: other } = await newPage()
    await other.goto(page.url())
    await other.locator('.numbers table').first().waitFor()
    const [one, two] = [await state(page), await state(other)]
    assert.equal(one.hash, hash)
    assert.equal(one.x, 'seconds')
    assert.equal(one.rows, 2)
    assert.deepEqual(two, one)
    await other.context().close()
  },
)

test(
  'a run that was killed and taken up again: its records once, a mark, and an alert if its numbers are others',
  BROWSER,
  async () => {
    const first = learning(60)
    const resume = { type: 'resume', iteration: 400, seconds: 4 }
    const again = first.slice(44) // from iteration 410 on
    const file = writeRun(root, 'killed', first)
    await look.rowOf('killed').waitFor({ timeout: 15_000 })
    await open('#run=killed&pin=killed')
    const records = (count: number) =>
      page.getByRole('button', { name: new RegExp(`\\(${count} of steps\\)`) }).waitFor()
    await records(60)
    const kept = first.slice(0, 44)
    const write = (records: readonly object[]) => {
      fs.writeFileSync(`${file}.new`, linesOf(records))
      fs.renameSync(`${file}.new`, file)
    }
    write([...kept, resume, ...again])
    await look.says('.note', /┊ killed was taken up again at 400/)
    await records(60)
    // The page asks for alerts seldom: the server, which has read the new file, is asked.
    const id = await look.rowOf('killed').getAttribute('data-run')
    const alerts = async () => JSON.stringify((await shown.json(`api/run?id=${id}`)).alerts)
    assert.doesNotMatch(await alerts(), /written twice/)
    const columns = await look.pixels('training loss', 0)
    const tall = columns.flatMap(({ count }, x) => (count > 40 ? [x] : []))
    const { inner, width } = await boxOf('training loss')
    assert.equal(tall.length, 1, `columns ${tall}`)
    assert.ok(Math.abs(tall[0]! - inner - (400 / 600) * width * (600 / (await end()))) <= 2, `${tall}`)
    write([
      ...kept,
      resume,
      ...again.map((record, i) => (i === 3 ? { ...record, gradNorm: { mean: 1.25, min: 0.5, max: 2 } } : record)),
    ])
    await look.says('.alerts', /1 records? (was|were) written twice/)
    assert.match(await alerts(), /written twice/)
    fs.rmSync(path.dirname(file), { recursive: true })
  },
)

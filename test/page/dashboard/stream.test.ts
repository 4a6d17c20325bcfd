/** How the dashboard keeps up: many records, many runs, a server that goes and comes, a page that nobody sees. */
import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { createDashboard } from '../../../src/dashboard/dashboard.ts'
import { lockFolder } from '../../../src/runs/lock.ts'
import { countPictures, newPage, noBrowser, slowClock } from '../../support/chromium.ts'
import { lookingAt, until } from '../../support/dashboardPage.ts'
import {
  builtSite,
  evaluation,
  learning,
  linesOf,
  MEMORY,
  relayTo,
  runsFolder,
  type Shown,
  showing,
  step,
  writeRun,
} from '../../support/shown.ts'

const BROWSER = { skip: noBrowser, timeout: 60_000 }
const root = runsFolder()
let shown: Shown
let live: string, rapid: string, busy: string, tall: string, unseen: string

if (!noBrowser) {
  live = writeRun(root, 'live', learning(100))
  // Before the server looks: an address names runs that are known.
  busy = writeRun(root, 'busy', learning(200))
  tall = writeRun(root, 'tall', learning(100))
  unseen = writeRun(root, 'unseen', learning(100))
  rapid = writeRun(root, 'rapid', learning(5000))
  shown = await showing(root, { site: builtSite() })
}

const counting = (page: Page, count: number) =>
  page
    .getByRole('button', { name: new RegExp(`all records as CSV \\(${count} of steps\\)`) })
    .waitFor({ timeout: 15_000 })

test('a folder without runs says what makes one; the first run is there by itself', BROWSER, async () => {
  const empty = runsFolder()
  const own = await showing(empty, { site: builtSite() })
  const { page, complaints } = await newPage()
  await page.goto(`${own.url}dashboard/`)
  await page.getByText('No runs yet: "npx irnn train adding" makes one').waitFor()
  writeRun(empty, 'first', learning(10))
  await page
    .locator('.readout', { hasText: /first 0\.0/ })
    .first()
    .waitFor({ timeout: 15_000 })
  fs.rmSync(path.join(empty, 'first'), { recursive: true })
  await page.getByText('No runs yet').waitFor({ timeout: 15_000 })
  await page.getByText('first is gone: its folder was removed or renamed').waitFor()
  assert.equal(await page.locator('figure.chart').count(), 0)
  assert.deepEqual(complaints, [])
  await page.context().close()
  await own.close()
})

test(
  'the server goes and comes, or the network does: the page is back, and has each record once',
  BROWSER,
  async () => {
    const site = builtSite()
    const start = () => createDashboard({ roots: [root], site, home: '/dashboard/', fit: () => null })
    const first = start()
    const { port } = new URL(await first.listen(0, '127.0.0.1'))
    const relay = await relayTo(Number(port))
    const { page } = await newPage()
    await page.goto(`${relay.url}dashboard/#run=live&pin=live`)
    await counting(page, 100)
    const line = linesOf([step(1010, 0.5)])
    fs.appendFileSync(live, line.slice(0, 40)) // a line that is not whole yet
    await first.close()
    await page.getByText('no server').waitFor({ timeout: 15_000 })
    fs.appendFileSync(live, line.slice(40))
    const second = start()
    await second.listen(Number(port), '127.0.0.1')
    await counting(page, 101)
    await page.context().setOffline(true)
    relay.drop() // the browser leaves streams that are open
    await page.getByText('no server').waitFor({ timeout: 15_000 })
    fs.appendFileSync(live, linesOf([step(1020, 0.5), step(1030, 0.5)]))
    await page.waitForTimeout(500)
    await counting(page, 101)
    await page.context().setOffline(false)
    await counting(page, 103)
    await page.context().close()
    await second.close()
    relay.close()
  },
)

test('a thousand records a second: at most 11 pictures of each, of at most four points a pixel', BROWSER, async () => {
  const unlock = lockFolder(path.dirname(rapid))
  const { page: other } = await newPage()
  await other.addInitScript(countPictures)
  await other.goto(`${shown.url}dashboard/#run=rapid`)
  await other
    .locator('.readout', { hasText: /rapid 0\.08\d/ })
    .first()
    .waitFor()
  const began = performance.now()
  await other.evaluate(() => counted.pictures.clear())
  for (let i = 0; i < 20; i++) {
    fs.appendFileSync(rapid, linesOf(Array.from({ length: 100 }, (_, k) => step(50_010 + 1000 * i + 10 * k, i + 1))))
    await other.waitForTimeout(100)
  }
  const { pictures, points, width } = await other.evaluate(() => {
    const { clientWidth: width } = document.querySelector<HTMLElement>('.u-over')!
    return { pictures: [...counted.pictures.values()], points: counted.points, width }
  })
  const seconds = (performance.now() - began) / 1000
  unlock()
  await other.context().close()
  assert.ok(pictures.length >= 3 && Math.max(...pictures) >= 2, `${pictures} pictures in ${seconds} s`)
  assert.ok(Math.max(...pictures) <= 11 * seconds + 1, `${pictures} pictures in ${seconds} s`)
  assert.ok(points > 100 && points <= 4 * width, `${points} points on ${width} pixels`)
})

test(
  'where no core is idle the first record is drawn at once, those after it seldom, and oftener for a reader',
  BROWSER,
  async () => {
    const own = await showing(root, { site: builtSite(), load: { look: () => true } })
    const unlock = lockFolder(path.dirname(busy))
    const { page } = await newPage()
    await page.addInitScript(countPictures)
    await page.addInitScript(slowClock)
    await page.goto(`${own.url}dashboard/#run=busy`)
    await page.locator('.readout', { hasText: 'busy' }).first().waitFor()
    await page.mouse.move(800, 200) // what waits for its time comes now
    await page.mouse.move(5, 5)
    await page.waitForTimeout(700) // all is quiet
    await page.evaluate(() => clock.pass(10_000)) // the reader is forgotten
    const pictures = () => page.evaluate(() => Math.max(0, ...counted.pictures.values()))
    await page.evaluate(() => counted.pictures.clear())
    let at = 2000
    const append = () => {
      at += 10
      fs.appendFileSync(busy, linesOf([step(at, at)]))
    }
    append()
    assert.ok(await until(async () => (await pictures()) > 0, 4))
    const writing = setInterval(append, 50)
    await page.waitForTimeout(1500)
    const few = await pictures()
    await page.mouse.move(800, 200)
    await page.mouse.move(805, 200)
    assert.ok(await until(async () => (await pictures()) > few, 6))
    clearInterval(writing)
    unlock()
    await page.context().close()
    await own.close()
    assert.ok(few <= 2, `${few} pictures in 1.5 s`)
  },
)

test('charts out of view are not drawn, and are up to date when they come into view', BROWSER, async () => {
  const { page } = await newPage({ viewport: { width: 700, height: 400 } })
  await page.addInitScript(countPictures)
  await page.goto(`${shown.url}dashboard/#run=tall`)
  const last = page.locator('figure.chart').last()
  await last.waitFor()
  await page.waitForTimeout(300)
  await page.evaluate(() => counted.pictures.clear())
  await page.evaluate(() => scrollTo(0, document.querySelector('figure.chart')!.getBoundingClientRect().top + scrollY))
  fs.appendFileSync(tall, linesOf([step(1040, 9, { clippedShare: 0.77 }), evaluation(1040, 0.5)]))
  await page.locator('.readout', { hasText: /tall 9$/ }).waitFor({ timeout: 15_000 })
  assert.match(await last.locator('.readout').innerText(), /tall 10\.00 %/)
  await last.scrollIntoViewIfNeeded()
  await last.locator('.readout').filter({ hasText: '77.00 %' }).waitFor({ timeout: 15_000 })
  await page.context().close()
})

test('a page that is hidden closes its stream, and catches up when it is seen again', BROWSER, async () => {
  const { page } = await newPage()
  await page.goto(`${shown.url}dashboard/#run=unseen&pin=unseen`)
  const { says } = lookingAt(page)
  await counting(page, 100)
  const hide = (hidden: boolean) =>
    page.evaluate((hidden) => {
      Object.defineProperty(document, 'hidden', { get: () => hidden, configurable: true })
      document.dispatchEvent(new Event('visibilitychange'))
    }, hidden)
  await hide(true)
  await says('.state', /asleep/)
  fs.appendFileSync(unseen, linesOf([step(1050, 0.25)]))
  await page.waitForTimeout(1200)
  await counting(page, 100)
  await hide(false)
  await counting(page, 101)
  await says('.readout', /unseen 0\.25$/)
  await page.context().close()
})

test('five thousand runs: the list has a few rows at every place, and finds by words', BROWSER, async () => {
  const many = runsFolder(MEMORY) // a disk takes longer to remove 5,000 folders than all of this
  const first = path.dirname(writeRun(many, 'sweep/run-0', [step(10, 1), evaluation(10, 1)]))
  for (let i = 1; i < 5000; i++) {
    const dir = path.join(many, `sweep/run-${i}`)
    fs.mkdirSync(dir)
    for (const name of ['config.json', 'metrics.jsonl']) fs.linkSync(path.join(first, name), path.join(dir, name))
  }
  const own = await showing(many, { site: builtSite() })
  const { page, complaints } = await newPage()
  await page.goto(`${own.url}dashboard/`)
  await page.getByText('5,000 of 5,000').waitFor({ timeout: 30_000 })
  const rows = page.locator('tr[data-run]')
  assert.ok((await rows.count()) <= 40)
  await page.locator('.rows').evaluate((list) => list.scrollTo(0, 4000 * 62))
  await page.getByText('sweep/run-4002', { exact: true }).waitFor()
  assert.ok((await rows.count()) <= 40)
  await page.locator('.rows').evaluate((list) => list.scrollTo(0, list.scrollHeight))
  await page.getByText('sweep/run-4999', { exact: true }).waitFor()
  await page.keyboard.press('/')
  await page.keyboard.type('run-49')
  await page.getByText('111 of 5,000').waitFor()
  assert.ok((await rows.count()) <= 40)
  await page.keyboard.press('Escape')
  await page.keyboard.press('j')
  await page.keyboard.press(' ')
  await page.locator('.readout', { hasText: 'run-490' }).first().waitFor()
  assert.deepEqual(complaints, [])
  await page.context().close()
  await own.close()
})

test('twenty runs: after many pictures the page holds as much as before', BROWSER, async () => {
  const twenty = runsFolder()
  const files = Array.from({ length: 20 }, (_, i) => writeRun(twenty, `run-${i}`, learning(500)))
  const unlocks = files.map((file) => lockFolder(path.dirname(file)))
  const own = await showing(twenty, { site: builtSite() })
  const { page } = await newPage()
  await page.addInitScript(countPictures)
  await page.goto(`${own.url}dashboard/#${files.map((_, i) => `run=run-${i}`).join('&')}`)
  await page.locator('.readout', { hasText: 'and 14 more' }).first().waitFor()
  const client = await page.context().newCDPSession(page)
  const heap = async () => {
    await client.send('HeapProfiler.collectGarbage')
    return (await client.send('Runtime.getHeapUsage')).usedSize / 1e6
  }
  const pictures = () => page.evaluate(() => Math.max(...counted.pictures.values()))
  let at = 5000
  const update = async (count: number) => {
    for (const end = (await pictures()) + count; (await pictures()) < end; await page.waitForTimeout(50)) {
      at += 10
      for (const file of files) fs.appendFileSync(file, linesOf([step(at, 1)]))
    }
  }
  await update(2)
  const before = await heap()
  await update(4)
  const after = await heap()
  for (const unlock of unlocks) unlock()
  await page.context().close()
  await own.close()
  assert.ok(after - before < 1, `${before} MB, then ${after} MB`)
})

/** The dashboard in a browser: what it draws, how it keeps up, and that nothing in a run does anything to it. */
import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { newPage, noBrowser, seriousIn, type Watched } from '../support/chromium.ts'
import { type Looking, lookingAt, until } from '../support/dashboardPage.ts'
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
} from '../support/shown.ts'

const HOSTILE = '<img src=x onerror=alert(1)> \u202e\u0000=cmd()'.replace('\u0000', '')
const BROWSER = { skip: noBrowser, timeout: 60_000 }
const root = runsFolder()
let shown: Shown
let watched: Watched
let page: Page
let live: string
let says: Looking['says'], rowOf: Looking['rowOf'], chartOf: Looking['chartOf'], pixels: Looking['pixels']

const open = (hash: string) => page.goto(`${shown.url}dashboard/${hash}`)

// Here and not in a hook: what is opened within one is closed at its end.
if (!noBrowser) {
  live = writeRun(root, 'live', learning(100), (config) => {
    config.training.iterations = 10_000
  })
  writeRun(
    root,
    'bad',
    learning(100, (i) => (i > 40 && i < 60 ? (step(10 * (i + 1), 'NaN') as object) : {})),
  )
  const spiked = (i: number) => (i === 12_345 ? { loss: { mean: 1, min: 0.5, max: 5000 } } : {})
  writeRun(root, 'spiked', learning(20_000, spiked), (config) => {
    config.seed = 77
  })
  writeRun(root, `hostile ${HOSTILE.replaceAll('/', '')}`, learning(20), (config) => {
    config.title = `<script>alert(1)</script> ${HOSTILE}`
  })
  const flow = { T: 100, flow: Array.from({ length: 50 }, (_, t) => (t - 50) / 10), decades: -4.9, verdict: 'vanishes' }
  writeRun(root, 'probed', [...learning(20), { type: 'probe', iteration: 100, every: 2, ...flow, rho: 1.01 }])
  shown = await showing(root, { site: builtSite() })
  watched = await newPage()
  page = watched.page
  ;({ says, rowOf, chartOf, pixels } = lookingAt(page))
}

test('runs are listed and drawn; a record that is appended is on the page soon', {
  skip: noBrowser,
}, async () => {
  await open('#run=live')
  await says('tr[data-run]', /live/)
  assert.equal(await rowOf('live').locator('input').isChecked(), true)
  await says('.readout', /0\.08\d/)
  const began = performance.now()
  fs.appendFileSync(live, linesOf([step(1010, 7), evaluation(1010, 0.0123)]))
  await says('.readout', /live 7$/)
  await says('tr[data-run]', /0\.0123/)
  const seconds = (performance.now() - began) / 1000
  // A busy machine is slow; a page that polls seldom is slower.
  assert.ok(seconds < 8, `${seconds} s`)
  writeRun(root, 'newcomer', learning(10))
  await rowOf('newcomer').waitFor({ timeout: 15_000 })
})

test('a gap of numbers that are not finite is not bridged, and has marks', BROWSER, async () => {
  await open('#run=bad&zoom=400,620')
  await says('.readout', /bad/)
  await until(async () => (await pixels('training loss', 0)).some(({ count }) => count > 0))
  const columns = await pixels('training loss', 0)
  const used = columns.map(({ count }, x) => (count > 0 ? x : -1)).filter((x) => x >= 0)
  const [left, right] = [used[0]!, used.at(-1)!]
  const inside = columns.slice(left + Math.round((right - left) * 0.12), left + Math.round((right - left) * 0.78))
  // Marks are wider than high at the top of the gap; a line through it would touch every column.
  assert.ok(
    inside.some(({ count }) => count === 0),
    'no column of the gap is empty',
  )
  assert.ok(
    inside.some(({ count }) => count >= 4),
    'no mark in the gap',
  )
})

test('one spike in 20,000 records is seen with all of them in view, and its number is exact', {
  skip: noBrowser,
}, async () => {
  await open('#run=spiked')
  await says('.readout', /spiked/)
  await says('.unseen', /spiked: 0\.08/)
  const box = (await chartOf('training loss').locator('.u-over').boundingBox())!
  await page.mouse.move(box.x + (12_346 / 20_000) * box.width, box.y + 50)
  await says('.readout', /spiked 1 \(0\.5 to 5000\) at 123,460/)
  await says('.score', /here/) // linked: the table has the score there
  assert.ok(Number(await page.evaluate(() => document.querySelectorAll('.u-cursor-x:not(.u-off)').length)) >= 3)
})

test('the part in view stays when records come; a double click shows all; a link shows the same', {
  skip: noBrowser,
}, async () => {
  await open('#run=live&run=probed&pin=probed')
  await says('.readout', /live/)
  const box = (await chartOf('training loss').locator('.u-over').boundingBox())!
  await page.mouse.move(box.x + 50, box.y + 60)
  await page.mouse.down()
  await page.mouse.move(box.x + 150, box.y + 60, { steps: 4 })
  await page.mouse.up()
  await page.getByRole('button', { name: 'whole axis' }).waitFor()
  await page.keyboard.press('l')
  await page.keyboard.press('s')
  await page.waitForURL(/smooth=/)
  const { hash } = new URL(page.url())
  fs.appendFileSync(live, linesOf([step(1020, 0.5), evaluation(1020, 0.0055)]))
  await says('tr[data-run]', /live.*0\.0055/s)
  assert.equal(new URL(page.url()).hash, hash)
  assert.match(hash, /^#run=live&run=probed&pin=probed&y=log&smooth=\d+&zoom=[\d.]+%2C[\d.]+$/)
  const { page: other } = await newPage()
  await other.goto(`${shown.url}dashboard/${hash}`)
  await other.getByRole('button', { name: 'whole axis' }).waitFor()
  await lookingAt(other).says('.readout', /probed/)
  assert.equal(await other.evaluate(() => location.hash), hash)
  await other.context().close()
  await page.mouse.dblclick(box.x + 100, box.y + 60)
  await page.getByRole('button', { name: 'whole axis' }).waitFor({ state: 'detached' })
})

test('the pinned run has details, others say in what they differ; probes are a map', BROWSER, async () => {
  await open('#run=live&run=spiked&run=probed&pin=probed')
  await says('.detail', /probed/)
  await says('tr[data-run]', /live.*iterations 10000/)
  await says('.differences', /seed.*77/)
  await says('figure.chart', /gradient flow of probed/)
  await says('figure.chart .note', /There the gradient vanishes by 4\.9 decades on .* Spectral radius 1\.01\./)
})

test('a run of irnn fit has its methods, the winner marked, and its forecasts as a picture', BROWSER, async () => {
  const own = runsFolder()
  writeRun(own, 'sales', learning(20))
  const picture = Buffer.from(
    '<svg xmlns="http://www.w3.org/2000/svg" width="720" height="300"><script>alert(1)</script></svg>',
  )
  const methods = [
    ['test part', 'MASE'],
    ['last value', '2.1'],
    ['network', '0.7'],
  ]
  const fit = () => ({ methods, winner: 'network', verdict: 'the network is 67 % better than "last value"', picture })
  const forecasts = await showing(own, { site: builtSite(), fit })
  const { page: other, complaints } = await newPage()
  await other.goto(`${forecasts.url}dashboard/#run=sales`)
  const image = other.getByAltText("What came in the test part, the network's forecasts and their band")
  await image.waitFor()
  assert.ok((await image.boundingBox())!.width > 600)
  assert.deepEqual(await other.locator('.fit tr').allInnerTexts(), [
    'test part\tMASE',
    'last value\t2.1',
    'network\t0.7',
  ])
  assert.equal(await other.locator('.fit tr.best').innerText(), 'network\t0.7')
  await other.getByText('67 % better').waitFor()
  assert.deepEqual(complaints, [])
  await other.context().close()
  await forecasts.close()
})

test('figures and records can be saved: SVG, PNG of twice the pixels, CSV of all rows', {
  skip: noBrowser,
}, async () => {
  await open('#run=live')
  await says('.readout', /live/)
  const saved = async (name: string | RegExp) => {
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name }).click()])
    return fs.readFileSync(await download.path())
  }
  const svg = String(await saved('save training loss as SVG'))
  assert.match(svg, /^<svg xmlns[\s\S]*<path d="M[\s\S]*live[\s\S]*<\/svg>\n$/)
  assert.doesNotMatch(svg, /<script|href=/)
  const png = await saved('save training loss as PNG')
  assert.deepEqual([png.readUInt32BE(16), png.readUInt32BE(20)], [1440, 880])
  const csv = String(await saved(/all records as CSV/))
  assert.equal(csv.trimEnd().split('\n').length, 1 + fs.readFileSync(live, 'utf8').trimEnd().split('\n').length)
})

test('by keyboard alone: the crosshair moves, tables open, help shows and closes', BROWSER, async () => {
  await open('#run=live')
  await says('.readout', /live/)
  await page.locator('.canvas').first().focus()
  await page.keyboard.press('Home')
  await page.keyboard.press('Shift+ArrowRight')
  await says('.unseen[role=status]', /iteration \d+: live/)
  await page.keyboard.press('Enter')
  await page.keyboard.press('Escape')
  await page.keyboard.press('t')
  await page.locator('.numbers table').first().waitFor()
  await page.keyboard.press('t')
  await page.keyboard.press('?')
  await page.getByRole('dialog').waitFor()
  await page.keyboard.press('Escape')
  await page.getByRole('dialog').waitFor({ state: 'hidden' })
})

for (const colorScheme of ['light', 'dark'] as const) {
  test(`nothing serious is found by axe on ${colorScheme} ground`, BROWSER, async () => {
    await page.emulateMedia({ colorScheme })
    await open('#run=live&run=bad&run=probed&pin=bad')
    await says('.detail', /bad/)
    assert.deepEqual(await seriousIn(page), [])
  })
}

test('360 pixels wide, at twice the size, and with colours forced, nothing is lost', BROWSER, async () => {
  await page.emulateMedia({ forcedColors: 'active', reducedMotion: 'reduce' })
  await open('#run=live&run=bad&run=probed&pin=probed')
  // 640: a window of 1280 pixels at 200 %.
  for (const width of [360, 640]) {
    await page.setViewportSize({ width, height: 740 })
    await says('.readout', /live/)
    const lost = await page.evaluate(() => {
      const { scrollWidth, clientWidth } = document.documentElement
      const parts = [...document.querySelectorAll('button, input, select, h1, h2, .canvas, .readout li, .detail p')]
      const outside = parts.filter((part) => {
        const { left, right, width } = part.getBoundingClientRect()
        return width > 0 && (left < -1 || right > clientWidth + 1) && !part.closest('.wide')
      })
      return [scrollWidth - clientWidth, ...outside.map((part) => part.outerHTML.slice(0, 80))]
    })
    assert.deepEqual(lost, [0], `${width} pixels`)
  }
  await page.emulateMedia({ forcedColors: null, reducedMotion: null })
  await page.setViewportSize({ width: 1280, height: 900 })
})

test('names are text, the policy of the page is never broken, and nobody else is asked', {
  skip: noBrowser,
}, async () => {
  await open('')
  await page.locator('tr[data-run]').filter({ hasText: 'hostile <img' }).locator('.pin').click()
  await says('.detail', /<script>alert\(1\)<\/script>/)
  assert.equal(await page.locator('img[src="x"]').count(), 0)
  assert.deepEqual(
    watched.complaints.filter((line) => !/ERR_CONNECTION_REFUSED|ERR_INCOMPLETE/.test(line)),
    [],
  )
  assert.deepEqual(
    watched.asked.filter((url) => !url.startsWith(shown.url) && !/^(data|blob):/.test(url)),
    [],
  )
})

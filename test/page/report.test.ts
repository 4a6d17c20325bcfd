/** A report in Chromium, from its file, without scripts. */
import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { before, test } from 'node:test'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { Page } from 'playwright-core'
import { newPage, seriousIn, noBrowser as skip } from '../support/chromium.ts'
import { home, run } from '../support/command.ts'

const RUNS = fileURLToPath(new URL('../../../test/fixtures/runs-0.1.0', import.meta.url))
const HOSTILE = process.platform === 'win32' ? 'hostile' : '"><img src=x onerror=alert(1)>'
const file = pathToFileURL(path.join(home, 'report.html')).href

before(async () => {
  if (skip) return
  for (const name of ['adding', HOSTILE])
    fs.cpSync(path.join(RUNS, 'adding'), path.join(home, name), { recursive: true })
  const { code, err } = await run('report', 'adding', HOSTILE, '--out', 'report.html')
  assert.deepEqual([code, err], [0, ''])
})

async function opened(t: { after(end: () => Promise<void>): void }, javaScriptEnabled: boolean): Promise<Page> {
  const { page, complaints, asked } = await newPage({ javaScriptEnabled })
  t.after(async () => {
    await page.context().close()
    assert.deepEqual(complaints, [])
    assert.deepEqual(
      asked.filter((url) => !url.startsWith('data:')),
      [file],
    )
  })
  await page.goto(file)
  return page
}

test('without scripts its figures are there, legible in print and in both themes, and nothing is asked for', {
  skip,
}, async (t) => {
  const page = await opened(t, false)
  const figure = page.getByRole('img', { name: /^training loss\./ })
  await figure.waitFor()
  await page.getByRole('cell', { name: HOSTILE, exact: true }).waitFor()
  const ground = () => figure.locator('.ground').evaluate((element) => getComputedStyle(element).fill)
  const paper = () => page.locator('body').evaluate((element) => getComputedStyle(element).backgroundColor)
  const [white, black] = ['rgb(255, 255, 255)', 'rgb(22, 24, 28)']
  for (const [media, colorScheme, expected] of [
    ['screen', 'light', white],
    ['screen', 'dark', black],
    ['print', 'dark', white],
  ] as const) {
    await page.emulateMedia({ media, colorScheme })
    assert.deepEqual([await ground(), await paper()], [expected, expected], `${media}, ${colorScheme}`)
  }
  await page.emulateMedia({ media: 'screen', colorScheme: 'light' })
  await page.setViewportSize({ width: 360, height: 800 })
  assert.ok((await figure.boundingBox())!.width <= 360)
})

test('who points at a point of a curve sees its numbers; a hostile name is text; no serious finding', {
  skip,
}, async (t) => {
  const page = await opened(t, true)
  const spots = page.getByRole('img', { name: /^training loss\./ }).locator('circle.told')
  const told = await spots.evaluateAll((all) =>
    all.map((one) => {
      one.scrollIntoView()
      const { x, y, width, height } = one.getBoundingClientRect()
      return [one.textContent, document.elementFromPoint(x + width / 2, y + height / 2)?.textContent]
    }),
  )
  assert.ok(told.length >= 2)
  for (const [text] of told) assert.match(text!, /, iterations [\d,]+: [\d.e-]+$/)
  // The second run lies on the first: what is on top says the same numbers.
  for (const [own, top] of told) assert.equal(own!.split(', iterations')[1], top!.split(', iterations')[1])
  assert.equal(await page.locator('img[src=x], script').count(), 0)
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme })
    assert.deepEqual(await seriousIn(page), [], colorScheme)
  }
})

/** A network reads a digit in the playground, in Chromium; and the page is everybody's. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { classification, createBackend, createModel, lstm, saveModel } from '../../../src/index.ts'
import { newPage, seriousIn, noBrowser as skip } from '../../support/chromium.ts'
import { button, net, opened, playground, rests } from '../../support/playground.ts'

test('a digit is being read before anybody has done anything', { skip }, async (t) => {
  const page = await opened('#right=none&H=4&T=5', t)
  await page.locator('.answer[data-step]:not([data-step="0"])').waitFor()
  const ms = await page.evaluate(() => performance.now())
  t.diagnostic(`something was read ${Math.round(ms)} ms after the navigation began`)
  assert.equal(await page.evaluate(() => crossOriginIsolated), true)
  await page.getByLabel('pixels read').fill('784')
  await page.locator('.answer[data-class="7"]').waitFor()
  assert.match(await page.locator('.answer').innerText(), /after pixel 784 of 784: most like a 7, (100|9\d)\.\d %/)
  await page.getByRole('img', { name: /how much logit 7 after pixel 784 depends/ }).waitFor()
  await button(page, 'next digit ▶').click()
  await page.getByText(/^test digit 1\b/).waitFor()
  assert.match(page.url(), /digit=1/)
})

test("a reader's own model and drawing are read; a file that is none is refused", { skip }, async (t) => {
  const page = await opened('#right=none&H=4&T=5', t)
  await page.locator('.answer[data-step]:not([data-step="0"])').waitFor()
  const backend = await createBackend({ name: 'wasm', threads: 1 })
  const mine = createModel({ input: 1, rnn: lstm(6), head: classification(10) }, { backend })
  const choose = page.getByLabel('my model')
  await choose.setInputFiles({ name: 'mine.safetensors', mimeType: '', buffer: Buffer.from(saveModel(mine)) })
  await page.getByText(/^mine.safetensors: lstm, 6 units/).waitFor()
  await page.getByRole('img', { name: /hidden states of 6 units .* below 0|hidden states of 6 units .*blue/ }).waitFor()
  await choose.setInputFiles({
    name: '<b>.safetensors',
    mimeType: '',
    buffer: Buffer.from('<img src=x onerror=alert(1)>'),
  })
  await page.getByText(/^<b>.safetensors: safetensors/).waitFor()
  await page.getByText(/^mine.safetensors: lstm, 6 units/).waitFor()
  const sheet = page.getByRole('img', { name: /sheet to draw/ })
  assert.equal(await sheet.evaluate((element) => getComputedStyle(element).touchAction), 'none')
  const box = (await sheet.boundingBox())!
  await page.mouse.move(box.x + 60, box.y + 30)
  await page.mouse.down()
  await page.mouse.move(box.x + 60, box.y + 150, { steps: 5 })
  await page.mouse.up()
  await page.getByText('your digit').waitFor()
  await button(page, 'undo').click()
  assert.equal(await button(page, 'clear').isDisabled(), true)
})

test('a finger draws and does not scroll the page', { skip }, async (t) => {
  const { page } = await newPage({ hasTouch: true, viewport: { width: 400, height: 700 } })
  t.after(() => page.context().close())
  await page.goto(`${playground.origin}play/#right=none&H=4&T=5`)
  await page.locator('.answer[data-step]:not([data-step="0"])').waitFor()
  const sheet = page.getByRole('img', { name: /sheet to draw/ })
  await sheet.scrollIntoViewIfNeeded()
  const { x, y } = (await sheet.boundingBox())!
  const before = await page.evaluate(() => scrollY)
  const client = await page.context().newCDPSession(page)
  const touch = (type: 'touchStart' | 'touchMove' | 'touchEnd', at: number[]) =>
    client.send('Input.dispatchTouchEvent', { type, touchPoints: at.map((down) => ({ x: x + 100, y: y + down })) })
  await touch('touchStart', [30])
  for (let down = 50; down <= 150; down += 20) await touch('touchMove', [down])
  await touch('touchEnd', [])
  await page.getByText('your digit').waitFor()
  assert.equal(await page.evaluate(() => scrollY), before)
})

test('it can be read and worked by everybody, in both themes, and on a narrow screen', { skip }, async (t) => {
  const page = await opened('#T=10&H=8', t)
  await Promise.all([rests(page, 'left'), rests(page, 'right')])
  await page.locator('.answer[data-step]:not([data-step="0"])').waitFor()
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    assert.deepEqual(await seriousIn(page), [], colorScheme)
  }
  await page.setViewportSize({ width: 360, height: 800 })
  await page.waitForFunction(() => document.scrollingElement!.scrollWidth <= 360)
  await page.locator('body').press('.')
  await net(page, 'left').and(page.locator('[data-iteration="1"]')).waitFor()
})

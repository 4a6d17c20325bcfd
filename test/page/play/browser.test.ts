/** The playground in Chromium, as `irnn play` serves it. */
import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { createHash } from 'node:crypto'
import * as fs from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import * as path from 'node:path'
import { after, before, test } from 'node:test'
import type { Page } from 'playwright-core'
import { Trainer } from '../../../page/play/engine/trainer.ts'
import { DEFAULTS, netOf } from '../../../page/play/settings.ts'

import { classification, createBackend, createModel, lstm, saveModel } from '../../../src/index.ts'
import { newPage, noBrowser, seriousIn } from '../../support/chromium.ts'
import { home, run, start } from '../../support/command.ts'
import { builtSite } from '../../support/shown.ts'

const skip = noBrowser
let server: ChildProcess
let origin = ''

before(async () => {
  if (skip) return
  server = start('play', '--port', '0', '--no-open').child
  origin = await new Promise<string>((resolve) => server.stdout!.once('data', (data) => resolve(String(data).trim())))
})
after(() => server?.kill())

/** The page with these settings, and what went wrong in it by the end of the test. */
async function opened(hash: string, t: { after(end: () => Promise<void>): void }, from = origin): Promise<Page> {
  const { page, complaints, asked } = await newPage()
  t.after(async () => {
    await page.context().close()
    assert.deepEqual(complaints, [])
    const foreign = asked.filter((url) => !url.startsWith(from) && !/^(blob|data):/.test(url))
    assert.deepEqual(foreign, [])
  })
  await page.goto(`${from}play/${hash}`)
  return page
}

const net = (page: Page, side: 'left' | 'right') => page.locator(`.net[aria-label^="${side}"]`)
const iteration = async (page: Page, side: 'left' | 'right') =>
  Number(await net(page, side).getAttribute('data-iteration'))
const rests = (page: Page, side: 'left' | 'right') =>
  net(page, side).and(page.locator('[data-status=paused]')).waitFor()
const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true })

async function downloaded(page: Page, side: 'left' | 'right'): Promise<{ name: string; sha256: string }> {
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    net(page, side).getByRole('button', { name: 'download model' }).click(),
  ])
  const bytes = fs.readFileSync(await download.path())
  return { name: download.suggestedFilename(), sha256: createHash('sha256').update(bytes).digest('hex') }
}

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

test('an IRNN learns to add in the tab, and the copied command gives the same bytes', { skip }, async (t) => {
  const page = await opened('#T=50&left=irnn&right=none&seed=7', t)
  await rests(page, 'left')
  await page.locator('body').press(' ')
  await page.waitForFunction(
    () => Number(/test MSE ([\d.]+)/.exec(document.querySelector('.net')!.textContent!)?.[1]) < 0.05,
    null,
    { timeout: 60_000 },
  )
  await button(page, '❚❚ pause').click()
  await rests(page, 'left')
  const iterations = await iteration(page, 'left')
  assert.ok(iterations >= 200, `${iterations}`)
  const { sha256 } = await downloaded(page, 'left')
  const command = await net(page, 'left').getByLabel('command').inputValue()
  const [npx, irnn, ...words] = command.split(' ')
  assert.deepEqual([npx, irnn], ['npx', 'irnn'])
  assert.equal((await run(...words, '--out', 'copied')).code, 0)
  const file = fs.readFileSync(path.join(home, 'copied', 'model.safetensors'))
  assert.equal(createHash('sha256').update(file).digest('hex'), sha256)
})

test('two networks step, go on with another rate, and ask before they begin anew', { skip }, async (t) => {
  const page = await opened('#T=10&left=lstm&right=gru&H=8', t)
  await Promise.all([rests(page, 'left'), rests(page, 'right')])
  assert.equal(page.workers().filter((worker) => /worker-/.test(worker.url())).length, 3)
  await button(page, 'step').click()
  await net(page, 'right').and(page.locator('[data-iteration="1"]')).waitFor()
  await button(page, 'step').click()
  await net(page, 'left').and(page.locator('[data-iteration="2"]')).waitFor()
  await rests(page, 'left')
  await page.getByLabel('learning rate').fill('0.002')
  await page.getByLabel('learning rate').press('Enter')
  await net(page, 'left').getByText('rate or clip were changed on the way').waitFor()
  assert.equal(await iteration(page, 'left'), 2)
  assert.match(page.url(), /lr=0.002/)
  await button(page, '▶ train').click()
  await page.waitForFunction(() => Number(document.querySelector<HTMLElement>('.net')!.dataset.iteration) > 100)
  await page.getByRole('combobox', { name: /^left/ }).selectOption('tanh')
  await button(page, 'keep them').click()
  assert.equal(await page.getByRole('combobox', { name: /^left/ }).inputValue(), 'lstm')
  await page.getByRole('combobox', { name: /^left/ }).selectOption('tanh')
  await button(page, 'begin anew').click()
  await net(page, 'left').getByRole('heading', { name: 'tanh' }).waitFor()
  assert.equal(await iteration(page, 'left'), 0)
  await page.getByLabel('units H').fill('0.5')
  await page.getByLabel('units H').press('Enter')
  await page.getByText('H: expected a whole number from 1 to 256 but received "0.5"').waitFor()
})

test('tanh vanishes, the identity carries, what explodes says so with a remedy', { skip }, async (t) => {
  const page = await opened('#left=irnn&right=tanh&seed=7', t)
  await net(page, 'right')
    .getByText(/The gradient vanishes, by 4\.\d decades/)
    .last()
    .waitFor()
  await net(page, 'left')
    .getByText(/The gradient is carried: −0\.1\d decades over 100 steps/)
    .last()
    .waitFor()
  // Its own recipe at ten times the rate: a loss of 7e17 at the first update, and one unit of 64 that lives.
  await page.goto(`${origin}play/#right=none`)
  await button(page, '× 10 ten times the learning rate').click()
  assert.match(page.url(), /lr=0.01&/)
  await rests(page, 'left')
  await button(page, '▶ train').click()
  const alerts = net(page, 'left').getByRole('status')
  await alerts.getByText(/training explodes, a loss of .* times the first.*Remedy: lower the learning rate/).waitFor()
  await alerts.getByText(/most units are dead, .*Remedy: .*lower learning rate or smaller weights/).waitFor()
  const said = await alerts.locator('p').allInnerTexts()
  assert.ok(
    said.every((text) => Number(/Iteration ([\d,]+)/.exec(text)![1]!.replace(',', '')) < 300),
    said.join('\n'),
  )
  await button(page, '❚❚ pause').click()
  await page.getByRole('link', { name: 'make it explode' }).click()
  await button(page, 'begin anew').click()
  await rests(page, 'left')
  await button(page, '▶ train').click()
  await alerts.getByText(/loss or gradient not finite, the minibatch was left out\. Remedy: lower the/).waitFor()
  await alerts.getByText('Ten minibatches in a row were not finite: training has ended.').waitFor()
  await net(page, 'left').and(page.locator('[data-status=ended]')).waitFor()
})

test('a static server is enough: one thread, the same bits', { skip }, async (t) => {
  const site = builtSite()
  const files = createServer((request, response) => {
    const file = site.get(new URL(request.url!, 'http://x').pathname)
    if (!file) response.writeHead(404).end()
    else response.writeHead(200, { 'content-type': file.type }).end(file.bytes)
  })
  await new Promise<void>((resolve) => files.listen(0, '127.0.0.1', resolve))
  t.after(async () => {
    files.closeAllConnections()
    files.close()
  })
  const page = await opened('#T=10&H=8&right=none', t, `http://127.0.0.1:${(files.address() as AddressInfo).port}/`)
  await rests(page, 'left')
  assert.equal(await page.evaluate(() => crossOriginIsolated), false)
  await page.getByText('One thread a network: this server does not isolate the page').waitFor()
  await button(page, 'step').click()
  await net(page, 'left').and(page.locator('[data-iteration="1"]')).waitFor()
  const trainer = new Trainer(
    await createBackend({ name: 'wasm', threads: 1 }),
    { ...netOf(DEFAULTS.adding, 'left')!, T: 10, H: 8 },
    null,
  )
  trainer.iterate()
  const { name, sha256 } = await downloaded(page, 'left')
  assert.equal(name, 'adding-irnn-1.safetensors')
  assert.equal(sha256, createHash('sha256').update(trainer.save()).digest('hex'))
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

test('a hidden tab rests and goes on; what a browser lacks is said in a sentence', { skip }, async (t) => {
  const page = await opened('#T=10&H=8&right=none', t)
  await rests(page, 'left')
  await button(page, '▶ train').click()
  const hide = (hidden: boolean) =>
    page.evaluate((value) => {
      Object.defineProperty(document, 'hidden', { value, configurable: true })
      document.dispatchEvent(new Event('visibilitychange'))
    }, hidden)
  await hide(true)
  await rests(page, 'left')
  await page.getByText('Training rests while this tab is hidden.').waitFor()
  await hide(false)
  await net(page, 'left').and(page.locator('[data-status=running]')).waitFor()
  const { page: bare } = await newPage()
  t.after(() => bare.context().close())
  await bare.route(/worker-.*\.js$/, async (route) => {
    const answer = await route.fetch()
    await route.fulfill({ response: answer, body: `WebAssembly.validate = () => false;${await answer.text()}` })
  })
  await bare.goto(`${origin}play/#right=none`)
  await net(bare, 'left').getByText('this browser has no WebAssembly with SIMD, which training needs').waitFor()
  await bare.addInitScript(() => Reflect.deleteProperty(globalThis, 'Worker'))
  await bare.reload()
  await bare.getByText('This browser has no workers, and without one a page cannot train').waitFor()
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

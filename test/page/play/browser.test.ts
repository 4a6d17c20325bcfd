/** Networks train in the playground, in Chromium, as `irnn play` serves it. */
import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import * as path from 'node:path'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { DEFAULTS, netOf } from '../../../page/play/settings.ts'
import { newPage, noBrowser as skip } from '../../support/chromium.ts'
import { home, run } from '../../support/command.ts'
import {
  alone,
  button,
  downloaded,
  iteration,
  net,
  opened,
  playground,
  rests,
  sha256,
  sidesAt,
} from '../../support/playground.ts'
import { builtSite } from '../../support/shown.ts'

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
  const tab = await downloaded(page, 'left')
  const command = await net(page, 'left').getByLabel('command').inputValue()
  const [npx, irnn, ...words] = command.split(' ')
  assert.deepEqual([npx, irnn], ['npx', 'irnn'])
  assert.equal((await run(...words, '--out', 'copied')).code, 0)
  assert.equal(sha256(fs.readFileSync(path.join(home, 'copied', 'model.safetensors'))), tab.sha256)
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
  const workers = page.workers()
  const closed = workers.map((worker) => new Promise((resolve) => worker.once('close', resolve)))
  await page.getByLabel('units H').fill('0.5')
  await page.getByLabel('units H').press('Enter')
  await page.getByText('H: expected a whole number from 1 to 256 but received "0.5"').waitFor()
  await page.close()
  await Promise.all(closed)
  assert.ok(workers.length >= 3)
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
  await page.goto(`${playground.origin}play/#right=none`)
  await button(page, '× 10 ten times the learning rate').click()
  assert.match(page.url(), /lr=0.01&/)
  await rests(page, 'left')
  await button(page, '▶ train').click()
  const alerts = net(page, 'left').getByRole('status')
  await alerts.getByText(/training explodes, a loss of .* times the first.*Remedy: lower the learning rate/).waitFor()
  await alerts.getByText(/most units are dead, .*Remedy: .*lower learning rate or smaller weights/).waitFor()
  // Training goes on while we look: of what else it finds meanwhile, we say nothing.
  const said = (await alerts.locator('p').allInnerTexts()).filter((text) => /times the first|units are dead/.test(text))
  assert.ok(
    said.length >= 2 && said.every((text) => Number(/Iteration ([\d,]+)/.exec(text)![1]!.replace(',', '')) < 300),
    said.join('\n'),
  )
  await button(page, 'begin anew at a learning rate of 0.001').click()
  assert.match(page.url(), /lr=0.001&/)
  await rests(page, 'left')
  assert.deepEqual([await iteration(page, 'left'), await alerts.locator('p').count()], [0, 0])
  await page.getByRole('link', { name: 'make it explode' }).click()
  await rests(page, 'left')
  await button(page, '▶ train').click()
  await alerts.getByText(/loss or gradient not finite, the minibatch was left out\. Remedy: lower the/).waitFor()
  await alerts.getByText('Ten minibatches in a row were not finite: training has ended.').waitFor()
  const ended = net(page, 'left').and(page.locator('[data-status=ended]'))
  await ended.and(page.locator(':not([data-kept="-1"])')).waitFor()
  await page.reload()
  await page.getByText('Training had ended when this page was left. “reset” begins anew.').waitFor()
  await ended.waitFor()
})

/** Settings that are chosen while the browser still looks for what it kept begin anew, and stay so. */
async function staysAnew(page: Page) {
  await net(page, 'left').and(page.locator('[data-kept="4"]')).waitFor()
  const late = await page.context().newPage()
  await late.addInitScript(() => {
    const open = indexedDB.open.bind(indexedDB)
    indexedDB.open = (name, version) => {
      indexedDB.open = open
      const request = open(name, version)
      let answer = () => {}
      Object.defineProperty(request, 'onsuccess', {
        set(listen: () => void) {
          answer = listen
        },
      })
      request.addEventListener('success', () => Object.assign(globalThis, { answer: () => answer() }))
      return request
    }
  })
  await late.goto(page.url())
  await late.waitForFunction(() => 'answer' in globalThis)
  await late.getByLabel('seed', { exact: true }).fill('9')
  await late.getByLabel('seed', { exact: true }).press('Enter')
  await rests(late, 'left')
  await late.evaluate(() => (globalThis as unknown as { answer: () => void }).answer())
  await late.waitForTimeout(200)
  await rests(late, 'left')
  assert.equal(await iteration(late, 'left'), 0)
  const said = late.getByText(/Training goes on where|What was kept of the last visit|This browser keeps nothing/)
  assert.deepEqual(await said.allInnerTexts(), [])
  await late.close()
}

test('a page that is loaded again goes on with both networks, to the bits of one that was not', { skip }, async (t) => {
  const page = await opened('#T=10&left=irnn&right=gru&H=8', t)
  await Promise.all([rests(page, 'left'), rests(page, 'right')])
  for (let i = 1; i <= 3; i++) {
    await button(page, 'step').click()
    await Promise.all(sidesAt(page, i))
  }
  const stored = (side: 'left' | 'right') => net(page, side).and(page.locator('[data-kept="3"]')).waitFor()
  await Promise.all([stored('left'), stored('right')])
  await page.reload()
  await page.getByText('Training goes on where it was when this page was left.').waitFor()
  await Promise.all([rests(page, 'left'), rests(page, 'right')])
  assert.deepEqual([await iteration(page, 'left'), await iteration(page, 'right')], [3, 3])
  await net(page, 'right')
    .getByText(/at iteration 3\.$/)
    .first()
    .waitFor({ state: 'attached' })
  await button(page, 'step').click()
  await Promise.all(sidesAt(page, 4))
  for (const side of ['left', 'right'] as const) {
    const trainer = await alone({ ...netOf({ ...DEFAULTS.adding, right: 'gru' }, side)!, T: 10, H: 8 }, 4)
    assert.equal((await downloaded(page, side)).sha256, sha256(trainer))
  }
  await staysAnew(page)
  // Other settings are another training; what is damaged is refused, forgotten, and no training lost by it.
  const damage = (record: unknown) =>
    page.evaluate(
      (record) =>
        new Promise<void>((resolve) => {
          const opening = indexedDB.open('irnn-play', 1)
          opening.onsuccess = () => {
            const change = opening.result.transaction('sessions', 'readwrite')
            change.objectStore('sessions').put(record, 'last')
            change.oncomplete = () => {
              opening.result.close()
              resolve()
            }
          }
        }),
      record,
    )
  await damage({ format: 1, address: 7 })
  await page.reload()
  await page
    .getByText(/^What was kept of the last visit cannot be used \(session: .*\): training begins anew\.$/)
    .waitFor()
  await Promise.all([rests(page, 'left'), ...sidesAt(page, 0)])
  const hollow = {
    training: { iteration: 5 },
    scores: [],
    changed: false,
    history: { window: 1, n: 0, iteration: [], min: [], mean: [], max: [] },
  }
  const address = await page.evaluate(() => location.hash.replace(/&digit=\d+/, ''))
  await damage({ format: 1, address, sides: { left: hollow, right: null } })
  await page.reload()
  await page.getByText(/cannot be used \(kept: failures: .*\): training begins anew\.$/).waitFor()
  await Promise.all([rests(page, 'left'), ...sidesAt(page, 0)])
  const { page: denied } = await newPage()
  t.after(() => denied.context().close())
  await denied.addInitScript(() => {
    Object.defineProperty(globalThis, 'indexedDB', {
      get() {
        throw new DOMException('denied', 'SecurityError')
      },
    })
  })
  await denied.goto(`${playground.origin}play/#T=10&H=8&right=none`)
  await denied.getByText('This browser keeps nothing for this page: loaded again, it begins anew.').waitFor()
  await rests(denied, 'left')
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
  const expected = await alone({ ...netOf(DEFAULTS.adding, 'left')!, T: 10, H: 8 }, 1)
  const found = await downloaded(page, 'left')
  assert.deepEqual(found, { name: 'adding-irnn-1.safetensors', sha256: sha256(expected) })
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
  await bare.goto(`${playground.origin}play/#right=none`)
  await net(bare, 'left').getByText('this browser has no WebAssembly with SIMD, which training needs').waitFor()
  await bare.addInitScript(() => Reflect.deleteProperty(globalThis, 'Worker'))
  await bare.reload()
  await bare.getByText('This browser has no workers, and without one a page cannot train').waitFor()
})

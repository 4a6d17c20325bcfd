/** The playground in Chromium, as `irnn play` serves it: a server a test file, and what its tests do with a page. */
import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { createHash } from 'node:crypto'
import * as fs from 'node:fs'
import { after, before } from 'node:test'
import type { Page } from 'playwright-core'
import { Trainer } from '../../page/play/engine/trainer.ts'
import type { NetSettings } from '../../page/play/settings.ts'
import { createBackend } from '../../src/index.ts'
import { newPage, noBrowser } from './chromium.ts'
import { start } from './command.ts'

/** Its address, from the first test on. */
export const playground = { origin: '' }
let server: ChildProcess | undefined

before(async () => {
  if (noBrowser) return
  const { child } = start('play', '--port', '0', '--no-open')
  server = child
  playground.origin = await new Promise((resolve) =>
    child.stdout!.once('data', (data: Buffer) => resolve(String(data).trim())),
  )
})
after(() => server?.kill())

/** The page with these settings, and what went wrong in it by the end of the test. */
export async function opened(
  hash: string,
  t: { after(end: () => Promise<void>): void },
  from = playground.origin,
): Promise<Page> {
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

export const net = (page: Page, side: 'left' | 'right') => page.locator(`.net[aria-label^="${side}"]`)
export const iteration = async (page: Page, side: 'left' | 'right') =>
  Number(await net(page, side).getAttribute('data-iteration'))
export const rests = (page: Page, side: 'left' | 'right') =>
  net(page, side).and(page.locator('[data-status=paused]')).waitFor()
export const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true })

/** Both networks after so many iterations. */
export const sidesAt = (page: Page, n: number) =>
  (['left', 'right'] as const).map((side) =>
    net(page, side)
      .and(page.locator(`[data-iteration="${n}"]`))
      .waitFor(),
  )

/** The model of a network that Node has trained for so many iterations. */
export async function alone(settings: NetSettings, iterations: number): Promise<Uint8Array> {
  const trainer = new Trainer(await createBackend({ name: 'wasm', threads: 1 }), settings, null)
  for (let i = 0; i < iterations; i++) trainer.iterate()
  return trainer.save()
}

export const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

export async function downloaded(page: Page, side: 'left' | 'right'): Promise<{ name: string; sha256: string }> {
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    net(page, side).getByRole('button', { name: 'download model' }).click(),
  ])
  return { name: download.suggestedFilename(), sha256: sha256(fs.readFileSync(await download.path())) }
}

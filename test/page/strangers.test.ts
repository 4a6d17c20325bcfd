/** What pages of others can do to a dashboard from a browser: nothing. */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, test } from 'node:test'
import { newPage, noBrowser } from '../support/chromium.ts'
import { builtSite, learning, runsFolder, showing, writeRun } from '../support/shown.ts'

const BROWSER = { skip: noBrowser, timeout: 60_000 }
const root = runsFolder()
writeRun(root, 'a', learning(20))

test('a name that leads here by DNS rebinding gets 403, for the page and for data', BROWSER, async () => {
  const { port } = await showing(root, { site: builtSite() })
  const { page } = await newPage()
  for (const path of ['dashboard/', 'api/runs']) {
    const response = await page.goto(`http://evil.test:${port}/${path}`)
    assert.equal(response!.status(), 403)
  }
  const read = await page.evaluate(() =>
    fetch('/api/runs').then(
      async (response) => `${response.status} ${await response.text()}`,
      () => 'failed',
    ),
  )
  assert.match(read, /^403 \{"error":"host: /)
  await page.context().close()
})

test('a page on another port can neither read nor embed it', BROWSER, async () => {
  const { url, port } = await showing(root, { site: builtSite() })
  const script = [...builtSite().keys()].find((name) => name.endsWith('.js'))!
  const other = createServer((_, response) =>
    response.setHeader('content-type', 'text/html').end('<title>other</title>'),
  )
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  after(() => other.close())
  const { page } = await newPage()
  await page.goto(`http://127.0.0.1:${(other.address() as AddressInfo).port}/`)
  const outcomes = await page.evaluate(
    async ({ url, port, script }) => {
      const loading = (element: HTMLElement) =>
        new Promise<string>((resolve) => {
          element.addEventListener('load', () => resolve('loaded'))
          element.addEventListener('error', () => resolve('failed'))
          document.body.append(element)
        })
      const made = <T extends HTMLElement>(name: string, more: object) =>
        Object.assign(document.createElement(name), more) as T
      const asked = (path: string, init?: RequestInit) =>
        fetch(url + path, init).then(
          () => 'read',
          () => 'failed',
        )
      const frame = made<HTMLIFrameElement>('iframe', { src: `${url}dashboard/` })
      await loading(frame)
      const socket = new Promise((resolve) => {
        const opened = new WebSocket(`ws://127.0.0.1:${port}/api/tail`)
        opened.onopen = () => resolve('opened')
        opened.onerror = () => resolve('failed')
      })
      return {
        fetch: await asked('api/runs'),
        post: await asked('api/runs', { method: 'POST', body: '{}' }),
        image: await loading(made('img', { src: `${url}api/picture?id=1` })),
        script: await loading(made('script', { src: url + script.slice(1) })),
        frame: frame.contentDocument === null ? 'closed' : 'open',
        socket: await socket,
      }
    },
    { url, port, script },
  )
  const { frame, ...rest } = outcomes
  assert.deepEqual(rest, { fetch: 'failed', post: 'failed', image: 'failed', script: 'failed', socket: 'failed' })
  assert.ok(
    page.frames().every((one) => !one.url().startsWith(url) || one.url() === 'about:blank') || frame === 'closed',
  )
  await page.context().close()
})

test('a token leaves the address at once, and the page asks with it', BROWSER, async () => {
  const token = 'T'.repeat(43)
  const { url } = await showing(root, { site: builtSite(), token })
  const { page, asked } = await newPage()
  await page.goto(`${url}#t=${token}`)
  await page.locator('tr[data-run]').first().waitFor()
  assert.ok(!page.url().includes(token))
  assert.ok(asked.every((address) => !address.split('#')[0]!.includes(token)))
  assert.equal(await page.evaluate(() => document.cookie), '')
  const { page: without } = await newPage()
  await without.goto(url)
  await without.getByText('This server wants a token').waitFor()
  await page.context().close()
  await without.context().close()
})

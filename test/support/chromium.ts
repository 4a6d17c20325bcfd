/** A browser for the pages: one for a test file, and pages that must not complain. */
import * as fs from 'node:fs'
import { after } from 'node:test'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
const program = [process.env.CHROMIUM ?? '', ...PLACES].find((file) => file !== '' && fs.existsSync(file))

/** What a test is skipped with; false: there is a browser. */
export const noBrowser: string | false =
  program === undefined && 'no Chromium is installed: "apt-get install chromium", or name one in $CHROMIUM'

const ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--force-device-scale-factor=1',
  '--font-render-hinting=none',
  '--host-resolver-rules=MAP evil.test 127.0.0.1',
]

let browser: Browser | undefined
after(() => browser?.close())

/** What a page has said that it should not. */
export interface Watched {
  readonly page: Page
  /** Errors of scripts, of the console, and of the security policy. */
  readonly complaints: string[]
  /** Addresses that it asked for. */
  readonly asked: string[]
}

export async function newPage(options: BrowserContextOptions = {}): Promise<Watched> {
  browser ??= await chromium.launch({ executablePath: program!, args: ARGS })
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options })
  const page = await context.newPage()
  const complaints: string[] = []
  const asked: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('response', async (response) => {
    if (response.status() >= 400) complaints.push(`${response.status()} ${response.url()}`)
  })
  page.on('request', (request) => asked.push(request.url()))
  return { page, complaints, asked }
}

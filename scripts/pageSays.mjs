// What the page of examples/page/ says in Chromium.
import { ISOLATED } from './serve.mjs'

const PATIENCE_MS = 60_000

/** What comes in time. @throws Error if it does not */
export function inTime(promise) {
  let timer
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`nothing came in ${PATIENCE_MS / 1000} s`)), PATIENCE_MS)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

/** What the page says, until it says the error on the test set, or that it failed. */
async function said(browser, url) {
  const page = await browser.newPage()
  const errors = []
  page.on('pageerror', ({ message }) => errors.push(message))
  page.on('console', (message) => message.type() === 'error' && errors.push(message.text()))
  try {
    await page.goto(url)
    await page.waitForFunction(
      () =>
        /mse .*\n$|failed/.test(document.querySelector('#said')?.textContent ?? '') &&
        /test mse|failed/.test(document.querySelector('#said').textContent),
      null,
      { timeout: PATIENCE_MS },
    )
    return (await page.textContent('#said')).trim().split('\n')
  } catch (error) {
    throw new Error([...errors, error.message.split('\n')[0]].join('; '))
  } finally {
    await page.close()
  }
}

const THREADS = /^wasm, .*, [2-9] threads/
const ALONE = /^wasm, .*, 1 thread \(the page is not cross-origin isolated/

/** Opens what was built, with threads and without. Returns what is wrong, or ''. */
export async function wrongWith(browser, { open }, expected) {
  for (const [headers, description] of [
    [ISOLATED, THREADS],
    [{}, ALONE],
  ]) {
    const { url, stop } = await open(headers)
    try {
      const lines = await said(browser, url)
      if (!description.test(lines[0])) return `expected ${description} but it says ${lines[0]}`
      if (lines.at(-1) !== expected) return `expected ${expected} but it says ${lines.at(-1)}`
    } finally {
      await stop()
    }
  }
  return ''
}

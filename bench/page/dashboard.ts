/** How fast the dashboard shows what is new, a million records, and how much it slows a run. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Browser, Page } from 'playwright-core'
import { METRICS } from '../../src/runs/stored.ts'
import { cpuBelow } from './cpu.ts'
import { command, type LiveRun, median, quantile } from './runs.ts'

declare global {
  /** What the page says of itself, in milliseconds. */
  var watched: {
    /** Dates at which the picture of the first chart was another. */
    readonly pictures: number[]
    /** Since the page was asked for: the last question for numbers, and the first picture after an answer. */
    asked: number
    answered: number
    picture: number
  }
}

/** Runs in the page before its own scripts: looks at the first chart's pixels in each frame after it was drawn. */
function watchPictures(): void {
  globalThis.watched = { pictures: [], asked: 0, answered: 0, picture: 0 }
  let drawn = false
  let last = 0
  const clear = CanvasRenderingContext2D.prototype.clearRect
  CanvasRenderingContext2D.prototype.clearRect = function (...where) {
    drawn = true
    clear.apply(this, where)
  }
  const ask = globalThis.fetch
  globalThis.fetch = async (...question) => {
    const isSeries = String(question[0]).includes('api/series')
    if (isSeries) watched.asked = performance.now()
    const answer = await ask(...question)
    if (isSeries) watched.answered = performance.now()
    return answer
  }
  const look = () => {
    requestAnimationFrame(look)
    const canvas = document.querySelector<HTMLCanvasElement>('figure.chart canvas')
    if (!drawn || !canvas || canvas.width === 0 || watched.answered === 0) return
    drawn = false
    watched.picture ||= performance.now()
    const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height)
    let sum = 0
    for (let i = 0; i < data.length; i += 4) sum = (Math.imul(sum, 31) + data[i]! + data[i + 1]!) | 0
    if (sum !== last) watched.pictures.push(Date.now())
    last = sum
  }
  requestAnimationFrame(look)
}

async function opened(browser: Browser, address: string): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } })
  const page = await context.newPage()
  await page.addInitScript(watchPictures)
  await page.goto(address)
  await page.waitForFunction(() => watched.picture > 0, null, { timeout: 120_000 })
  return page
}

/** From the moment a record is appended until the chart's pixels are others, record after record. */
export async function tailToPixel(browser: Browser, url: string, run: LiveRun, records: number) {
  const page = await opened(browser, `${url}dashboard/#run=live`)
  await sleep(1000)
  const waits: number[] = []
  for (let i = 0; i < records; i++) {
    const before = await page.evaluate(() => watched.pictures.length)
    const began = run.append()
    await page.waitForFunction((n) => watched.pictures.length > n, before, { timeout: 10_000 })
    waits.push((await page.evaluate((n) => watched.pictures[n]!, before)) - began)
    await sleep(250 + ((i * 37) % 100)) // at every place of a tenth of a second
  }
  await page.context().close()
  return { records, median: median(waits), p95: quantile(waits, 0.95), most: Math.max(...waits) }
}

interface List {
  readonly runs: readonly { readonly id: number; readonly name: string; readonly rows: number }[]
}

/** A page of a million records: when the server has read them, the first picture, and the part in view moved. */
export async function million(browser: Browser, url: string, records: number) {
  const began = performance.now()
  const first = await opened(browser, `${url}dashboard/#run=million`)
  for (;;) {
    const { runs } = (await (await fetch(`${url}api/runs`)).json()) as List
    if ((runs.find(({ name }) => name === 'million')?.rows ?? 0) >= records) break
    await sleep(100)
  }
  const seconds = (performance.now() - began) / 1000
  await first.context().close()
  const pictures: { asked: number; whole: number }[] = []
  for (let i = 0; i < 5; i++) {
    const page = await opened(browser, `${url}dashboard/#run=million`)
    const { asked, picture } = await page.evaluate(() => watched)
    pictures.push({ asked: Math.round(picture - asked), whole: Math.round(picture) })
    await page.context().close()
  }
  const asked = median(pictures.map((one) => one.asked))
  const whole = median(pictures.map((one) => one.whole))
  return { records, read: Number(seconds.toFixed(1)), asked, whole, pan: await pan(browser, url, 10 * records) }
}

/** A tenth of the axis is in view and moves with every frame. */
async function pan(browser: Browser, url: string, end: number) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } })
  const page = await context.newPage()
  await page.goto(`${url}dashboard/#run=million`)
  await page.locator('figure.chart canvas').first().waitFor()
  await sleep(1000)
  const client = await context.newCDPSession(page)
  await client.send('Performance.enable')
  const busy = async () => {
    const { metrics } = await client.send('Performance.getMetrics')
    return 1000 * metrics.find(({ name }) => name === 'TaskDuration')!.value
  }
  const before = await busy()
  const frames = await page.evaluate(
    (end) =>
      new Promise<number[]>((resolve) => {
        const times: number[] = []
        const move = (now: number) => {
          times.push(now)
          if (times.length > 240) return resolve(times)
          const from = (0.8 * end * times.length) / 240
          location.hash = `#run=million&zoom=${from},${from + end / 10}`
          requestAnimationFrame(move)
        }
        requestAnimationFrame(move)
      }),
    end,
  )
  const work = ((await busy()) - before) / (frames.length - 1)
  await context.close()
  const between = frames.slice(1).map((time, i) => time - frames[i]!)
  return { frames: between.length, work: Number(work.toFixed(1)), p95: Number(quantile(between, 0.95).toFixed(1)) }
}

/** Seconds of a turn, and of its beginning that do not count: a page that is loaded is work once. */
const TURN = { all: 10, loading: 2 } as const

/**
 * Iterations a second of one training with the page open and without it, in turns; and the CPU that browser and
 * servers took meanwhile, as a share of a core: with it open, and with an empty page.
 */
export async function slowdown(
  browser: Browser,
  url: string,
  { words, dir, turns }: { words: readonly string[]; dir: string; turns: number },
) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } })
  const page = await context.newPage()
  const training = command('train', 'adding', ...words, '--overwrite', '--json', '--out', dir)
  await training.first
  const rates: { open: number[]; alone: number[] } = { open: [], alone: [] }
  const shares: { open: number[]; alone: number[] } = { open: [], alone: [] }
  const others = () => cpuBelow(process.pid, [training.child.pid!])
  for (let i = 0; i < turns; i++) {
    for (const side of i % 2 === 0 ? (['alone', 'open'] as const) : (['open', 'alone'] as const)) {
      await page.goto(side === 'open' ? `${url}dashboard/#run=training` : 'about:blank')
      await sleep(1000 * TURN.loading)
      const [before, cpu] = [lastStep(dir), others()]
      await sleep(1000 * (TURN.all - TURN.loading))
      const after = lastStep(dir)
      shares[side].push((others() - cpu) / (TURN.all - TURN.loading))
      const rate = (after.iteration - before.iteration) / (after.seconds - before.seconds)
      rates[side].push(Number(rate.toFixed(1)))
    }
  }
  training.child.kill()
  await training.ended.catch(() => {}) // 143
  await context.close()
  const slower = 1 - Math.max(...rates.open) / Math.max(...rates.alone)
  const typical = 1 - median(rates.open) / median(rates.alone)
  const rounded = (value: number) => Number(value.toFixed(4))
  const told = {
    slower: rounded(slower),
    typical: rounded(typical),
    share: rounded(mean(shares.open)),
    empty: rounded(mean(shares.alone)),
  }
  return { words: words.join(' '), ...rates, ...told }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** The last whole record of a step. */
function lastStep(dir: string): { readonly iteration: number; readonly seconds: number } {
  const lines = readFileSync(join(dir, METRICS), 'utf8').split('\n').slice(0, -1)
  return JSON.parse(lines.findLast((line) => line.startsWith('{"type":"step"'))!)
}

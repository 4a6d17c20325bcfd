/** When the playground's digit is read, whether its page answers while it trains, and whether memory stays flat. */
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Browser, CDPSession } from 'playwright-core'
import { robustLine } from '../soakReport.ts'
import { type LiveRun, median } from './runs.ts'

const VIEWPORT = { width: 1280, height: 900 }

/** Milliseconds from the question for the page until some pixels of its digit are read, each time without a cache. */
export async function digitRead(browser: Browser, url: string, times: number) {
  const waits: number[] = []
  for (let i = 0; i < times; i++) {
    const context = await browser.newContext({ viewport: VIEWPORT })
    const page = await context.newPage()
    await page.goto(`${url}play/`)
    const wait = await page.waitForFunction(() => {
      const read = document.querySelector('.answer[data-step]:not([data-step="0"])')
      return read ? performance.now() : 0
    })
    waits.push(Math.round((await wait.jsonValue()) as number))
    await context.close()
  }
  return { times, median: median(waits), most: Math.max(...waits) }
}

/** Tasks over 50 ms on the main thread while two networks train. */
export async function longTasks(browser: Browser, url: string, seconds: number) {
  const context = await browser.newContext({ viewport: VIEWPORT })
  const page = await context.newPage()
  await page.goto(`${url}play/`)
  await page.locator('.net[data-status=paused]').nth(1).waitFor()
  await page.locator('.answer[data-step]:not([data-step="0"])').waitFor()
  await page.evaluate(() => {
    const tasks: number[] = []
    Object.assign(globalThis, { tasks })
    new PerformanceObserver((list) => {
      tasks.push(...list.getEntries().map(({ duration }) => Math.round(duration)))
    }).observe({ type: 'longtask' })
  })
  await page.getByRole('button', { name: '▶ train', exact: true }).click()
  await sleep(1000 * seconds)
  const tasks = await page.evaluate(() => (globalThis as unknown as { tasks: number[] }).tasks)
  const iterations = Number(await page.locator('.net').first().getAttribute('data-iteration'))
  await context.close()
  return { seconds, iterations, tasks }
}

export interface Memory {
  readonly minutes: number
  /** MB after a collection of garbage. */
  readonly dashboard: number
  readonly playground: number
  /** MB resident of the dashboard's server. */
  readonly server: number
}

/** Both pages at work: ten records a second come to the one, the other trains. */
export async function memory(
  browser: Browser,
  urls: { readonly dashboard: string; readonly play: string },
  { run, pid, minutes }: { readonly run: LiveRun; readonly pid: number; readonly minutes: number },
): Promise<Memory[]> {
  const open = async (address: string) => {
    const context = await browser.newContext({ viewport: VIEWPORT })
    const page = await context.newPage()
    await page.goto(address)
    return { page, client: await context.newCDPSession(page) }
  }
  const dashboard = await open(`${urls.dashboard}dashboard/#run=live`)
  const play = await open(`${urls.play}play/`)
  await play.page.locator('.net[data-status=paused]').nth(1).waitFor()
  await play.page.getByRole('button', { name: '▶ train', exact: true }).click()
  const writing = setInterval(() => run.append(), 100)
  const samples: Memory[] = []
  const start = performance.now()
  try {
    for (let due = 0; due <= 60_000 * minutes; due += (60_000 * minutes) / 40) {
      await sleep(Math.max(0, start + due - performance.now()))
      samples.push({
        minutes: Number(((performance.now() - start) / 60_000).toFixed(3)),
        dashboard: await heldBy(dashboard.client),
        playground: await heldBy(play.client),
        server: Number((residentOf(pid) / 1e6).toFixed(1)),
      })
    }
  } finally {
    clearInterval(writing)
  }
  await dashboard.page.context().close()
  await play.page.context().close()
  return samples
}

async function heldBy(client: CDPSession): Promise<number> {
  await client.send('HeapProfiler.collectGarbage')
  const { usedSize } = await client.send('Runtime.getHeapUsage')
  return Number((usedSize / 1e6).toFixed(3))
}

/** Bytes. @throws Error where there is no /proc */
export function residentOf(pid: number): number {
  return 1024 * Number(/^VmRSS:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1])
}

/** MB that a heap has grown by, along a robust line after the first third of the time. */
export function growthOf(samples: readonly Memory[], of: 'dashboard' | 'playground'): number {
  const end = samples.at(-1)!.minutes
  const measured = samples.filter(({ minutes }) => minutes >= end / 3)
  const { slope } = robustLine(measured.map((sample) => [sample.minutes, sample[of]]))
  return slope * end
}

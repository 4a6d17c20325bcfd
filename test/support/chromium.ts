/** A browser for the pages: one for a test file, and pages that must not complain. */
import * as fs from 'node:fs'
import { createRequire } from 'node:module'
import { after } from 'node:test'
import { type Browser, type BrowserContextOptions, chromium, type Locator, type Page } from 'playwright-core'
import { ARGS, NO_BROWSER, program } from '../../bench/page/chromium.ts'

/** What a test is skipped with; false: there is a browser. */
export const noBrowser: string | false = program === undefined && NO_BROWSER

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
  browser ??= await chromium.launch({ executablePath: program!, args: [...ARGS] })
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options })
  const page = await context.newPage()
  const complaints: string[] = []
  const asked: string[] = []
  page.on('console', (message) => {
    if (/^Canvas2D: .*getImageData/.test(message.text())) return // by a test that looks at pixels
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('response', async (response) => {
    if (response.status() >= 400) complaints.push(`${response.status()} ${response.url()}`)
  })
  page.on('request', (request) => asked.push(request.url()))
  return { page, complaints, asked }
}

/** Pixels of a canvas in the colour of a curve, by column: how many, and the highest. */
export function columnsOf(canvas: Locator, slot: number): Promise<{ count: number; top: number }[]> {
  return canvas.evaluate((element, slot) => {
    const canvas = element as HTMLCanvasElement
    const probe = document.createElement('i')
    probe.style.color = `var(--c${slot})`
    document.body.append(probe)
    const [red, green, blue] = getComputedStyle(probe).color.match(/\d+/g)!.map(Number)
    probe.remove()
    const { width, height } = canvas
    const { data } = canvas.getContext('2d')!.getImageData(0, 0, width, height)
    return Array.from({ length: width }, (_, x) => {
      let [count, top] = [0, height]
      for (let y = 0; y < height; y++) {
        const at = 4 * (y * width + x)
        const far = Math.abs(data[at]! - red!) + Math.abs(data[at + 1]! - green!) + Math.abs(data[at + 2]! - blue!)
        if (far < 12 && data[at + 3]! > 250) [count, top] = [count + 1, Math.min(top, y)]
      }
      return { count, top }
    })
  }, slot)
}

declare global {
  /** Pictures of each chart, and the most points that a line of one had. */
  var counted: { readonly pictures: Map<object, number>; points: number }
}

/** Runs in the page before its own scripts. uPlot clears a canvas once a picture, and each of its lines is a path. */
export function countPictures(): void {
  globalThis.counted = { pictures: new Map(), points: 0 }
  const { clearRect } = CanvasRenderingContext2D.prototype
  CanvasRenderingContext2D.prototype.clearRect = function (...where) {
    counted.pictures.set(this.canvas, (counted.pictures.get(this.canvas) ?? 0) + 1)
    clearRect.apply(this, where)
  }
  const { lineTo } = Path2D.prototype
  const lengths = new WeakMap<object, number>()
  Path2D.prototype.lineTo = function (...where) {
    const length = (lengths.get(this) ?? 0) + 1
    lengths.set(this, length)
    counted.points = Math.max(counted.points, length)
    lineTo.apply(this, where)
  }
}

declare global {
  /** The clock of a page, which can be told that time has passed. */
  var clock: { pass(ms: number): void }
}

/** Runs in the page before its own scripts: by its clock, each picture of a chart takes 50 ms more than it does. */
export function slowClock(): void {
  const now = performance.now.bind(performance)
  let later = 0
  globalThis.clock = {
    pass: (ms) => {
      later += ms
    },
  }
  performance.now = () => now() + later
  const { clearRect } = CanvasRenderingContext2D.prototype
  CanvasRenderingContext2D.prototype.clearRect = function (...where) {
    clock.pass(50)
    clearRect.apply(this, where)
  }
}

interface AxeResult {
  readonly violations: readonly { readonly id: string; readonly impact: string; readonly nodes: { html: string }[] }[]
}

/** What axe finds in a page that keeps somebody out. */
export async function seriousIn(page: Page): Promise<string[]> {
  await page.evaluate(fs.readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8'))
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: { run(document: Document): Promise<AxeResult> } }
    const { violations } = await axe.run(document)
    return violations.flatMap(({ id, impact, nodes }) =>
      /serious|critical/.test(impact) ? [`${id}: ${nodes[0]!.html}`] : [],
    )
  })
}

/** The dashboard in a browser for a test file: what is looked for in it. */
import type { Locator, Page } from 'playwright-core'
import { columnsOf } from './chromium.ts'

export interface Looking {
  /** Waits for text within what a selector finds. */
  says(selector: string, text: RegExp): Promise<void>
  rowOf(name: string): Locator
  chartOf(title: string): Locator
  /** Pixels of a chart in the colour of a curve, by column. */
  pixels(title: string, slot: number): ReturnType<typeof columnsOf>
}

export function lookingAt(page: Page): Looking {
  const chartOf = (title: string) => page.locator('figure.chart').filter({ hasText: title })
  return {
    says: (selector, text) => page.locator(selector).filter({ hasText: text }).first().waitFor({ timeout: 15_000 }),
    rowOf: (name) => page.locator('tr[data-run]').filter({ hasText: name }),
    chartOf,
    pixels: (title, slot) => columnsOf(chartOf(title).locator('canvas'), slot),
  }
}

/** Waits until something is so, for at most some seconds. */
export async function until(isSo: () => boolean | Promise<boolean>, seconds = 15): Promise<boolean> {
  for (const end = performance.now() + 1000 * seconds; performance.now() < end; ) {
    if (await isSo()) return true
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  return false
}

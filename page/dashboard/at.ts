/** The records at the crosshair, as they are: a bucket's mean is no number that anybody has measured. */
import { effect, signal } from '@preact/signals'
import { ask } from '../shared/ask.ts'
import { axisX, crosshair, shown } from './store.ts'

export interface Row {
  readonly run: number
  readonly step: Readonly<Record<string, number | string>> | null
  readonly eval: Readonly<Record<string, number | string>> | null
}

export const rowsAt = signal<ReadonlyMap<number, Row>>(new Map())
const PAUSE = 60

export function keepRowsAt(): void {
  let timer = 0
  let asked = 0
  effect(() => {
    const at = crosshair.value
    const runs = shown.value
    clearTimeout(timer)
    if (!at || runs.length === 0) {
      asked += 1
      rowsAt.value = new Map()
      return
    }
    timer = window.setTimeout(async () => {
      asked += 1
      const mine = asked
      const { x, reach, key, of } = at
      const question = { runs: runs.join(','), x: axisX.value, at: x, from: x - reach, to: x + reach, key, of }
      const answer = await ask('at', question).catch(() => null)
      const { runs: rows } = ((await answer?.json().catch(() => null)) ?? { runs: [] }) as { runs: Row[] }
      if (mine === asked) rowsAt.value = new Map(rows.map((row) => [row.run, row]))
    }, PAUSE)
  })
}

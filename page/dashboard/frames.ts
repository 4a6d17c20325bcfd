/**
 * The numbers of the charts: for each run shown the buckets of the part in view, asked for again when the run has more
 * records or the part is another. The page never holds more than a chart can show.
 */
import { batch, effect, signal } from '@preact/signals'
import { type RunLine, unpackSeries, type WireSeries } from '../../src/figures/wire.ts'
import { ask, Refused } from '../shared/ask.ts'
import { attend, rested, timed } from './pace.ts'
import { axisX, chartWidth, logX, newest, runs, shown, view, zoom } from './store.ts'

export interface Frame {
  /** As it was when its numbers were asked for. */
  readonly run: RunLine
  readonly steps: WireSeries
  readonly evals: WireSeries
}

export type View = typeof view.value

/** All numbers are of one view. */
export interface Frames {
  readonly view: View
  readonly byRun: ReadonlyMap<number, Frame>
}

const STEP_KEYS = 'loss,gradNorm,liveShare,aliveUnits,saturatedShare,updateRatio,clippedShare'

/** Milliseconds after a question that had no answer. */
const FAILED = 1000

export const frames = signal<Frames>({ view: view.value, byRun: new Map() })

interface Held {
  readonly stamp: string
  readonly frame: Frame
}

/** A server that was started again may give the number to another run. */
function stampOf({ name, offset }: RunLine): string {
  return `${offset} ${name}`
}

function isMissing(run: RunLine, held: Held | undefined): boolean {
  return held?.stamp !== stampOf(run) || held.frame.steps.offset < run.offset
}

let held = new Map<number, Held>()
let heldView = ''
let busy = false
let again = false

/** Keeps `frames` up to date until the page is closed, and `runs` with them: both are one picture. */
export function keepFrames(): void {
  effect(() => {
    void [view.value, shown.value, newest.value]
    void update()
  })
  effect(() => {
    void [zoom.value, shown.value, axisX.value, logX.value, chartWidth.value]
    attend()
  })
}

async function update(): Promise<void> {
  if (busy) {
    again = true
    return
  }
  busy = true
  try {
    await askForMissing()
  } catch (error) {
    runs.value = newest.value // the list goes on without the charts
    // live() says so where the server is gone. The stream may go on where a question has failed: it is asked again.
    again ||= !(error instanceof Refused)
    await new Promise((resolve) => setTimeout(resolve, FAILED))
  } finally {
    await rested()
    busy = false
    if (again) {
      again = false
      void update()
    }
  }
}

async function askForMissing(): Promise<void> {
  const now = view.value
  const key = JSON.stringify(now)
  const known = newest.value
  const lines = shown.value.flatMap((id) => known.get(id) ?? [])
  const kept = key === heldView ? held : new Map<number, Held>()
  const missing = lines.filter((run) => isMissing(run, kept.get(run.id)))
  const next = new Map([...kept].filter(([id]) => lines.some((run) => run.id === id)))
  if (missing.length > 0) {
    const { n, log, ...part } = now
    const ids = missing.map(({ id }) => id).join(',')
    const keys = new Set(
      missing.flatMap(({ score }) => (score ? [score.key, score.key.replace(/^test/, 'heldOut')] : [])),
    )
    const asked = { runs: ids, steps: STEP_KEYS, evals: [...keys].join(','), ...part, n }
    const answer = await ask('series', { ...asked, scale: log ? 'log' : 'linear' })
    const all = unpackSeries(await answer.arrayBuffer())
    for (let i = 0; i + 1 < all.length; i += 2) {
      const [steps, evals] = [all[i]!, all[i + 1]!]
      const run = missing.find(({ id }) => id === steps.run)
      if (run) next.set(run.id, { stamp: stampOf(run), frame: { run, steps, evals } })
    }
  }
  // The server still reads what it has counted.
  if (missing.some((run) => isMissing(run, next.get(run.id)))) again = true
  const isSame = missing.length === 0 && next.size === held.size && key === heldView
  held = next
  heldView = key
  timed(() =>
    batch(() => {
      runs.value = newest.value // others may have come meanwhile
      if (!isSame) frames.value = { view: now, byRun: new Map([...next].map(([id, { frame }]) => [id, frame])) }
    }),
  )
}

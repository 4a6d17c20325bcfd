/** What the page knows and shows, as signals: the one place that all of it reads and changes. */
import { computed, signal } from '@preact/signals'
import type { RunLine } from '../../src/figures/wire.ts'

export type AxisX = 'iteration' | 'seconds'
/** Of y: as is usual for what a chart shows, or the same for all. */
export type ScaleY = 'auto' | 'log' | 'linear'

export interface Zoom {
  readonly from: number
  readonly to: number
  /** It stays this wide and goes with the newest records. */
  readonly follow: boolean
}

export interface Crosshair {
  readonly x: number
  /** Half a bucket around it, whose extremes count. */
  readonly reach: number
  /** What the chart under the pointer shows. */
  readonly key: string
  readonly of: 'steps' | 'evals'
}

export const version = signal('')
export const connection = signal<'connecting' | 'live' | 'lost' | 'asleep'>('connecting')
/** What the server or the page has to say to the reader. */
export const notice = signal('')
export const runs = signal<ReadonlyMap<number, RunLine>>(new Map())
export const loaded = signal(false)
/** Runs in the charts, in the order in which they were chosen. */
export const shown = signal<readonly number[]>([])
/** The run that the settings of others are compared with, and whose details are shown. */
export const pinned = signal<number | null>(null)
export const filter = signal('')
/** The row of the list that keys move. */
export const current = signal(0)
export const axisX = signal<AxisX>('iteration')
export const logX = signal(false)
export const scaleY = signal<ScaleY>('auto')
/** Time constant of smoothing, in iterations or seconds; 0: none. */
export const tau = signal(0)
export const zoom = signal<Zoom | null>(null)
export const crosshair = signal<Crosshair | null>(null)
export const crosshairFixed = signal(false)
export const tablesOpen = signal(false)
export const helpOpen = signal(false)
/** Pixels of the widest chart. */
export const chartWidth = signal(600)

export const MOST_SHOWN = 20

/** Running ones first, then by name as people count: run-9 before run-10. */
export const ordered = computed(() => {
  const collator = new Intl.Collator('en', { numeric: true })
  const rank = (run: RunLine) => (run.state === 'running' ? 0 : 1)
  return [...runs.value.values()].sort((a, b) => rank(a) - rank(b) || collator.compare(a.name, b.name))
})

/** All of the words must be in a run's name, title, task or cell. No language: nothing that anybody types is run. */
export const listed = computed(() => {
  const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean)
  if (words.length === 0) return ordered.value
  return ordered.value.filter(({ name, title, task, cell, state }) => {
    const text = `${name} ${title} ${task} ${cell} ${state}`.toLowerCase()
    return words.every((word) => text.includes(word))
  })
})

export const shownRuns = computed(() => shown.value.flatMap((id) => runs.value.get(id) ?? []))
export const detailRun = computed(() => runs.value.get(pinned.value ?? shown.value[0] ?? -1))

/** The end of the axis: a little beyond the newest record, so that it does not move with every one. */
const extent = computed(() => {
  const ends = shownRuns.value.map((run) => (axisX.value === 'iteration' ? run.iteration : run.seconds))
  const end = Math.max(1, ...ends)
  const step = 10 ** Math.floor(Math.log10(end)) / 20
  return Math.ceil(end / step) * step
})

export const view = computed(() => {
  const least = logX.value ? (axisX.value === 'iteration' ? 1 : 0.01) : 0
  const whole = { from: least, to: Math.max(extent.value, least * 10, 1) }
  const asked = zoom.value
  const width = asked ? asked.to - asked.from : 0
  const { from, to } = asked?.follow ? { from: whole.to - width, to: whole.to } : (asked ?? whole)
  const n = Math.max(100, Math.min(1200, 50 * Math.floor(chartWidth.value / 50)))
  return { x: axisX.value, from: Math.max(least, from), to: Math.max(to, least * 1.001), n, log: logX.value }
})

export function toggleRun(id: number): void {
  if (shown.value.includes(id)) shown.value = shown.value.filter((one) => one !== id)
  else if (shown.value.length < MOST_SHOWN) shown.value = [...shown.value, id]
  else notice.value = `At most ${MOST_SHOWN} runs are drawn at once: hide one first.`
}

export function togglePin(id: number): void {
  pinned.value = pinned.value === id ? null : id
  if (pinned.value === id && !shown.value.includes(id)) toggleRun(id)
}

/** Which colour and which dashes a run has: by its place among the runs shown. */
export function lookOf(id: number): { readonly slot: number; readonly dash: number } {
  const place = Math.max(0, shown.value.indexOf(id))
  return { slot: place % 6, dash: Math.floor(place / 6) }
}

/** The last part of a run's path. */
export function shortName({ name }: Pick<RunLine, 'name'>): string {
  return name.slice(name.lastIndexOf('/') + 1)
}

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
/** As they are shown: with the charts, and not before them. */
export const runs = signal<ReadonlyMap<number, RunLine>>(new Map())
/** As the server has told them last. */
export const newest = signal<ReadonlyMap<number, RunLine>>(new Map())
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
  const drawn = shown.value.flatMap((id) => newest.value.get(id) ?? [])
  const ends = drawn.map((run) => (axisX.value === 'iteration' ? run.iteration : run.seconds))
  const end = Math.max(1, ...ends)
  const step = 10 ** Math.floor(Math.log10(end)) / 20
  return Math.ceil(end / step) * step
})

/** The beginning of the axis. */
const least = computed(() => (logX.value ? (axisX.value === 'iteration' ? 1 : 0.01) : 0))

export const view = computed(() => {
  const first = least.value
  const whole = { from: first, to: Math.max(extent.value, first * 10, 1) }
  const asked = zoom.value
  const width = asked ? asked.to - asked.from : 0
  const part = asked?.follow ? { from: whole.to - width, to: whole.to } : (asked ?? whole)
  const n = Math.max(100, Math.min(1200, 50 * Math.floor(chartWidth.value / 50)))
  return { x: axisX.value, ...visible(part), n, log: logX.value }
})

/** The least width of what is in view: an iteration, or so many seconds, and what eight digits can tell apart. */
const LEAST = { iteration: 1, seconds: 0.001, ofEnd: 1e-6 } as const
const FARTHEST = 1e15

/** A part of the axis that the server can draw, as near to the one that is asked for as may be. */
function visible({ from, to }: Pick<Zoom, 'from' | 'to'>): Pick<Zoom, 'from' | 'to'> {
  const first = least.value
  const end = Math.min(to, FARTHEST)
  const begin = Math.max(first, Math.min(from, end))
  const width = Math.max(LEAST[axisX.value], LEAST.ofEnd * end)
  if (end - begin >= width) return { from: begin, to: end }
  const low = Math.max(first, (begin + end - width) / 2)
  return { from: low, to: low + width }
}

type Part = Pick<typeof view.value, 'from' | 'to' | 'log'>

/** A part of the axis by its ends on a scale from 0 to 1 across `start`, not before the beginning of the axis. */
function partOf({ from, to, log }: Part, begin: number, end: number): void {
  const [scaled, back] = log ? [Math.log10, (x: number) => 10 ** x] : [(x: number) => x, (x: number) => x]
  const [low, high] = [scaled(from), scaled(to)]
  const place = (share: number) => low + share * (high - low)
  const by = Math.max(0, (log ? scaled(least.value) : 0) - place(begin))
  zoom.value = { ...visible({ from: back(place(begin) + by), to: back(place(end) + by) }), follow: false }
}

/** Moves the part in view by a share of its width. */
export function panBy(share: number, start: Part = view.value): void {
  partOf(start, share, 1 + share)
}

/** Shows so many times the part in view, around the crosshair or the middle. */
export function zoomBy(times: number): void {
  const { from, to, log } = view.value
  const at = crosshair.value?.x
  const scaled = (x: number) => (log ? Math.log10(x) : x)
  const share = at === undefined ? 0.5 : (scaled(at) - scaled(from)) / (scaled(to) - scaled(from))
  partOf(view.value, share - times * share, share + times * (1 - share))
}

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

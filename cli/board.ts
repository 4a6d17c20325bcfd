/** A run as text: what `irnn watch` draws, as a pure function of what its folder says. */
import { alertLine, alertsOf } from '../src/figures/alerts.ts'
import { sparkline, type TextChart, textChart } from '../src/figures/braille.ts'
import { flowLine } from '../src/figures/flow.ts'
import { probesOf } from '../src/figures/flowMap.ts'
import { bucketed, type ScoreHistory, scoreHistory, stepsOf } from '../src/figures/history.ts'
import { measured } from '../src/metric.ts'
import { duration, grouped, percent, significant } from '../src/numbers.ts'
import type { RunConfig } from '../src/runs/stored.ts'
import type { ProbeEvent, StepEvent, TestScore, TrainEvent } from '../src/train/events.ts'
import { ENDINGS } from '../src/train/spoken.ts'

/** What is drawn. */
export interface Watched {
  readonly config: RunConfig
  readonly events: readonly TrainEvent[]
  /** Whether a process writes it. */
  readonly running: boolean
}

/** A terminal that is smaller than this gets lines, as a pipe does. */
export const LEAST = { columns: 60, rows: 16 } as const
/** Columns from which on two charts stand beside each other. */
const WIDE = 100
const ALERTS = 3

/** The board: at most `rows` lines of at most `columns` characters. */
export function boardOf(watched: Watched, { columns, rows }: { columns: number; rows: number }): string[] {
  const { config, events } = watched
  const head = [
    config.title ?? config.task.name,
    `${stateOf(watched)}  ${speedOf(watched)}`.trimEnd(),
    scoreLine(events),
  ]
  const feet = [
    ...footOf(events),
    ...alertsOf(events)
      .slice(-ALERTS)
      .map((alert) => `! ${alertLine(alert)}`),
  ]
  const wide = columns >= WIDE
  const room = rows - head.length - feet.length - 1
  const charts = chartsOf(watched, wide ? Math.floor((columns - 2) / 2) : columns, wide ? room : Math.floor(room / 2))
  const drawn = charts.map(textChart)
  const [left = [], right = []] = drawn
  const width = Math.floor((columns - 2) / 2)
  const body = wide ? left.map((line, i) => `${line.padEnd(width)}  ${right[i] ?? ''}`.trimEnd()) : drawn.flat()
  return [...head, ...body, ...feet].slice(0, rows).map((line) => line.slice(0, columns))
}

/** A run in one line, for a pipe or a small terminal. */
export function lineOf(watched: Watched): string {
  const { config, events } = watched
  return [config.title ?? config.task.name, stateOf(watched), speedOf(watched), scoreLine(events)]
    .filter((part) => part !== '')
    .join('  ')
}

function chartsOf({ events }: Watched, width: number, height: number): TextChart[] {
  const steps = stepsOf(events)
  const until = Math.max(1, steps.at(-1)?.iteration ?? 0, scoreHistory(events)?.last.iteration ?? 0)
  const shared = { until, width, height }
  const buckets = bucketed(steps, 'loss', 4 * width)
  const log = buckets.every(({ min }) => !(min <= 0))
  const loss = {
    ...shared,
    title: `training loss${log ? ', log' : ''}, to iteration ${grouped(until)}`,
    y: { log },
    series: [buckets.map(({ x, mean }) => [x, mean] as const)],
  }
  const scores = scoreHistory(events)
  if (!scores) return [loss]
  const series = [scores.test, ...(scores.heldOut.length > 0 ? [scores.heldOut] : [])]
  return [
    { ...shared, title: `test ${scores.title}${scores.log ? ', log' : ''}`, y: { log: scores.log }, series },
    loss,
  ]
}

/** "running, 64 %: 640 of 1,000 iterations" */
export function stateOf({ config, events, running }: Watched): string {
  const last = events.at(-1)
  const { iterations } = config.training
  const at = last?.iteration ?? 0
  const state = last?.type === 'done' ? ENDINGS[last.reason] : running ? 'running' : 'not running, not finished'
  return `${state}, ${percent(Math.min(1, at / iterations), 0)}: ${grouped(at)} of ${grouped(iterations)} iterations`
}

/** "277 it/s, 1 h 12 min left", of a run that is over how long it took. */
function speedOf({ config, events, running }: Watched): string {
  const last = events.at(-1)
  if (!last) return ''
  if (!running || last.type === 'done') return `in ${duration(last.seconds)}`
  const rate = stepsOf(events).at(-1)?.iterationsPerSecond
  if (rate === undefined) return ''
  return `${grouped(rate)} it/s, ${duration((config.training.iterations - last.iteration) / rate)} left`
}

/** "test MSE 0.0004, held-out 0.0005 at iteration 800; best 0.0003 at 600" */
export function scoreLine(events: readonly TrainEvent[]): string {
  const scores = scoreHistory(events)
  if (!scores) return 'not evaluated yet'
  const { name, last, best } = scores
  const heldOut = last.heldOut ? `, held-out ${saying(scores, last.heldOut)}` : ''
  const at = `test ${name} ${saying(scores, last.test)}${heldOut}`
  const same = best.iteration === last.iteration ? 'the best' : ''
  const other = `best ${saying(scores, best.test)} at ${grouped(best.iteration)}`
  return `${at} at iteration ${grouped(last.iteration)}; ${same || other}`
}

/** A score as people read it. */
export function saying(scores: ScoreHistory, score: TestScore): string {
  return measured(scores, scores.of(score))
}

/** Characters of the gradient over the steps. */
const SPARKS = 20

/** "update 0.0012 of the weights, 97 % of units alive"; nothing of records of 0.1.0. */
function unitsLine({ updateRatio, aliveUnits, saturatedShare }: StepEvent): string[] {
  const parts = [
    ...(updateRatio === undefined ? [] : [`update ${significant(updateRatio)} of the weights`]),
    ...(aliveUnits === undefined ? [] : [`${percent(aliveUnits, 0)} of units alive`]),
    ...(saturatedShare === undefined ? [] : [`${percent(saturatedShare, 0)} of states saturated`]),
  ]
  return parts.length === 0 ? [] : [parts.join(', ')]
}

/** "▁▂▄█ the gradient vanishes by 8.3 decades on its way back over 100 steps" */
function probeLine(probe: ProbeEvent): string {
  const { flow } = probe
  const most = Math.max(...flow)
  const n = Math.min(SPARKS, flow.length)
  // Below the most it is negative, so that these logarithms are not taken for numbers above 0.
  const curve = Array.from({ length: n }, (_, i) => flow[Math.floor((i * flow.length) / n)]! - most - 1)
  return `${sparkline(curve)} ${flowLine(probe)}`
}

function footOf(events: readonly TrainEvent[]): string[] {
  const last = stepsOf(events).at(-1)
  if (!last) return []
  const { gradNorm, clippedShare, liveShare, lr } = last
  const clipped = clippedShare === null ? '' : `, clipped in ${percent(clippedShare, 0)}`
  const more = [...unitsLine(last), ...probesOf(events).slice(-1).map(probeLine)].join('  ')
  return [
    `gradient norm ${significant(gradNorm.mean)}, at most ${significant(gradNorm.max)}${clipped}` +
      `  live units ${percent(liveShare, 0)}  rate ${significant(lr)}`,
    ...(more === '' ? [] : [more]),
  ]
}

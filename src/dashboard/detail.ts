/** What a page wants to know of one run beside its curves: settings, alerts, evaluations, what the paper has. */
import type { Alert } from '../figures/alerts.ts'
import { alertsOf } from '../figures/alerts.ts'
import { isEvent, type StepEvent, type TrainEvent } from '../train/events.ts'
import type { LogRecord } from './record.ts'
import { ABSENT, type Rows } from './rows.ts'
import type { WatchedRun } from './run.ts'

/** A run of irnn fit: what its methods scored on the test part. */
export interface FitDetail {
  /** A head, then a row a method. */
  readonly methods: readonly (readonly string[])[]
  readonly winner: string
  readonly verdict: string
  readonly picture: Uint8Array | null
}

/** Records that alerts are looked for in; of more, groups are taken together, each with its extremes. */
const MOST_STEPS = 20_000
const MOST_EVENTS = 200
const MOST_SETTINGS = 500

export function detailOf(run: WatchedRun, fit: FitDetail | null): object {
  const { log } = run
  const { picture, ...told } = fit ?? { picture: null }
  return {
    id: run.id,
    settings: [...run.settings()].slice(0, MOST_SETTINGS),
    alerts: alertsIn(run),
    events: log.events.filter(({ type }) => type !== 'eval' && type !== 'alert').slice(-MOST_EVENTS),
    probes: log.probes.length,
    fit: fit && { ...told, hasPicture: picture !== null },
  }
}

/** Those that the run has written, those that its records show, and of records that were written twice. */
function alertsIn({ log, evals }: WatchedRun): Alert[] {
  const own = log.events.filter(({ type }) => type === 'alert').map(ownAlert)
  const rest = log.events.filter(
    (event): event is LogRecord & TrainEvent => event.type === 'collapse' && isEvent(event),
  )
  const found = alertsOf([...stepsOf(log.steps), ...evals(), ...rest])
  const twice: Alert[] = log.differing.slice(0, 1).map((iteration) => ({
    kind: 'spike',
    level: 'warn',
    iteration,
    message: `${log.differing.length} records were written twice, with other numbers the second time`,
    remedy: 'a run that is resumed gives the same bits: see whether code, data or machine have changed',
  }))
  const fresh = found.filter(
    (alert) => !own.some(({ kind, iteration }) => kind === alert.kind && iteration === alert.iteration),
  )
  return [...own, ...fresh, ...twice].sort((a, b) => a.iteration - b.iteration).slice(-MOST_EVENTS)
}

function ownAlert({ iteration, kind, level, message, remedy }: LogRecord): Alert {
  const text = (value: unknown) => (typeof value === 'string' ? value.slice(0, 1000) : '')
  return {
    kind: text(kind) as Alert['kind'],
    level: level === 'error' ? 'error' : 'warn',
    iteration,
    message: text(message),
    remedy: text(remedy),
  }
}

/** Records of steps as the trainer made them, so far as alerts need them. */
function stepsOf(rows: Rows | null): StepEvent[] {
  if (!rows || rows.length === 0) return []
  const of = (name: string) => {
    const column = rows.column(name)
    return (i: number) => (!column || column[i] === ABSENT ? Number.NaN : column[i]!)
  }
  const every = Math.ceil(rows.length / MOST_STEPS)
  const iteration = of('iteration')
  const [loss, gradNorm] = [spreadOf(of, 'loss', every), spreadOf(of, 'gradNorm', every)]
  const live = of('liveShare')
  const steps: StepEvent[] = []
  for (let i = every - 1; i < rows.length; i += every) {
    steps.push({
      type: 'step',
      iteration: iteration(i),
      seconds: 0,
      window: 1,
      loss: loss(i),
      gradNorm: gradNorm(i),
      clippedShare: null,
      liveShare: live(i),
      lr: 0,
      iterationsPerSecond: 0,
    })
  }
  return steps
}

function spreadOf(of: (name: string) => (i: number) => number, name: string, every: number) {
  const [mean, min, max] = [of(name), of(`${name}Min`), of(`${name}Max`)]
  return (last: number) => {
    const spread = { mean: 0, min: Number.POSITIVE_INFINITY, max: Number.NEGATIVE_INFINITY }
    for (let i = last - every + 1; i <= last; i++) {
      spread.mean += mean(i) / every
      spread.min = Math.min(spread.min, min(i))
      spread.max = Math.max(spread.max, max(i))
    }
    return spread
  }
}

/** The rows of steps and evaluations that are nearest to a place on the axis, and the extreme ones of a bucket. */
export function rowsAt(
  rows: Rows | null,
  x: 'iteration' | 'seconds',
  at: number,
): Record<string, number | string> | null {
  if (!rows || rows.length === 0) return null
  const column = rows.column(x)
  if (!column) return null
  const after = Math.min(rows.length - 1, rows.from(x, at))
  const i = after > 0 && at - column[after - 1]! <= column[after]! - at ? after - 1 : after
  const row: Record<string, number | string> = {}
  for (const name of rows.names) {
    const value = rows.column(name)![i]!
    // JSON has no NaN.
    if (value !== ABSENT) row[name] = Number.isFinite(value) ? value : String(value)
  }
  return row
}

/** Of the rows between two places the one with the greatest number in a column: what a spike was. */
export function highestAt(
  rows: Rows | null,
  x: 'iteration' | 'seconds',
  from: number,
  to: number,
  key: string,
): number | null {
  const column = rows?.column(`${key}Max`) ?? rows?.column(key)
  const place = rows?.column(x)
  if (!rows || !column || !place) return null
  let best = -1
  for (let i = rows.from(x, from); i < rows.length && place[i]! <= to; i++) {
    if (best < 0 || column[i]! > column[best]!) best = i
  }
  return best < 0 ? null : place[best]!
}

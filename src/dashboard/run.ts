/** A run as the dashboard knows it: its settings, its records, and the line of it in the list of runs. */
import * as path from 'node:path'
import { ownText, statsOf } from '../disk.node.ts'
import { InputError } from '../error.ts'
import { scoreHistory } from '../figures/history.ts'
import type { RunLine, ScoreLine } from '../figures/wire.ts'
import { metricOf } from '../metric.ts'
import { flat } from '../runs/flat.ts'
import { isLocked } from '../runs/lock.ts'
import { CONFIG, METRICS } from '../runs/stored.ts'
import { type EvalEvent, isEvent } from '../train/events.ts'
import { createLog, type RunLog } from './log.ts'
import type { LogRecord } from './record.ts'

export interface WatchedRun {
  readonly id: number
  readonly dir: string
  readonly log: RunLog
  /** Grows when its line is another. */
  readonly revision: number
  /** Looks at the folder. Resolves to whether its line is another. */
  look(): Promise<boolean>
  line(): RunLine
  /** Its settings by their paths. */
  settings(): ReadonlyMap<string, string>
  evals(): readonly EvalEvent[]
}

const MOST_CONFIG = 1e6
/** Marks on a chart. */
const MOST_RESUMES = 50

export function createRun(id: number, dir: string, name: string): WatchedRun {
  const log = createLog(path.join(dir, METRICS))
  let settings: ReadonlyMap<string, string> | null = null
  let configProblem: string | null = null
  let revision = 0
  let running = false
  let line: RunLine | null = null

  function readConfig(): void {
    try {
      settings = settingsIn(path.join(dir, CONFIG))
      configProblem = null
    } catch (error) {
      settings = new Map()
      configProblem =
        error instanceof InputError ? error.message.replaceAll(`${dir}${path.sep}`, '') : `${CONFIG}: damaged`
    }
  }
  return {
    id,
    dir,
    log,
    get revision() {
      return revision
    },
    async look() {
      if (settings === null || configProblem !== null) readConfig()
      const changed = await log.advance()
      const now = isLocked(dir)
      const other = changed || now !== running || line === null
      running = now
      if (other) {
        line = null
        revision += 1
      }
      return other
    },
    line() {
      line ??= lineOf(id, name, settings ?? new Map(), log, running, configProblem)
      return line
    },
    settings: () => settings ?? new Map(),
    evals: () => evalsOf(log.events),
  }
}

/** @throws InputError where it is no JSON or no file */
function settingsIn(file: string): Map<string, string> {
  if (statsOf(file).size > MOST_CONFIG) throw new InputError(`${CONFIG}: larger than that of any run`)
  return flat(JSON.parse(ownText(file)))
}

function evalsOf(events: readonly LogRecord[]): EvalEvent[] {
  return events.filter((event): event is LogRecord & EvalEvent => event.type === 'eval' && isEvent(event))
}

function lineOf(
  id: number,
  name: string,
  settings: ReadonlyMap<string, string>,
  log: RunLog,
  running: boolean,
  problem: string | null,
): RunLine {
  const { lastStep, lastRecord } = log
  const done = lastRecord?.type === 'done' ? lastRecord : null
  const task = settings.get('task.name') ?? '?'
  return {
    id,
    name,
    title: settings.get('title') ?? task,
    task,
    cell: settings.get('model.rnn.cell') ?? settings.get('model.rnn.kind') ?? '?',
    seed: numberIn(settings, 'seed'),
    state: done && done.reason !== 'stopped' ? 'ended' : running ? 'running' : 'stopped',
    reason: typeof done?.reason === 'string' ? done.reason : null,
    iteration: Math.max(lastStep?.get('iteration') ?? 0, lastRecord?.iteration ?? 0),
    iterations: numberIn(settings, 'training.iterations'),
    seconds: Math.max(finite(lastStep?.get('seconds')) ?? 0, finite(lastRecord?.seconds) ?? 0),
    rate: finite(lastStep?.get('iterationsPerSecond')),
    rows: log.stepCount,
    offset: log.offset,
    score: scoreOf(log),
    paper: paperCurveOf(settings),
    resumes: log.resumes.slice(-MOST_RESUMES).map(({ iteration, seconds }) => [iteration, finite(seconds) ?? 0]),
    problems: [...(problem === null ? [] : [problem]), ...log.problems],
  }
}

function numberIn(settings: ReadonlyMap<string, string>, key: string): number | null {
  return finite(Number(settings.get(key) ?? Number.NaN))
}

function finite(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null
}

function scoreOf(log: RunLog): ScoreLine | null {
  const scores = scoreHistory(evalsOf(log.events))
  if (!scores) return null
  const { name, title, lowerIsBetter, percent = false, log: isLog, best, last, of } = scores
  const column = last.judge ? 'score' : metricOf(last.test)
  if (column === undefined) return null
  return {
    ...{ name, title, lowerIsBetter, percent, log: isLog },
    key: `test${column[0]!.toUpperCase()}${column.slice(1)}`,
    last: of(last.test),
    best: of(best.test),
    bestAt: best.iteration,
  }
}

/** Of its lengths of the adding problem and its two orders of pixels the paper shows four cells. */
function paperCurveOf(settings: ReadonlyMap<string, string>): string | null {
  const [task, cell] = [settings.get('task.name'), settings.get('model.rnn.cell') ?? '']
  if (!['irnn', 'lstm', 'relu', 'tanh'].includes(cell)) return null
  if (task === 'mnist') {
    return `${settings.get('task.options.order') === 'permuted' ? 'permuted' : 'pixel'}-mnist,${cell}`
  }
  const T = settings.get('task.options.T') ?? ''
  return task === 'adding' && ['150', '200', '300', '400'].includes(T) ? `adding-${T},${cell}` : null
}

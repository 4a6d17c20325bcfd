/**
 * Kinds of claims. Each looks at results and says holds, fails, or nothing yet; what was measured is said in every case.
 * What a run has reached it has reached, however short it was; what it has not, it fails only once it is complete.
 */
import { isAsGood, METRICS } from '../src/tasks/metric.ts'
import { type Claim, type Curve, type Evidence, isComplete, type RunResult, type Verdict } from './experiment.ts'

/** The run's best test score is at least as good as `level`, within `by` iterations if given. */
export function reaches(run: string, level: number, text: string, { by }: { by?: number } = {}): Claim {
  return {
    text,
    test(evidence) {
      const result = evidence.result(run)
      if (!result) return notRun(run)
      const first = result.points.find(([, value]) => asGood(evidence, value, level))
      if (first && (by === undefined || first[0] <= by)) {
        return {
          holds: true,
          measured: `${score(evidence, first[1])} at ${grouped(first[0])}; ${best(evidence, result)}`,
        }
      }
      const over = complete(evidence, result) || (by !== undefined && result.iteration >= by)
      return { holds: over ? false : null, measured: `${best(evidence, result)}, ${state(result)}` }
    },
  }
}

/**
 * No test score of the run is as good as `level`: it does not learn, as the paper says it does not. A run that diverged shows
 * nothing of the kind: the claim fails.
 */
export function never(run: string, level: number, text: string): Claim {
  const reached = reaches(run, level, text)
  return {
    text,
    test(evidence) {
      const { holds, measured } = reached.test(evidence)
      if (evidence.result(run)?.ended === 'diverged') return { holds: false, measured }
      return { holds: holds === null ? null : !holds, measured }
    },
  }
}

/** The best scores of the runs within `budget` iterations of each are in this order, the first one the best. */
export function ordered(runs: readonly string[], budget: number, text: string): Claim {
  return {
    text,
    test(evidence) {
      const results = runs.map((run) => evidence.result(run))
      const missing = runs.filter((_, i) => !results[i])
      if (missing.length > 0) return notRun(missing.join(', '))
      const there = results as RunResult[]
      // A run that is over keeps the score it has: it will not have another.
      const common = Math.min(budget, ...there.map((r) => (complete(evidence, r) ? budget : r.iteration)))
      const scores = there.map(({ points }) =>
        bestOf(
          evidence,
          points.filter(([iteration]) => iteration <= common),
        ),
      )
      // A run without any score, since it diverged before the first, cannot be compared.
      const holds = scores.every(
        (value, i) =>
          Number.isFinite(value) && (i === 0 || (value !== scores[i - 1] && asGood(evidence, scores[i - 1]!, value))),
      )
      const said = there.map((result, i) => {
        const fate = result.ended === 'diverged' ? ` (${state(result)})` : ''
        return `${result.name} ${score(evidence, scores[i]!)}${fate}`
      })
      return {
        holds: common < budget ? null : holds,
        measured: `within ${grouped(common)} iterations: ${said.join(', ')}`,
      }
    },
  }
}

/** At each of `at` iterations the run is within `points` percent points of the paper's curve. */
export function tracks(
  run: string,
  { figure, cell }: { figure: string; cell: string },
  { at, within }: { at: readonly number[]; within: number },
  text: string,
): Claim {
  return {
    text,
    test(evidence) {
      const result = evidence.result(run)
      if (!result) return notRun(run)
      const theirs = evidence.paper(figure, cell)
      const pairs = at.map((x) => ({ x, ours: valueAt(result.points, x), paper: valueAt(theirs, x)! }))
      const known = pairs.filter(({ ours }) => ours !== undefined)
      const close = known.every(({ ours, paper }) => Math.abs(ours! - paper) <= within)
      const missing = known.length < at.length
      const said = known.map(
        ({ x, ours, paper }) => `${score(evidence, ours!)} (paper ${score(evidence, paper)}) at ${grouped(x)}`,
      )
      const over = complete(evidence, result)
      return {
        holds: !close ? false : missing ? (over ? false : null) : true,
        measured: [...said, ...(missing ? [state(result)] : [])].join(', '),
      }
    },
  }
}

/** A curve at x, between its points on a straight line; undefined outside it. */
export function valueAt(curve: Curve, x: number): number | undefined {
  const after = curve.findIndex(([at]) => at >= x)
  if (after < 0) return undefined
  const [x1, y1] = curve[after]!
  if (x1 === x) return y1
  if (after === 0) return undefined
  const [x0, y0] = curve[after - 1]!
  return y0 + ((y1 - y0) * (x - x0)) / (x1 - x0)
}

function asGood({ experiment }: Evidence, value: number, level: number): boolean {
  return isAsGood(experiment.metric, value, level)
}

function bestOf({ experiment }: Evidence, points: Curve): number {
  const values = points.map(([, value]) => value)
  return METRICS[experiment.metric].lowerIsBetter ? Math.min(...values) : Math.max(...values)
}

function complete({ experiment }: Evidence, result: RunResult): boolean {
  return isComplete(experiment.runs.find(({ name }) => name === result.name)!, result)
}

function notRun(run: string): Verdict {
  return { holds: null, measured: `not run: ${run}` }
}

function best(evidence: Evidence, { best }: RunResult): string {
  return best ? `best ${score(evidence, best.value)} at ${grouped(best.iteration)}` : 'no score yet'
}

function state({ ended, iteration, iterations }: RunResult): string {
  if (ended === 'diverged') return `diverged at ${grouped(iteration)}`
  return iteration < iterations
    ? `${grouped(iteration)} of ${grouped(iterations)} iterations done`
    : `${grouped(iteration)} iterations done`
}

function score({ experiment }: Evidence, value: number): string {
  if (!Number.isFinite(value)) return 'no score'
  return METRICS[experiment.metric].percent ? `${value.toFixed(1)} %` : String(Number(value.toPrecision(3)))
}

function grouped(n: number): string {
  return Math.round(n).toLocaleString('en-US')
}

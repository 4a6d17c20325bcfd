/**
 * Kinds of claims. Each looks at results and says holds, fails, or nothing yet; what was measured is said in every case.
 * What a run has reached it has reached, however short it was; what it has not, it fails only once it is complete.
 */
import { isAsGood, METRICS } from '../src/metric.ts'
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
          measured: `${score(evidence, first[1])} at ${grouped(first[0])}; ${best(evidence, result, level)}`,
        }
      }
      const over = complete(evidence, result) || (by !== undefined && result.iteration >= by)
      return { holds: over ? false : null, measured: `${best(evidence, result, level)}, ${state(result)}` }
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

/**
 * The scores of the runs at their best evaluations are in this order, the first one the best. A tie passes where `ties` says
 * so: `ties[i]` between runs i and i + 1. All of them must be over.
 */
export function ranked(
  runs: readonly string[],
  text: string,
  { ties = [] }: { ties?: readonly boolean[] } = {},
): Claim {
  return {
    text,
    test(evidence) {
      const results = runs.map((run) => evidence.result(run))
      const missing = runs.filter((_, i) => !results[i])
      if (missing.length > 0) return notRun(missing.join(', '))
      const there = results as RunResult[]
      const scores = there.map(({ best }) => best?.value ?? Number.NaN)
      const over = there.every((result) => complete(evidence, result))
      const follows = (i: number) =>
        asGood(evidence, scores[i - 1]!, scores[i]!) && (ties[i - 1] === true || scores[i - 1] !== scores[i])
      return {
        holds: over ? scores.every((value, i) => Number.isFinite(value) && (i === 0 || follows(i))) : null,
        measured: there
          .map(
            (result, i) =>
              `${result.name} ${score(evidence, scores[i]!)}${complete(evidence, result) ? '' : ` (${state(result)})`}`,
          )
          .join(', '),
      }
    },
  }
}

/** The best of the runs is better than a baseline. What one run has reached is enough; it fails once all are over. */
export function beatsBaseline(runs: readonly string[], baseline: string, text: string): Claim {
  return {
    text,
    test(evidence) {
      const level = evidence.baseline(baseline)
      if (level === undefined) return { holds: null, measured: `not computed: ${baseline}` }
      const there = runs.flatMap((run) => evidence.result(run) ?? [])
      if (there.length === 0) return notRun(runs.join(', '))
      const value = bestOf(
        evidence,
        there.flatMap(({ iteration, best }) => (best ? [[iteration, best.value] as const] : [])),
      )
      const holds = Number.isFinite(value) && asGood(evidence, value, level) && value !== level
      const over = there.length === runs.length && there.every((result) => complete(evidence, result))
      return {
        holds: holds ? true : over ? false : null,
        measured: `${score(evidence, value)}, ${baseline} ${score(evidence, level)}`,
      }
    },
  }
}

/** The run uses the flags of the best of the candidates, by held-out score: it was tuned, not picked. */
export function tuned(run: string, candidates: readonly string[], flags: readonly string[], text: string): Claim {
  return {
    text,
    test(evidence) {
      const results = candidates.map((name) => evidence.result(name))
      const missing = candidates.filter((_, i) => !results[i])
      if (missing.length > 0) return notRun(missing.join(', '))
      const decisive = (r: RunResult) => r.best?.heldOut ?? r.best?.value ?? Number.NaN
      const found = (results as RunResult[]).filter((r) => Number.isFinite(decisive(r)))
      const winner = found.reduce<RunResult | null>(
        (a, b) => (a && asGood(evidence, decisive(a), decisive(b)) ? a : b),
        null,
      )
      if (!winner) return { holds: false, measured: 'none of the candidates has a score' }
      const of = (name: string) => evidence.experiment.runs.find((one) => one.name === name)!.flags
      const said = found.map((r) => `${r.name} ${score(evidence, decisive(r))}`)
      const over = (results as RunResult[]).every((r) => complete(evidence, r))
      return {
        holds: over ? flags.every((flag) => of(run)[flag] === of(winner.name)[flag]) : null,
        measured: `best ${winner.name}; ${said.join(', ')}`,
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

export function notRun(run: string): Verdict {
  return { holds: null, measured: `not run: ${run}` }
}

/** Beside a level, with as many digits as tell the two apart: 97.17 does not reach 97.2. */
function best(evidence: Evidence, { best }: RunResult, level: number): string {
  if (!best) return 'no score yet'
  const alike = best.value !== level && best.value.toFixed(1) === level.toFixed(1)
  return `best ${score(evidence, best.value, alike ? 2 : 1)} at ${grouped(best.iteration)}`
}

function state({ ended, iteration, iterations }: RunResult): string {
  if (ended === 'diverged') return `diverged at ${grouped(iteration)}`
  return iteration < iterations
    ? `${grouped(iteration)} of ${grouped(iterations)} iterations done`
    : `${grouped(iteration)} iterations done`
}

function score({ experiment }: Evidence, value: number, digits = 1): string {
  if (!Number.isFinite(value)) return 'no score'
  return METRICS[experiment.metric].percent ? `${value.toFixed(digits)} %` : String(Number(value.toPrecision(3)))
}

function grouped(n: number): string {
  return Math.round(n).toLocaleString('en-US')
}

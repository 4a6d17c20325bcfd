/**
 * Kinds of claims. Each looks at results and says holds, fails, or nothing yet; what was measured is said in every
 * case. What a run has reached it has reached, however short it was; what it has not, it fails only once it is
 * complete. All speak of a run, or of the mean over the seeds of a group; and where one is to be before another, by
 * more than a margin, for a difference that another seed would turn round is none.
 */
import { METRICS } from '../src/metric.ts'
import { grouped } from '../src/numbers.ts'
import type { Claim, Contender, Evidence, Verdict } from './experiment.ts'
import { bestOf, chosenOf, decisive, type Group, groupOf, mean, namesOf, standing, state, valueAt } from './group.ts'
import { asGood, askedText, bestText, type Margin, ofSeeds, score, standingText, within } from './measured.ts'

/** Why a claim fails, as far as we know: shown below it where it does. */
export function explained(claim: Claim, why: string): Claim {
  return { ...claim, why }
}

/** The best test score, mean over seeds, is at least as good as `level`, within `by` iterations if given. */
export function reaches(name: string, level: number, text: string, { by }: { by?: number } = {}): Claim {
  return {
    text,
    test(evidence) {
      const group = found(evidence, name)
      if (group.missing.length > 0) return notRun(group.missing)
      const { results } = group
      const reached = mean(results.map((result) => bestOf(evidence.experiment, within(result.points, by))))
      if (asGood(evidence, reached, level)) return { holds: true, measured: bestText(evidence, group, level, by) }
      const over = group.complete || (by !== undefined && results.every(({ iteration }) => iteration >= by))
      const said = results.map((result) => state(result))
      return {
        holds: over ? false : null,
        measured: `${bestText(evidence, group, level, by)}, ${[...new Set(said)].join(', ')}`,
      }
    },
  }
}

/**
 * No test score of any seed is as good as `level`: it does not learn, as the paper says it does not. A run that
 * diverged shows nothing of the kind: the claim fails.
 */
export function never(name: string, level: number, text: string): Claim {
  return {
    text,
    test(evidence) {
      const group = found(evidence, name)
      if (group.results.length === 0) return notRun(group.missing)
      const measured = `${bestText(evidence, group, level)}, ${group.results.map(state).join(', ')}`
      const wrong = group.results.some(
        ({ ended, points }) => ended === 'diverged' || points.some(([, value]) => asGood(evidence, value, level)),
      )
      return { holds: wrong ? false : group.complete ? true : null, measured }
    },
  }
}

/**
 * The test score that each run stands for, mean over seeds, is at least as good as `level`: at the evaluation that
 * held-out data found best, without held-out data at the end.
 */
export function attains(name: string, level: number, text: string): Claim {
  return {
    text,
    test(evidence) {
      const group = found(evidence, name)
      if (group.missing.length > 0) return notRun(group.missing)
      const holds = group.complete ? asGood(evidence, mean(group.results.map(standing)), level) : null
      return { holds, measured: standingText(evidence, group) }
    },
  }
}

/** The best scores within `budget` iterations of each, means over seeds, are in this order, the first one the best. */
export function ordered(names: readonly string[], budget: number, text: string, margin: Margin = {}): Claim {
  return {
    text,
    test(evidence) {
      const groups = names.map((name) => found(evidence, name))
      const missing = groups.flatMap((group) => group.missing)
      if (missing.length > 0) return notRun(missing)
      const all = groups.flatMap(({ runs, results }) => runs.map((run, i) => ({ run: run.name, result: results[i]! })))
      // A run that is over keeps the score it has: it will not have another.
      const open = all.filter(({ run }) => !found(evidence, run).complete)
      const common = Math.min(budget, ...open.map(({ result }) => result.iteration))
      const scores = groups.map(({ results }) =>
        mean(results.map(({ points }) => bestOf(evidence.experiment, within(points, common)))),
      )
      const said = groups.map(({ name, results }, i) => {
        const lasts = results.map(({ points }) => within(points, common).at(-1)?.[1] ?? Number.NaN)
        const fates = results.filter(({ ended }) => ended === 'diverged').map(state)
        const besides = [`last ${score(evidence, mean(lasts))}`, ...fates]
        return `${name} ${score(evidence, scores[i]!)} (${besides.join(', ')})`
      })
      const holds = follow(evidence, scores, margin)
      return {
        holds: common < budget ? null : holds,
        measured: `best within ${grouped(common)} iterations${ofSeeds(groups)}: ${said.join(', ')}`,
      }
    },
  }
}

/**
 * The scores at the evaluations that were best (by held-out data), means over seeds, are in this order, the first one
 * the best, each by more than the margin. A tie passes where `ties` says so, `ties[i]` between i and i + 1: the first
 * may be behind by the margin. All of them must be over.
 */
export function ranked(
  contenders: readonly Contender[],
  text: string,
  { ties = [], ...margin }: { ties?: readonly boolean[] } & Margin = {},
): Claim {
  return {
    text,
    test(evidence) {
      const missing = missingOf(evidence, contenders)
      if (missing.length > 0) return notRun(missing)
      const groups = contenders.map((contender) => chosen(evidence, contender))
      const scores = groups.map(({ results }) => mean(results.map(({ best }) => best?.value ?? Number.NaN)))
      const over = contenders.every((contender) => namesOf(contender).every((name) => found(evidence, name).complete))
      const said = groups.map((group) => `${group.name} ${standingText(evidence, group)}`)
      const measured = `${said.join('; ')}${askedText(margin)}`
      return { holds: over ? follow(evidence, scores, margin, ties) : null, measured }
    },
  }
}

/** The best of the contenders is better than a baseline. It fails once all are over. */
export function beatsBaseline(contenders: readonly Contender[], baseline: string, text: string): Claim {
  return {
    text,
    test(evidence) {
      const level = evidence.baseline(baseline)
      if (level === undefined) return { holds: null, measured: `not computed: ${baseline}` }
      const names = contenders.flatMap(namesOf)
      const there = names.map((name) => found(evidence, name)).filter(({ missing }) => missing.length === 0)
      if (there.length === 0) return notRun(missingOf(evidence, contenders))
      const scores = there.map(({ results }) => mean(results.map(({ best }) => best?.value ?? Number.NaN)))
      const value = bestOf(
        evidence.experiment,
        scores.filter(Number.isFinite).map((one) => [0, one] as const),
      )
      const holds = asGood(evidence, value, level) && value !== level
      const over = there.length === names.length && there.every(({ complete }) => complete)
      return {
        holds: holds ? true : over ? false : null,
        measured: `${score(evidence, value)}, ${baseline} ${score(evidence, level)}`,
      }
    },
  }
}

/**
 * Of the candidates, in the order of a flag's values, the one with the best held-out score, mean over seeds, is neither
 * the first nor the last: at the edge of what was tried nobody knows what lies beyond.
 */
export function tuned(candidates: readonly string[], flag: string, text: string): Claim {
  return {
    text,
    test(evidence) {
      const missing = missingOf(evidence, candidates)
      if (missing.length > 0) return notRun(missing)
      const groups = candidates.map((name) => found(evidence, name))
      const scores = groups.map(({ results }) => mean(results.map(decisive)))
      const winner = candidates.indexOf(chosen(evidence, { name: flag, among: candidates }).name)
      const said = groups.map(({ runs }, i) => `${runs[0]!.flags[flag]}: ${score(evidence, scores[i]!)}`)
      const over = groups.every(({ complete }) => complete)
      const inside = Number.isFinite(scores[winner]) && winner > 0 && winner < groups.length - 1
      const fate = inside ? 'inside the grid' : 'at the edge of the grid'
      const best = `best --${flag} ${groups[winner]!.runs[0]!.flags[flag]}, ${fate}`
      return { holds: over ? inside : null, measured: `${best}; held-out by --${flag}: ${said.join(', ')}` }
    },
  }
}

/** At each of `at` iterations the mean over seeds is within `points` percent points of the paper's curve. */
export function tracks(
  name: string,
  { figure, cell }: { figure: string; cell: string },
  { at, within: points }: { at: readonly number[]; within: number },
  text: string,
): Claim {
  return {
    text,
    test(evidence) {
      const group = found(evidence, name)
      if (group.missing.length > 0) return notRun(group.missing)
      const theirs = evidence.paper(figure, cell)
      const pairs = at.map((x) => {
        const values = group.results.map((result) => valueAt(result.points, x))
        const there = values.filter((value) => value !== undefined)
        return { x, ours: there.length === values.length ? mean(there) : undefined, paper: valueAt(theirs, x)! }
      })
      const known = pairs.filter(({ ours }) => ours !== undefined)
      const close = known.every(({ ours, paper }) => Math.abs(ours! - paper) <= points)
      const missing = known.length < at.length
      const said = known.map(
        ({ x, ours, paper }) => `${score(evidence, ours!)} (paper ${score(evidence, paper)}) at ${grouped(x)}`,
      )
      const states = missing ? [...new Set(group.results.map(state))] : []
      return {
        holds: !close ? false : missing ? (group.complete ? false : null) : true,
        measured: `${[...said, ...states].join(', ')}${ofSeeds([group])}`,
      }
    },
  }
}

/** Of a grid of rates and seeds the first few are named. */
export function notRun(runs: readonly string[]): Verdict {
  const [shown, more] = [runs.slice(0, 4), runs.length - 4]
  return { holds: null, measured: `not run: ${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}` }
}

function found({ experiment, result }: Evidence, name: string): Group {
  return groupOf(experiment, name, result)
}

function chosen({ experiment, result }: Evidence, contender: Contender): Group {
  return chosenOf(experiment, contender, result)
}

function missingOf(evidence: Evidence, contenders: readonly Contender[]): string[] {
  return contenders.flatMap(namesOf).flatMap((name) => found(evidence, name).missing)
}

/** Whether each score is before the next by the margin; where a tie passes, not behind it by more. */
function follow(
  { experiment }: Evidence,
  scores: readonly number[],
  { margin = 0, share = 0 }: Margin,
  ties: readonly boolean[] = [],
): boolean {
  const sign = METRICS[experiment.metric].lowerIsBetter ? 1 : -1
  // A run without any score, since it diverged before the first, cannot be compared.
  return scores.every((value, i) => {
    if (!Number.isFinite(value)) return false
    if (i === 0) return true
    const ahead = sign * (value - scores[i - 1]!)
    const least = Math.max(margin, share * Math.abs(sign > 0 ? value : scores[i - 1]!))
    return ties[i - 1] === true ? ahead >= -least : ahead > 0 && ahead >= least
  })
}

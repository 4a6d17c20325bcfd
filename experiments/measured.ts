/** What claims say of what was measured. */
import { isAsGood, METRICS } from '../src/metric.ts'
import { grouped } from '../src/numbers.ts'
import type { Curve, Evidence } from './experiment.ts'
import { bestOf, type Group, mean, spread, state } from './group.ts'

/** By how much one is to be before the next: in the metric's unit, or as a share of the worse one's score. */
export interface Margin {
  readonly margin?: number
  readonly share?: number
}

export function askedText({ margin, share }: Margin): string {
  if (share !== undefined) return `; asked for: ${100 * share} %`
  return margin === undefined ? '' : `; asked for: ${margin}`
}

export function asGood({ experiment }: Evidence, value: number, level: number): boolean {
  return Number.isFinite(value) && isAsGood(experiment.metric, value, level)
}

export function within(points: Curve, by = Number.POSITIVE_INFINITY): Curve {
  return points.filter(([iteration]) => iteration <= by)
}

export function ofSeeds(groups: readonly Group[]): string {
  const most = Math.max(...groups.map(({ results }) => results.length))
  return most > 1 ? `, means of up to ${most} seeds` : ''
}

/** The best and, beside it, the last: of many evaluations on the test set the best flatters. */
export function bestText(evidence: Evidence, { results }: Group, level: number, by?: number): string {
  const bests = results.map(({ points }) => bestOf(evidence.experiment, within(points, by)))
  const value = mean(bests)
  if (!Number.isFinite(value)) return 'no score yet'
  // With as many digits as tell the two apart: 97.17 does not reach 97.2.
  const alike = value !== level && value.toFixed(1) === level.toFixed(1)
  const last = score(evidence, mean(results.map(({ final }) => final?.value ?? Number.NaN)))
  const [only] = results
  if (results.length > 1) return `best ${score(evidence, value, alike ? 2 : 1)}${range(evidence, bests)}, last ${last}`
  const at = only!.points.find(([, one]) => one === bests[0])![0]
  return `best ${score(evidence, value, alike ? 2 : 1)} at ${grouped(at)}, last ${last}`
}

/** The score that it stands for, its spread, and the last beside it where that is another. */
export function standingText(evidence: Evidence, { results, complete }: Group): string {
  const values = results.map(({ best }) => best?.value ?? Number.NaN)
  const last = score(evidence, mean(results.map(({ final }) => final?.value ?? Number.NaN)), 2)
  const value = score(evidence, mean(values), 2)
  const states = complete ? '' : ` (${[...new Set(results.map(state))].join(', ')})`
  return `${value}${range(evidence, values)}${last === value ? '' : `, last ${last}`}${states}`
}

function range(evidence: Evidence, values: readonly number[]): string {
  if (values.length < 2 || !values.every(Number.isFinite)) return ''
  const sd = spread(values)
  const shown = METRICS[evidence.experiment.metric].percent ? sd.toFixed(2) : String(Number(sd.toPrecision(2)))
  return ` ± ${shown} (${values.length} seeds)`
}

export function score({ experiment }: Evidence, value: number, digits = 1): string {
  if (!Number.isFinite(value)) return 'no score'
  return METRICS[experiment.metric].percent
    ? `${value.toFixed(digits)} %`
    : String(Number(value.toPrecision(digits > 1 ? 4 : 3)))
}

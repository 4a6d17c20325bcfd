/** Where the training part ends and the validation and test parts begin: at the same step for all series. */
import { InputError, shown } from '../error.ts'
import { grouped } from '../numbers.ts'
import type { Axis } from './axis.ts'
import { perYear } from './step.ts'

/** What a person says of the split. */
export interface SplitChoices {
  /** Steps, a share as `20%`, or the first date. */
  readonly test?: number | string | undefined
  readonly validation?: number | string | undefined
  /** Steps from one forecast to the next. */
  readonly stride?: number | undefined
}

export interface Split {
  readonly validation: number
  readonly test: number
  readonly end: number
  readonly stride: number
}

/** Forecasts that a test part should have at least: where it has fewer, they overlap. */
const FORECASTS = 10

/**
 * @param begin, end steps between which there are values
 * @param longest season, 0 where there is none
 */
export function splitOf(
  what: string,
  axis: Axis,
  [begin, end]: readonly [number, number],
  horizon: number,
  longest: number,
  choices: SplitChoices,
): Split {
  const steps = end - begin
  const test =
    end - partOf('test', choices.test, axis, [begin, end], () => shareOf(steps, 0.2, 2, horizon, longest, axis))
  const validation =
    test -
    partOf('validation', choices.validation, axis, [begin, test], () => shareOf(steps, 0.1, 1, horizon, longest, axis))
  const parts: [string, number][] = [
    ['test', end - test],
    ['validation', test - validation],
  ]
  for (const [part, length] of parts) {
    if (length >= horizon) continue
    throw new InputError(
      `${what}: expected a horizon of at most ${grouped(length)}, the steps of the ${part} part, but received ` +
        `${grouped(horizon)}: shorten it, or give --${part} ${grouped(horizon)}`,
    )
  }
  const training = validation - begin
  const needed = 2 * horizon + 2
  if (training < needed) {
    throw new InputError(
      `${what}: expected at least ${grouped(needed)} steps before the validation part, for a horizon of ${horizon}, ` +
        `but received ${grouped(Math.max(0, training))} of ${grouped(steps)}: give more rows or a shorter horizon`,
    )
  }
  return { validation, test, end, stride: choices.stride ?? strideOf(end - test, horizon) }
}

/**
 * A year, or that share of the steps if it is less; in whole seasons where one fits, else in whole horizons, and at
 * least `horizons` of them.
 */
function shareOf(steps: number, share: number, horizons: number, horizon: number, longest: number, axis: Axis): number {
  const most = Math.floor(Math.min(perYear(axis.step) || steps, share * steps) + 1e-9)
  const unit = longest > horizon && longest <= most ? longest : horizon
  return Math.max(horizons * horizon, Math.floor(most / unit) * unit)
}

function partOf(
  name: 'test' | 'validation',
  given: number | string | undefined,
  axis: Axis,
  [begin, end]: readonly [number, number],
  usual: () => number,
): number {
  if (given === undefined) return usual()
  const text = String(given)
  const share = /^(\d+(?:\.\d+)?)\s*%$/.exec(text)
  const date = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN
  const steps = share
    ? Math.round((Number(share[1]) / 100) * (end - begin))
    : Number.isNaN(date)
      ? Number(text)
      : end - Math.ceil(axis.indexOf(date))
  if (Number.isInteger(steps) && steps >= 1 && steps < end - begin) return steps
  throw new InputError(
    `${name}: expected a number of steps below ${grouped(end - begin)}, a share as 20%, or a date as 2015-01-31 ` +
      `within the data, but received ${shown(given)}`,
  )
}

function strideOf(test: number, horizon: number): number {
  if (Math.floor((test - horizon) / horizon) + 1 >= FORECASTS) return horizon
  return Math.max(1, Math.floor((test - horizon) / (FORECASTS + 2)))
}

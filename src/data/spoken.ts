/** Decisions of a forecast as people read them: a title and a sentence each, and one window with its dates. */
import { grouped, significant } from '../numbers.ts'
import type { Axis } from './axis.ts'
import { listed } from './notes.ts'
import type { ForecastSchema } from './schema.ts'
import { parseStep, spokenStep } from './step.ts'

/** Lines of decisions: [what, sentence]. @param range of the target, smallest and largest; null: not known */
export function decisionsOf(
  schema: ForecastSchema,
  axis: Pick<Axis, 'text'>,
  series: number,
  range: readonly [number, number] | null,
): [string, string][] {
  const { time, targets, horizon, window, seasons, known, past, calendar, lags, split, transform } = schema
  const names = (columns: ForecastSchema['known']) =>
    listed(
      columns.map(({ name }) => name),
      6,
    )
  const inputs = [
    `${targets.length > 1 ? 'each target' : targets[0]} itself, ${grouped(window)} steps of the past`,
    ...(lags.length > 0
      ? [`values ${lags.map((lag) => (lag === 'year' ? 'a year' : lag)).join(', ')} steps before`]
      : []),
    ...(known.length > 0 ? [`known in advance: ${names(known)}`] : []),
    ...(past.length > 0 ? [`known for the past: ${names(past)}`] : []),
    ...(calendar.length > 0 ? [`calendar: ${calendar.join(', ')}`] : []),
  ]
  const between = range === null ? '' : ` (${significant(range[0], 6)} … ${significant(range[1], 6)})`
  const zone = time.zone === null ? '' : `, clocks of ${time.zone}`
  return [
    [
      'time',
      `${time.column ?? 'rows'}, ${spokenStep(parseStep(time.step))} a step${zone}, to ${axis.text(split.end - 1)}`,
    ],
    ...(series > 1 ? [['series', `${grouped(series)}, by ${schema.series ?? 'column'}`] as [string, string]] : []),
    [
      'target',
      `${listed(targets, 6)}${between}, ${horizon} steps ahead; ` +
        (seasons.length > 0 ? `seasons ${seasons.join(', ')}` : 'no season') +
        (transform === 'none' ? '' : '; as log1p'),
    ],
    ['inputs', inputs.join('; ')],
    [
      'split',
      `train to ${axis.text(split.validation - 1)}, validation to ${axis.text(split.test - 1)}, test to ` +
        `${axis.text(split.end - 1)}; a forecast of ${horizon} steps every ` +
        (split.stride === 1 ? 'step' : `${split.stride} steps`),
    ],
  ]
}

/** The first window of the test part, in words. */
export function exampleWindow(schema: ForecastSchema, axis: Axis): string[] {
  const { split, window, horizon, known, calendar, lags } = schema
  const origin = split.test
  const shown = [
    ...(calendar.length > 0 ? ['calendar'] : []),
    ...(lags.length > 0 ? ['lags'] : []),
    ...known.map(({ name }) => name),
  ]
  return [
    `reads     ${axis.text(origin - window)} … ${axis.text(origin - 1)}, ${grouped(window)} steps with their values`,
    `forecasts ${axis.text(origin)} … ${axis.text(origin + horizon - 1)}, ` +
      `${horizon} steps whose values are hidden${shown.length > 0 ? `; it sees ${listed(shown, 6)}` : ''}`,
  ]
}

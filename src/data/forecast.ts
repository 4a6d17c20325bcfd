/** Forecasting as a kind of work. */
import type { Model } from '../model/model.ts'
import { regression } from '../model/spec.ts'
import type { Table } from '../table/table.ts'
import { forecastsOf, methodsFor } from './baselines/methods.ts'
import {
  forecastTask,
  networkForecasts,
  networkOutputs,
  type Parts,
  partsOf,
  wideningOf,
  windowInput,
} from './forecasting.ts'
import { type ForecastChoices, type Inferred, inferForecast } from './infer.ts'
import type { Note } from './notes.ts'
import { type Panel, panelOf } from './panel.ts'
import { measure, type Prepared, prepare, seasonLag } from './prepared.ts'
import { FORECAST_RECIPES, type ForecastRecipe } from './recipes.ts'
import { forecastFiles, type MethodForecasts } from './report.ts'
import type { FittedForecast, ForecastSchema, Scaling } from './schema.ts'
import { maseScales, QUANTILES, scoresOf } from './scores.ts'
import { windowFiller } from './windows.ts'
import type { Outcome, Trial, Tried, Work } from './work.ts'

/** Share of the values that the band shall hold. */
const BAND = 0.8

/** The name of the network among the methods. */
export const NETWORK = 'network'

/** A way to fit a forecast. */
export interface ForecastTrial extends Trial {
  readonly prepared: Prepared
  readonly parts: Parts
  readonly wish: Wish
}

/** A forecast, ready to be fitted, and what the command says of it. */
export interface ForecastWork extends Work<ForecastTrial> {
  readonly schema: ForecastSchema
  /** How many series there are, and their panel. */
  readonly series: number
  readonly panel: Panel
}

/** The smallest and the largest value of the target. */
export function rangeOf({ panel }: ForecastWork): [number, number] {
  const range: [number, number] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (const { target } of panel.series) {
    for (const value of target) {
      if (value < range[0]) range[0] = value
      if (value > range[1]) range[1] = value
    }
  }
  return range
}

/** Decides all that a forecast needs. @throws InputError where the table and the choices do not give one */
export function forecasting(table: Table, choices: ForecastChoices): ForecastWork {
  return forecastWork(inferForecast(table, choices))
}

/**
 * A forecast by decisions that are there already: what was measured before is measured anew.
 * @throws InputError where the table does not fit the schema
 */
export function forecastingBy(table: Table, schema: ForecastSchema): ForecastWork {
  const decisions: ForecastSchema = { ...schema, fitted: null }
  const panel = panelOf(table, decisions)
  return forecastWork({ schema: decisions, panel, notes: panel.notes })
}

function forecastWork(inferred: Inferred): ForecastWork {
  const { schema, panel, notes } = inferred
  const scales = maseScales(panel, schema.seasons.at(-1) ?? 1, schema.split.test)
  const measured = measure(panel, schema, schema.split.validation)
  return {
    kind: 'forecast',
    schema,
    notes,
    panel,
    series: panel.series.length,
    title: schema.targets.length > 1 ? `${schema.targets.length} columns` : schema.targets[0]!,
    next(tried, seed) {
      const wish = nextWish(tried, schema)
      return wish && trialOf(inferred, measured, wish, seed)
    },
    judge({ prepared, parts }, model) {
      const forecasts = networkForecasts(model, prepared, parts.validation)
      const { mase, pinball, coverage } = scoresOf(panel, forecasts, scales)
      return { score: pinball ?? mase, shown: { mase, pinball: pinball!, coverage: coverage! } }
    },
    again(trial, iterations, seed) {
      const parts = partsOf(trial.prepared, true)
      const task = forecastTask(trial.prepared, parts, seed, true)
      return { ...trial, task, training: { ...trial.training, iterations, evalEvery: iterations } }
    },
    finish: (trial, model, validated) => outcomeOf(trial, model, validated, inferred, scales),
  }
}

/** What a trial is made from. */
interface Wish {
  readonly scaling: Scaling
  readonly recipe: ForecastRecipe
  /** Whether the network sees the columns of the past: many of them are no help, and are learnt by heart. */
  readonly past: boolean
}

/** What the network sees of values, in words. */
const SCALINGS: { readonly [scaling in Scaling]: string } = {
  series: 'distance from the mean',
  window: 'distance from the last value',
  season: 'difference from a season before',
}

/** A look at every scaling, then the best trained as it needs, then that without the columns of the past. */
function nextWish(tried: readonly Tried<ForecastTrial>[], schema: ForecastSchema): Wish | null {
  const { look, longer, gentler } = FORECAST_RECIPES
  const wishes: ((best: Tried<ForecastTrial>) => Wish)[] = [() => ({ scaling: 'series', recipe: look, past: true })]
  wishes.push(({ trial }) => ({ ...trial.wish, scaling: 'window' }))
  if (seasonLag(schema) > 0) wishes.push(({ trial }) => ({ ...trial.wish, scaling: 'season' }))
  wishes.push(({ trial, early }) => ({ ...trial.wish, recipe: early ? gentler : longer }))
  // What is learnt by heart is not seen in a look: of Chicago's, one in three chose the columns wrongly.
  if (schema.past.length > 0) wishes.push(({ trial }) => ({ ...trial.wish, past: false }))
  const best = [...tried].sort((a, b) => a.score - b.score)[0]
  return wishes[tried.length]?.(best!) ?? null
}

function trialOf(
  { schema: all, panel: whole }: Inferred,
  measured: FittedForecast,
  wish: Wish,
  seed: number,
): ForecastTrial {
  const { scaling, recipe, past } = wish
  const columns = past ? measured.columns : measured.columns.slice(0, all.known.length)
  const schema = past ? all : { ...all, past: [] }
  const prepared = prepare(whole, schema, { ...measured, columns, scaling })
  const parts = partsOf(prepared)
  const batch = Math.min(recipe.training.batch!, parts.training.series.length)
  return {
    name: `${recipe.name}, ${SCALINGS[scaling]}${past ? '' : ', no columns of the past'}`,
    recipe: recipe.name,
    wish,
    task: forecastTask(prepared, parts, seed),
    model: {
      input: windowInput(windowFiller(prepared)),
      rnn: recipe.rnn,
      head: regression(QUANTILES.length, { steps: 'every' }),
    },
    training: { ...recipe.training, batch },
    prepared,
    parts,
  }
}

function outcomeOf(
  trial: ForecastTrial,
  model: Model,
  validated: Model,
  { schema, panel, notes }: Inferred,
  scales: Float64Array,
): Outcome {
  const { prepared, parts } = trial
  const outputs = networkOutputs(validated, prepared, parts.validation)
  const widening = wideningOf(outputs, prepared, parts.validation, BAND)
  const series = prepared.fitted.series.map((one, k) => (scales[k]! > 0 ? { ...one, mase: scales[k]! } : one))
  const fitted: FittedForecast = { ...prepared.fitted, series, widening }
  const complete: Prepared = { ...prepared, fitted }
  const network = networkForecasts(model, complete, parts.test)
  const origins = network.map(({ series, step }) => ({ series, step }))
  const methods: MethodForecasts[] = methodsFor(schema, panel).map((method) => {
    const forecasts = forecastsOf(method, panel, origins)
    return { name: method.name, forecasts, scores: scoresOf(panel, forecasts, scales) }
  })
  methods.push({ name: NETWORK, forecasts: network, scores: scoresOf(panel, network, scales) })
  const whole: ForecastSchema = { ...prepared.schema, fitted }
  const best = [...methods].sort((a, b) => a.scores.mase - b.scores.mase || a.scores.mae - b.scores.mae)[0]!
  const more: Note[] = []
  return {
    schema: whole,
    methods: methods.map(({ name, scores }) => ({ name, ...scores })),
    winner: best.name,
    notes: [...notes, ...more],
    files: forecastFiles({ schema: whole, panel, methods, winner: best.name, notes, trial: trial.name }),
  }
}

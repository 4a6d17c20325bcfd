/** A fitted forecast trained anew on all rows before a moment, as its run was on those before the test part. */
import { createModel, type Model } from '../model/model.ts'
import { train } from '../train/loop.ts'
import type { TrainOptions } from '../train/options.ts'
import { forecastTask, partsOf, windowInput } from './forecasting.ts'
import type { Panel } from './panel.ts'
import { fittedForecast } from './predict.ts'
import { measure, type Prepared, prepare } from './prepared.ts'
import type { ForecastSchema } from './schema.ts'
import { windowFiller } from './windows.ts'

/** How a run was trained. */
export interface Training {
  readonly options: TrainOptions
  readonly seed: number
}

/**
 * Columns and series are measured, and a network of the same spec, seed and training is trained, on the steps before
 * `step`: what is later changes nothing. What validation chose stays, as does what calibration added to the band.
 * Dispose of the model.
 */
export async function refitted(
  { spec, backend }: Model,
  schema: ForecastSchema,
  panel: Panel,
  step: number,
  { options, seed }: Training,
): Promise<{ model: Model; prepared: Prepared }> {
  const { validation, test } = schema.split
  const until = validation + step - test
  const moved: ForecastSchema = { ...schema, split: { ...schema.split, validation: until, test: step } }
  const { scaling, widening } = fittedForecast(schema)
  const prepared = prepare(panel, moved, { ...measure(panel, moved, until), scaling, widening })
  // More columns than before may have gaps, or other levels.
  const model = createModel({ ...spec, input: windowInput(windowFiller(prepared)) }, { backend, seed })
  try {
    for await (const _ of train(model, forecastTask(prepared, partsOf(prepared, true), seed, true), options));
  } catch (error) {
    model.dispose()
    throw error
  }
  return { model, prepared }
}

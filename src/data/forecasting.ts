/** Forecasting as a task of the training loop, and a trained network's forecasts. */
import type { Floats } from '../backend/backend.ts'
import type { Batch } from '../batch.ts'
import { pinball } from '../loss.ts'
import type { Model } from '../model/model.ts'
import type { ModelInput } from '../model/spec.ts'
import type { Stepper } from '../model/stepper.ts'
import { epochOrder, type Fill, inOrder, streamOf, type Task } from '../task.ts'
import { type Prepared, seasonLag } from './prepared.ts'
import { type Forecast, QUANTILES } from './scores.ts'
import { type WindowFiller, type Windows, windowFiller, windowsWithin } from './windows.ts'

/** Windows of training at most: more are thinned, evenly. */
const MOST_WINDOWS = 1_000_000
/** Windows of validation at most, for each evaluation reads them all. */
const MOST_HELD_OUT = 400

/** The windows of the three parts. */
export interface Parts {
  readonly training: Windows
  readonly validation: Windows
  readonly test: Windows
}

/** @param again the validation part is trained on as well */
export function partsOf(prepared: Prepared, again = false): Parts {
  const { schema, series } = prepared
  const { validation, test, end, stride } = schema.split
  const begin = Math.min(...series.map(({ start }) => start))
  const every = (steps: number, most: number) => Math.max(1, Math.ceil((steps * series.length) / most))
  const least = leastPast(prepared)
  return {
    training: windowsWithin(
      prepared,
      [begin, again ? test : validation],
      every(validation - begin, MOST_WINDOWS),
      least,
    ),
    validation: windowsWithin(prepared, [validation, test], every(test - validation, MOST_HELD_OUT), 1),
    test: windowsWithin(prepared, [test, end], stride, 1),
  }
}

/** Steps that a window of training should have before its first forecast: its past and lags, if that leaves half. */
function leastPast({ schema, series }: Prepared): number {
  const { window, lags, split, horizon } = schema
  const days = lags.map((lag) => (lag === 'year' ? 366 : lag))
  const longest = Math.max(0, ...series.map(({ start }) => split.validation - start))
  const wishes = [Math.max(window, ...days, seasonLag(schema) + 1), window, Math.ceil(window / 4)]
  return wishes.find((steps) => steps + horizon <= longest / 2) ?? 1
}

/**
 * Forecasting as a task; validation, which is held out, decides what is best. With `again` it is part of the training,
 * and nothing is held out: the last weights count.
 */
export function forecastTask(prepared: Prepared, parts: Parts, seed: number, again = false): Task {
  const { schema } = prepared
  const filler = windowFiller(prepared)
  const { horizon } = schema
  const T = schema.window + horizon
  const size = parts.training.series.length
  return {
    name: 'forecast',
    options: optionsOf(prepared),
    T,
    input: { size: filler.width, ...(filler.vocabulary > 0 && { vocabulary: filler.vocabulary }) },
    head: { kind: 'regression', size: QUANTILES.length, steps: 'every' },
    metric: 'pinball',
    loss: pinball(QUANTILES),
    trainSize: size,
    testSize: parts.test.series.length,
    train: (B) => streamOf(epochOrder(size, seed, 'forecast/train'), B, batches(filler, parts.training, horizon)),
    test: (B) => inOrder(parts.test.series.length, B, batches(filler, parts.test, horizon)),
    ...(!again && {
      heldOut: (B: number) => inOrder(parts.validation.series.length, B, batches(filler, parts.validation, horizon)),
    }),
  }
}

function optionsOf({ schema, fitted }: Prepared): Task['options'] {
  const { targets, horizon, window, time } = schema
  return { target: targets.join(','), horizon, window, step: time.step, scaling: fitted.scaling }
}

/** What a network reads: values, and a token where there is one, with an embedding of the root of their number. */
export function windowInput({ width, vocabulary }: WindowFiller): ModelInput['input'] {
  if (vocabulary === 0) return width
  return { size: width, vocabulary, embedding: Math.min(50, Math.ceil(Math.sqrt(vocabulary))) }
}

/** Makes batches of windows; its arrays are filled again by the next call. */
export function batches(filler: WindowFiller, { series, origins }: Windows, horizon: number): Fill {
  const I = filler.width
  let x = new Float32Array(0)
  let y = new Float32Array(0)
  return (B, next): Batch => {
    const chosen = Array.from({ length: B }, next)
    const lengths = Int32Array.from(chosen, (k) => filler.lengthOf(series[k]!, origins[k]!))
    const T = Math.max(...lengths)
    if (x.length !== T * B * I) {
      x = new Float32Array(T * B * I)
      y = new Float32Array(T * B)
    }
    x.fill(0)
    y.fill(Number.NaN)
    const tokens = new Int32Array(filler.vocabulary > 0 ? T * B : 0)
    for (const [b, k] of chosen.entries()) {
      filler.putInputs(series[k]!, origins[k]!, x, b, B)
      if (filler.vocabulary > 0) filler.putTokens(series[k]!, origins[k]!, tokens, b, B)
      const first = lengths[b]! - horizon
      for (let ahead = 0; ahead < horizon; ahead++) {
        y[(first + ahead) * B + b] = filler.target(series[k]!, origins[k]!, ahead)
      }
    }
    return { T, B, x, y, lengths, ...(filler.vocabulary > 0 && { tokens }) }
  }
}

/** Windows that a network reads at once. */
const AT_ONCE = 64

/** What reads windows where it is at hand already; default: it is made, and given back. */
export interface AtHand {
  readonly filler?: WindowFiller
  /** Reads one window after the other, step by step: of a few windows sooner than a plan, to the same bits. */
  readonly stepper?: Stepper
}

/** What a network says of windows: [window, horizon, quantile], sorted quantiles in scaled units. */
export function networkOutputs(
  model: Model,
  prepared: Prepared,
  windows: Windows,
  { filler = windowFiller(prepared), stepper }: AtHand = {},
): Float64Array {
  const { horizon, window } = prepared.schema
  const Q = QUANTILES.length
  const count = windows.series.length
  const outputs = new Float64Array(count * horizon * Q)
  const put = (k: number, ahead: number, logits: Floats, at: number) =>
    outputs.set(Float64Array.from(logits.subarray(at, at + Q)).sort(), (k * horizon + ahead) * Q)
  if (stepper !== undefined) {
    stepped(stepper, filler, windows, horizon, put)
    return outputs
  }
  const fill = batches(filler, windows, horizon)
  const plan = model.plan({ T: window + horizon, B: Math.max(1, Math.min(AT_ONCE, count)), training: false })
  let k = 0
  try {
    for (const batch of inOrder(count, AT_ONCE, fill)) {
      plan.resetState()
      plan.forward(batch)
      for (let b = 0; b < batch.B; b++, k++) {
        const first = batch.lengths![b]! - horizon
        for (let ahead = 0; ahead < horizon; ahead++) {
          put(k, ahead, plan.logits, ((first + ahead) * batch.B + b) * Q)
        }
      }
    }
  } finally {
    plan.dispose()
  }
  return outputs
}

function stepped(
  stepper: Stepper,
  filler: WindowFiller,
  { series, origins }: Windows,
  horizon: number,
  put: (k: number, ahead: number, logits: Floats, at: number) => void,
): void {
  const I = filler.width
  for (const [k, one] of series.entries()) {
    const T = filler.lengthOf(one, origins[k]!)
    const x = new Float32Array(T * I)
    filler.putInputs(one, origins[k]!, x, 0, 1)
    const tokens = new Int32Array(filler.vocabulary > 0 ? T : 0)
    if (filler.vocabulary > 0) filler.putTokens(one, origins[k]!, tokens, 0, 1)
    stepper.resetState()
    for (let t = 0; t < T; t++) {
      const values = x.subarray(t * I, (t + 1) * I)
      const logits = stepper.step(filler.vocabulary > 0 ? { x: values, tokens: tokens[t]! } : values)
      if (t >= T - horizon) put(k, t - T + horizon, logits, 0)
    }
  }
}

/** Outputs of windows as forecasts, the band `widening` scales wider at either end than the quantiles say. */
export function forecastsFrom(
  outputs: Float64Array,
  prepared: Prepared,
  windows: Windows,
  filler = windowFiller(prepared),
): Forecast[] {
  const { schema, fitted, series: all } = prepared
  const { horizon } = schema
  return Array.from(windows.series, (series, k) => {
    const origin = windows.origins[k]!
    const at = (ahead: number, quantile: (low: number, middle: number, high: number) => number) => {
      const [low, middle, high] = outputs.subarray((k * horizon + ahead) * 3) as unknown as [number, number, number]
      return filler.toUnits(series, origin, ahead, quantile(low, middle, high))
    }
    const path = (quantile: (low: number, middle: number, high: number) => number) =>
      Float64Array.from({ length: horizon }, (_, ahead) => at(ahead, quantile))
    return {
      series,
      step: all[series]!.start + origin,
      point: path((_, middle) => middle),
      // A band that calibration would make narrower than nothing ends at the point.
      low: path((low, middle) => Math.min(middle, low - fitted.widening)),
      high: path((_, middle, high) => Math.max(middle, high + fitted.widening)),
    }
  })
}

/**
 * How much either end of the band is moved so that it holds `share` of the values of these windows (conformalised
 * quantile regression, Romano, Patterson & Candès 2019), in units of the scale; 0 where there is no value.
 */
export function wideningOf(outputs: Float64Array, prepared: Prepared, windows: Windows, share: number): number {
  const filler = windowFiller(prepared)
  const { horizon } = prepared.schema
  const beyond: number[] = []
  for (const [k, series] of windows.series.entries()) {
    for (let ahead = 0; ahead < horizon; ahead++) {
      const value = filler.target(series, windows.origins[k]!, ahead)
      if (Number.isNaN(value)) continue
      const at = (k * horizon + ahead) * 3
      beyond.push(Math.max(outputs[at]! - value, value - outputs[at + 2]!))
    }
  }
  beyond.sort((a, b) => a - b)
  return beyond[Math.min(beyond.length, Math.ceil(share * (beyond.length + 1))) - 1] ?? 0
}

export function networkForecasts(
  model: Model,
  prepared: Prepared,
  windows: Windows,
  { filler = windowFiller(prepared), stepper }: AtHand = {},
): Forecast[] {
  const outputs = networkOutputs(model, prepared, windows, { filler, ...(stepper && { stepper }) })
  return forecastsFrom(outputs, prepared, windows, filler)
}

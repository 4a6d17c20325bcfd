/** Fits as ONNX files: the network, what is made of its logits, and in the metadata what its inputs mean. */
import { InputError } from '../error.ts'
import type { Model } from '../model/model.ts'
import { exportOnnx, type OnnxOptions } from '../model/onnx/export.ts'
import { widthOf } from './labels/encode.ts'
import { fittedOf } from './labels/sequencePredict.ts'
import type { SequenceSchema } from './labels/sequenceSchema.ts'
import { columnWidths } from './prepared.ts'
import type { ForecastSchema, Schema } from './schema.ts'
import { groupsOf, type InputGroup } from './windows.ts'

/** Options of a fit's `exportOnnx`: those of the library's, but for what the fit knows itself. */
export type FitOnnxOptions = Pick<OnnxOptions, 'batchFirst' | 'lengths' | 'state'>

/**
 * A fit's network as an ONNX file: `exportOnnx` of the library with one more output and two more texts.
 * @throws InputError as `exportOnnx` does
 */
export function exportFit(model: Model, schema: Schema, options: FitOnnxOptions = {}): Uint8Array {
  return exportOnnx(model, onnxOptionsOf(schema, options))
}

/**
 * Forecasts get `quantiles` as `predict` has them before they are scaled back; labels get `probabilities`. Of the
 * texts, `schema` is the schema, and `inputs` says what the columns of x are, in their order.
 */
export function onnxOptionsOf(schema: Schema, options: FitOnnxOptions = {}): OnnxOptions {
  const isForecast = schema.kind === 'forecast'
  const inputs = isForecast ? forecastInputs(schema) : sequenceInputs(schema)
  const metadata = { schema: JSON.stringify(schema), inputs: JSON.stringify(inputs) }
  if (isForecast) return { ...options, metadata, quantiles: { widening: schema.fitted!.widening } }
  const { members, reading } = fittedOf(schema)
  return { ...options, metadata, probabilities: { members, mean: reading === 'mean' } }
}

function forecastInputs(schema: ForecastSchema): InputGroup[] {
  const { fitted } = schema
  if (fitted === null) throw new InputError('schema: expected a fitted one but received decisions only')
  return groupsOf({ schema, fitted, widths: columnWidths(schema, fitted) })
}

/** Of a frame of several steps, those of each step in turn. */
function sequenceInputs(schema: SequenceSchema): InputGroup[] {
  const { columns, frame } = fittedOf(schema)
  const step = columns.map((column) => ({ name: column.name, width: widthOf(column) })).filter(({ width }) => width > 0)
  return Array.from({ length: frame }, () => step).flat()
}

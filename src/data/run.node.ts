/** The folder of a fit, opened again for forecasts and labels of new rows. */
import * as path from 'node:path'
import type { Backend } from '../backend/backend.ts'
import { DISPOSE } from '../backend/lifetime.ts'
import { readBytes } from '../disk.node.ts'
import { InputError, refuseNoText } from '../error.ts'
import type { Source } from '../formats/safetensors.ts'
import { checkedOptions } from '../model/model.ts'
import { loadModel, modelMetadata } from '../model/modelFile.ts'
import { readRunFolder, type StoredRun } from '../runs/stored.ts'
import type { TableSource } from '../table/openTable.node.ts'
import type { TableOptions } from '../table/options.ts'
import type { Row } from '../table/rows.ts'
import { type Backtest, type BacktestOptions, backtestTable } from './backtest.ts'
import { type ForecastStream, forecastStream } from './forecastStream.ts'
import { evaluateLabels, type LabelEvaluation } from './labels/sequenceEvaluate.ts'
import { fittedOf, type PredictedLabels, predictLabels, type SequenceNetwork } from './labels/sequencePredict.ts'
import { type LabelStream, labelStream } from './labels/sequenceStream.ts'
import { exportFit, type FitOnnxOptions } from './onnx.ts'
import { openBy } from './openBy.node.ts'
import { type FittedNetwork, type Predicted, predictTable } from './predict.ts'
import { type FitReport, parseReport } from './reading.ts'
import { type RecordOf, type RecordSchema, refuseOtherRecords } from './records.ts'
import type { Training } from './refit.ts'
import { REPORT, SCHEMA } from './save.node.ts'
import { type ForecastSchema, parseSchema, type Schema } from './schema.ts'
import { streamBuffers } from './streams.node.ts'
import type { StreamOptions } from './streams.ts'

/** A fit, opened again. Dispose of it when it is no longer needed. */
export interface FittedRun<R extends object = Row> extends FittedNetwork, Disposable {
  readonly dir: string
  readonly schema: ForecastSchema
  /** Forecasts of the steps after the last value of each series. @throws InputError for rows that do not fit */
  predict(source: TableSource<R>, options?: TableOptions): Promise<Predicted>
  /** Scored forecasts from many moments after the validation part. @throws InputError for rows that do not fit */
  backtest(source: TableSource<R>, options?: TableOptions & BacktestOptions): Promise<Backtest>
  /** Takes records one by one, and forecasts after each. @throws InputError for the state of another run */
  stream(options?: StreamOptions): ForecastStream<R>
  /**
   * The network as an ONNX file, as `exportOnnx` of `irnn` makes it, and one more output: `quantiles` [T,B,3], the band
   * and the middle of every step before they are scaled back. Its texts are `schema`, and `inputs`: the columns of x.
   */
  exportOnnx(options?: FitOnnxOptions): Uint8Array
  /** Gives the memory of the model back; a second time it does nothing. */
  dispose(): void
}

/** Labels or next items, opened again. Dispose of it when it is no longer needed. */
export interface LabelRun<R extends object = Row> extends SequenceNetwork, Disposable {
  readonly dir: string
  /** Labels of sequences or rows, or the next item of each sequence. @throws InputError for rows that do not fit */
  predict(source: TableSource<R>, options?: TableOptions): Promise<PredictedLabels>
  /** Scores on rows that have what is right. @throws InputError for rows that do not fit, or have no labels */
  evaluate(source: TableSource, options?: TableOptions): Promise<LabelEvaluation>
  /** Takes records one by one, and answers each with a label. @throws InputError for the state of another run */
  stream(options?: StreamOptions): LabelStream<R>
  /**
   * The network as an ONNX file, as `exportOnnx` of `irnn` makes it, and one more output: `probabilities` [B,classes],
   * or [T,B,classes] where every row has a label. Its texts are `schema`, and `inputs`: the columns of x.
   */
  exportOnnx(options?: FitOnnxOptions): Uint8Array
  /** Gives the memory of the model back. */
  dispose(): void
}

/** Runs by their kind of work. */
export interface Runs {
  readonly forecast: FittedRun
  readonly label: LabelRun
  readonly next: LabelRun
}

/** How a fit is opened again. */
export interface OpenRunOptions<K extends keyof Runs = keyof Runs> {
  readonly backend: Backend
  /** The kind of work that it must be. Default: forecast. */
  readonly kind?: K | undefined
}

/** The run of a schema that is a constant: `predict` and `stream` take its records. */
export type RunOf<S extends RecordSchema> = S extends { readonly kind: 'forecast' }
  ? FittedRun<RecordOf<S>>
  : LabelRun<RecordOf<S>>

/**
 * A fit, opened again: `openRun(dir, { backend, kind: 'label' })`, or with a schema that is a constant, so that the
 * compiler knows its records: `openRun(dir, { backend, schema })`.
 * @throws InputError when there is no fit of that kind or of those columns in the folder, or its files are damaged
 */
export function openRun<K extends keyof Runs = 'forecast'>(dir: string, options: OpenRunOptions<K>): Runs[K]
export function openRun<const S extends RecordSchema>(
  dir: string,
  options: { readonly backend: Backend; readonly schema: S },
): RunOf<S>
export function openRun(
  dir: string,
  options: OpenRunOptions & { readonly schema?: RecordSchema },
): FittedRun | LabelRun {
  const run = openAnyRun(dir, options)
  const { schema, kind = schema?.kind ?? 'forecast' } = options
  try {
    if (run.schema.kind !== kind) {
      throw new InputError(
        `${dir}: expected a run of the kind ${kind} but it is of ${run.schema.kind}: say kind: '${run.schema.kind}'`,
      )
    }
    if (schema !== undefined) refuseOtherRecords(dir, run.schema, schema)
    return run
  } catch (error) {
    run.dispose()
    throw error
  }
}

/** As `openRun`, for whatever kind it is. */
export function openAnyRun(dir: string, options: { readonly backend: Backend }): FittedRun | LabelRun {
  const { backend } = checkedOptions('openRun', 'dir', options, ['backend', 'kind', 'schema'])
  const stored = readRunFolder(dir)
  const { model, text } = stored.readModel('final', (source) => {
    const text = schemaTextIn(source, stored)
    return { model: loadModel(source, { backend }), text }
  })
  try {
    const schema = schemaFrom(text, `${dir}: schema`)
    return schema.kind === 'forecast'
      ? forecastRun(dir, { model, schema }, { options: stored.config.training, seed: stored.config.seed })
      : labelRun(dir, { model, schema })
  } catch (error) {
    model.dispose()
    throw error
  }
}

function schemaTextIn(source: Source, { dir, config }: StoredRun): string {
  const text = modelMetadata(source).get(SCHEMA)
  if (text !== undefined) return text
  throw new InputError(
    `${dir}: expected a run of irnn fit, whose model has a schema, but it is one of irnn train ` +
      `${config.task.name}: name another folder`,
  )
}

/** What a fit decided. @throws InputError where its model is damaged, or is none of a fit */
export function readSchema(stored: StoredRun): Schema {
  const text = stored.readModel('final', (source) => schemaTextIn(source, stored))
  return schemaFrom(text, `${stored.dir}: schema`)
}

/** What a fit was worth on its test part. @throws InputError where its report is not there, or is damaged */
export function readReport({ dir }: StoredRun, { kind }: Schema): FitReport {
  const file = path.join(dir, REPORT)
  return parseReport(jsonIn(new TextDecoder().decode(readBytes(file)), file), kind, file)
}

function forecastRun(dir: string, network: FittedNetwork, training: Training): FittedRun {
  const { model, schema } = network
  const buffers = streamBuffers(model, schema)
  return {
    dir,
    ...network,
    async predict(source, options = {}) {
      return predictTable(network, await openBy(schema, source, options))
    },
    async backtest(source, { stride, refit, onRefit, ...options } = {}) {
      return backtestTable(network, await openBy(schema, source, options), { stride, refit, onRefit }, training)
    },
    stream: (options) => forecastStream({ ...network, ...buffers }, options),
    exportOnnx: (options) => exportFit(model, schema, options),
    ...disposable(() => {
      buffers.dispose()
      model.dispose()
    }),
  }
}

function labelRun(dir: string, network: SequenceNetwork): LabelRun {
  const { model, schema } = network
  refuseOtherWidth(dir, network)
  const buffers = streamBuffers(model, schema)
  return {
    dir,
    ...network,
    async predict(source, options = {}) {
      return predictLabels(network, await openBy(schema, source, options))
    },
    async evaluate(source, options = {}) {
      return evaluateLabels(network, await openBy(schema, source, options))
    },
    stream: (options) => labelStream({ ...network, ...buffers }, options),
    exportOnnx: (options) => exportFit(model, schema, options),
    ...disposable(() => {
      buffers.dispose()
      model.dispose()
    }),
  }
}

/** A schema that says other sizes than the model has would read past its logits. */
function refuseOtherWidth(dir: string, { model, schema }: SequenceNetwork): void {
  const { classes, members } = fittedOf(schema)
  if (model.spec.head.size === classes.length * members) return
  throw new InputError(
    `${dir}: schema: expected the ${model.spec.head.size} outputs of the model but received ${classes.length} ` +
      `classes of ${members} members: the file is damaged`,
  )
}

function disposable(dispose: () => void): { dispose(): void } & Disposable {
  return { dispose, [DISPOSE]: dispose } as { dispose(): void } & Disposable
}

function jsonIn(text: string, what: string): unknown {
  refuseNoText(what, text)
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new InputError(`${what}: expected JSON but ${(error as Error).message}`)
  }
}

/** A schema as text. @throws InputError unless it is one */
export function schemaFrom(text: string, what: string): Schema {
  refuseNoText(what, text)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new InputError(`${what}: expected JSON but ${(error as Error).message}`)
  }
  return parseSchema(value, what)
}

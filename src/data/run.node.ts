/** The folder of a fit: written when all of it is there, and opened again for forecasts of new rows. */
import * as path from 'node:path'
import { z } from 'zod'
import type { Backend } from '../backend/backend.ts'
import { DISPOSE } from '../backend/lifetime.ts'
import { readBytes } from '../disk.node.ts'
import { checked, InputError, refuseNoObject, refuseNoText, refuseUnknown } from '../error.ts'
import { curve } from '../figures/curve.ts'
import type { Source } from '../formats/safetensors.ts'
import { checkedOptions } from '../model/model.ts'
import { loadModel, modelMetadata, modelParts } from '../model/modelFile.ts'
import { type RunConfig, readRunFolder, type StoredRun } from '../runs/stored.ts'
import { writeRunFolder } from '../runs/whole.ts'
import { readTable, type TableSource } from '../table/openTable.node.ts'
import type { TableOptions } from '../table/options.ts'
import type { ColumnType, OpenedTable } from '../table/table.ts'
import { type Backtest, backtestTable } from './backtest.ts'
import type { Fitted } from './fit.ts'
import { evaluateLabels, type LabelEvaluation } from './labels/sequenceEvaluate.ts'
import { fittedOf, type PredictedLabels, predictLabels, type SequenceNetwork } from './labels/sequencePredict.ts'
import type { SequenceSchema } from './labels/sequenceSchema.ts'
import { type LabelStream, labelStream } from './labels/sequenceStream.ts'
import { exportFit, type FitOnnxOptions } from './onnx.ts'
import { type FittedNetwork, type Predicted, predictTable } from './predict.ts'
import { type FitReport, parseReport } from './reading.ts'
import { type ForecastSchema, type InputColumn, parseSchema, type Schema } from './schema.ts'
import { type ForecastStream, forecastStream } from './stream.node.ts'

/** The name in a model's metadata, and the file of a run's folder. */
export const SCHEMA = 'schema'
const REPORT = 'report.json'
const FILES = ['schema.json', REPORT, 'predictions.csv', 'forecast.svg', 'report.html']

/** How the folder of a fit is made. */
export interface SaveOptions {
  /** Version of irnn. */
  readonly version: string
  /** Replace the run that is in the folder. Default false. */
  readonly overwrite?: boolean | undefined
  /** Is given a line where there is something to know. */
  readonly say?: ((line: string) => void) | undefined
}

/**
 * Writes the folder of a fit: all of it, or nothing.
 * @throws InputError when it cannot be written or is not empty
 */
export function saveFit(fitted: Fitted, dir: string, options: SaveOptions): void {
  refuseUnknown('saveFit', options, ['version', 'overwrite', 'say'])
  const { version, overwrite = false, say } = options
  refuseNoObject('saveFit', fitted)
  refuseNoText('saveFit: dir', dir)
  const { model, trial, events, outcome } = fitted
  writeRunFolder(dir, configOf(fitted, version), { overwrite, files: outcome.files, ...(say && { say }) }, (folder) => {
    const sha256 = folder.saveModel(modelParts(model, { [SCHEMA]: JSON.stringify(outcome.schema) }))
    for (const event of events) folder.append(event.type === 'done' ? { ...event, model: { sha256 } } : event)
    folder.saveCurve(curve(events, trial.task, `${titleOf(fitted)}: ${trial.name}`))
  })
}

function titleOf({ outcome: { schema } }: Fitted): string {
  return schema.kind === 'forecast' ? schema.targets.slice(0, 3).join(', ') : schema.target
}

function configOf(fitted: Fitted, version: string): RunConfig {
  const { trial, model, training, seed } = fitted
  const { name, threads, description, instructionSet } = model.backend
  return {
    version,
    title: `${titleOf(fitted)}: ${trial.name}`,
    recipe: trial.recipe,
    seed,
    task: { name: trial.task.name, options: trial.task.options },
    model: model.spec,
    training,
    checkpointEvery: null,
    backend: { name, threads, description, ...(instructionSet && { instructionSet }) },
    machine: { node: process.version, platform: process.platform, arch: process.arch },
  }
}

/** A fit, opened again. Dispose of it when it is no longer needed. */
export interface FittedRun extends FittedNetwork, Disposable {
  readonly dir: string
  readonly schema: ForecastSchema
  /** Forecasts of the steps after the last value of each series. @throws InputError for rows that do not fit */
  predict(source: TableSource, options?: TableOptions): Promise<Predicted>
  /** Scored forecasts from many moments after the validation part. @throws InputError for rows that do not fit */
  backtest(source: TableSource, options?: TableOptions & { readonly stride?: number | undefined }): Promise<Backtest>
  /** Takes records one by one, and forecasts after each. */
  stream(): ForecastStream
  /**
   * The network as an ONNX file, as `exportOnnx` of `irnn` makes it, and one more output: `quantiles` [T,B,3], the band
   * and the middle of every step before they are scaled back. Its texts are `schema`, and `inputs`: the columns of x.
   */
  exportOnnx(options?: FitOnnxOptions): Uint8Array
  /** Gives the memory of the model back; a second time it does nothing. */
  dispose(): void
}

/** Labels or next items, opened again. Dispose of it when it is no longer needed. */
export interface LabelRun extends SequenceNetwork, Disposable {
  readonly dir: string
  /** Labels of sequences or rows, or the next item of each sequence. @throws InputError for rows that do not fit */
  predict(source: TableSource, options?: TableOptions): Promise<PredictedLabels>
  /** Scores on rows that have what is right. @throws InputError for rows that do not fit, or have no labels */
  evaluate(source: TableSource, options?: TableOptions): Promise<LabelEvaluation>
  /** Takes records one by one, and answers each with a label. */
  stream(): LabelStream
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

/**
 * A fit, opened again: `openRun(dir, { backend, kind: 'label' })`.
 * @throws InputError when there is no fit of that kind in the folder, or its files are damaged
 */
export function openRun<K extends keyof Runs = 'forecast'>(dir: string, options: OpenRunOptions<K>): Runs[K] {
  const run = openAnyRun(dir, options)
  const kind = options.kind ?? 'forecast'
  if (run.schema.kind === kind) return run as Runs[K]
  run.dispose()
  throw new InputError(
    `${dir}: expected a run of the kind ${kind} but it is of ${run.schema.kind}: say kind: '${run.schema.kind}'`,
  )
}

/** As `openRun`, for whatever kind it is. */
export function openAnyRun(dir: string, options: { readonly backend: Backend }): FittedRun | LabelRun {
  const { backend } = checkedOptions('openRun', 'dir', options, ['backend', 'kind'])
  const stored = readRunFolder(dir)
  const { model, text } = stored.readModel('final', (source) => {
    const text = schemaTextIn(source, stored)
    return { model: loadModel(source, { backend }), text }
  })
  try {
    const schema = schemaFrom(text, `${dir}: schema`)
    return schema.kind === 'forecast' ? forecastRun(dir, { model, schema }) : labelRun(dir, { model, schema })
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
  return parseReport(checked(jsonText, new TextDecoder().decode(readBytes(file)), file), kind, file)
}

function forecastRun(dir: string, network: FittedNetwork): FittedRun {
  const { model, schema } = network
  return {
    dir,
    ...network,
    async predict(source, options = {}) {
      return predictTable(network, await openBy(schema, source, options))
    },
    async backtest(source, { stride, ...options } = {}) {
      return backtestTable(network, await openBy(schema, source, options), stride)
    },
    stream: () => forecastStream(network),
    exportOnnx: (options) => exportFit(model, schema, options),
    ...disposable(() => model.dispose()),
  }
}

function labelRun(dir: string, network: SequenceNetwork): LabelRun {
  const { model, schema } = network
  refuseOtherWidth(dir, network)
  return {
    dir,
    ...network,
    async predict(source, options = {}) {
      return predictLabels(network, await openBy(schema, source, options))
    },
    async evaluate(source, options = {}) {
      return evaluateLabels(network, await openBy(schema, source, options))
    },
    stream: () => labelStream(network),
    exportOnnx: (options) => exportFit(model, schema, options),
    ...disposable(() => model.dispose()),
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

/**
 * Reads rows as those were read that a schema was made of: time zone, words that mean "no value", and columns of words
 * as words, also where they look like numbers.
 */
export function openBy(schema: Schema, source: TableSource, options: TableOptions = {}): Promise<OpenedTable> {
  const words = schema.kind === 'forecast' ? categoriesOf([...schema.known, ...schema.past]) : wordsOf(schema)
  const zone = schema.kind === 'forecast' ? schema.time.zone : null
  const said = { ...(zone !== null && { timezone: zone }), ...(schema.missing !== null && { missing: schema.missing }) }
  const usual = Object.fromEntries(words.map((name): [string, ColumnType] => [name, 'category']))
  return readTable(source, { ...said, ...options }, usual)
}

function wordsOf({ inputs, layout, id, target, split }: SequenceSchema): string[] {
  const names = [target, id, split].filter((name) => name !== null)
  return layout === 'cells' ? names : [...names, ...categoriesOf(inputs)]
}

function categoriesOf(columns: readonly InputColumn[]): string[] {
  return columns.filter(({ type }) => type === 'category').map(({ name }) => name)
}

/** Names of the files of a fit beside those of every run. */
export const FIT_FILES: readonly string[] = FILES

const jsonText = z.string().transform((text, context) => {
  try {
    return JSON.parse(text) as unknown
  } catch (error) {
    context.addIssue({ code: 'custom', message: `expected JSON but ${(error as Error).message}` })
    return z.NEVER
  }
})

/** A schema as text. @throws InputError unless it is one */
export function schemaFrom(text: string, what: string): Schema {
  return parseSchema(checked(jsonText, text, what), what)
}

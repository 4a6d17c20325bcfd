/** The folder of a fit: written when all of it is there, and opened again for forecasts of new rows. */
import * as fs from 'node:fs'
import * as path from 'node:path'
import type { Backend } from '../backend/backend.ts'
import { DISPOSE } from '../backend/lifetime.ts'
import { explaining, makeFolder } from '../disk.node.ts'
import { InputError, refuseNoObject, refuseNoText, refuseUnknown } from '../error.ts'
import { curve } from '../figures/curve.ts'
import { checkedOptions } from '../model/model.ts'
import { loadModel, modelMetadata, modelParts } from '../model/modelFile.ts'
import { createRunFolder } from '../runs/folder.ts'
import { CONFIG, type RunConfig, readRunFolder } from '../runs/stored.ts'
import { openTable, type TableSource } from '../table/openTable.node.ts'
import type { TableOptions } from '../table/options.ts'
import type { ColumnType } from '../table/table.ts'
import { type Backtest, backtestTable } from './backtest.ts'
import type { Fitted } from './fit.ts'
import { fittedOf, type PredictedLabels, predictLabels, type SequenceNetwork } from './labels/sequencePredict.ts'
import type { SequenceSchema } from './labels/sequenceSchema.ts'
import { type LabelStream, labelStream } from './labels/sequenceStream.ts'
import { type FittedNetwork, type Predicted, predictTable } from './predict.ts'
import { type ForecastSchema, parseSchema, type Schema } from './schema.ts'
import { type ForecastStream, forecastStream } from './stream.node.ts'

/** The name in a model's metadata, and the file of a run's folder. */
const SCHEMA = 'schema'
const FILES = ['schema.json', 'report.json', 'predictions.csv', 'forecast.svg', 'report.html']

/** How the folder of a fit is made. */
export interface SaveOptions {
  /** Version of irnn. */
  readonly version: string
  /** Replace the run that is in the folder. Default false. */
  readonly overwrite?: boolean | undefined
  /** Is given a line where there is something to know. */
  readonly say?: ((line: string) => void) | undefined
}

/** @throws InputError unless a run can be written there: before anything is trained */
export function refuseFolder(dir: string, overwrite = false): void {
  explaining(dir, 'cannot be written', () => {
    const stats = fs.lstatSync(dir, { throwIfNoEntry: false })
    if (!stats) return
    if (!stats.isDirectory()) throw new InputError(`${dir}: expected a new or empty folder but it is a file`)
    const held = fs.readdirSync(dir)
    if (held.length === 0 || (overwrite && held.includes(CONFIG))) return
    const remedy = held.includes(CONFIG) ? 'a run: name another or add --overwrite' : 'other files: name another folder'
    throw new InputError(`${dir}: expected a new or empty folder but it holds ${remedy}`)
  })
}

/**
 * Writes the folder of a fit. It is made under another name and renamed when it is whole, so that whatever happens,
 * there is no half of a run.
 * @throws InputError when it cannot be written or is not empty
 */
export function saveFit(fitted: Fitted, dir: string, options: SaveOptions): void {
  refuseUnknown('saveFit', options, ['version', 'overwrite', 'say'])
  const { version, overwrite = false, say } = options
  refuseNoObject('saveFit', fitted)
  refuseNoText('saveFit: dir', dir)
  refuseFolder(dir, overwrite)
  const { model, trial, events, outcome } = fitted
  const making = `${path.resolve(dir)}.${process.pid}.making`
  try {
    explaining(dir, 'cannot be written', () => makeFolder(path.dirname(path.resolve(dir))))
    const folder = createRunFolder(making, configOf(fitted, version), { files: outcome.files, ...(say && { say }) })
    try {
      const parts = modelParts(model, { [SCHEMA]: JSON.stringify(outcome.schema) })
      const sha256 = folder.saveModel(parts)
      for (const event of events) folder.append(event.type === 'done' ? { ...event, model: { sha256 } } : event)
      folder.saveCurve(curve(events, trial.task, `${titleOf(fitted)}: ${trial.name}`))
    } finally {
      folder.close()
    }
    explaining(dir, 'cannot be written', () => {
      if (fs.existsSync(dir)) fs.rmSync(dir, { recursive: true })
      fs.renameSync(making, dir)
    })
  } finally {
    fs.rmSync(making, { recursive: true, force: true })
  }
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
  /** Gives the memory of the model back; a second time it does nothing. */
  dispose(): void
}

/** Labels or next items, opened again. Dispose of it when it is no longer needed. */
export interface LabelRun extends SequenceNetwork, Disposable {
  readonly dir: string
  /** Labels of sequences or rows, or the next item of each sequence. @throws InputError for rows that do not fit */
  predict(source: TableSource, options?: TableOptions): Promise<PredictedLabels>
  /** Takes records one by one, and answers each with a label. */
  stream(): LabelStream
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
    const text = modelMetadata(source).get(SCHEMA)
    if (text === undefined) {
      throw new InputError(
        `${dir}: expected a run of irnn fit, whose model has a schema, but it is one of irnn train ` +
          `${stored.config.task.name}: name another folder`,
      )
    }
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

function forecastRun(dir: string, network: FittedNetwork): FittedRun {
  const { model, schema } = network
  return {
    dir,
    ...network,
    async predict(source, options = {}) {
      return predictTable(network, await openTable(source, withTypes(schema, options)))
    },
    async backtest(source, { stride, ...options } = {}) {
      return backtestTable(network, await openTable(source, withTypes(schema, options)), stride)
    },
    stream: () => forecastStream(network),
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
      return predictLabels(network, await openTable(source, withWords(schema, options)))
    },
    stream: () => labelStream(network),
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

/** Options of reading with the categories that a schema was made with. */
function withWords({ inputs, layout, id }: SequenceSchema, options: TableOptions): TableOptions {
  if (layout === 'cells') return options
  const words = inputs.filter(({ type }) => type === 'category').map(({ name }) => name)
  if (id !== null) words.push(id)
  const types = Object.fromEntries(words.map((name): [string, ColumnType] => [name, 'category']))
  return { ...options, types: { ...types, ...options.types } }
}

/** Options of reading with the time zone and categories that a schema was made with. */
function withTypes({ time, known, past }: ForecastSchema, options: TableOptions): TableOptions {
  const categories = [...known, ...past].filter(({ type }) => type === 'category')
  const types = Object.fromEntries(categories.map(({ name }): [string, ColumnType] => [name, 'category']))
  return {
    ...(time.zone !== null && { timezone: time.zone }),
    ...options,
    ...(categories.length > 0 && { types: { ...types, ...options.types } }),
  }
}

/** Names of the files of a fit beside those of every run. */
export const FIT_FILES: readonly string[] = FILES

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

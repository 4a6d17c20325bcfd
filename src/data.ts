/** Networks for your own sequences, in Node: tables from files or memory, forecasts, labels, runs opened again. */

export type { Backtest, BacktestOptions } from './data/backtest.ts'
export {
  type FitEvent,
  type FitOptions,
  type FitResultEvent,
  type Fitted,
  fit,
  type InferredEvent,
  type ProgressEvent,
  type TrialEvent,
} from './data/fit.ts'
export type { ForecastStream } from './data/forecastStream.ts'
export type { ForecastChoices } from './data/infer.ts'
export type { TimeChoices } from './data/inferTime.ts'
export { forecasting, labelling, nextItem } from './data/kinds.ts'
export type { LabelChoices, NextChoices, SequenceChoices } from './data/labels/inferSequences.ts'
export type { LabelEvaluation } from './data/labels/sequenceEvaluate.ts'
export type { Labelled, PredictedLabels, SequenceNetwork } from './data/labels/sequencePredict.ts'
export type {
  FittedSequenceColumn,
  FittedSequences,
  Reading,
  SequenceColumn,
  SequenceSchema,
  SequenceScore,
} from './data/labels/sequenceSchema.ts'
export type { LabelStream } from './data/labels/sequenceStream.ts'
export type { Note } from './data/notes.ts'
export type { FitOnnxOptions } from './data/onnx.ts'
export type { FittedNetwork, ForecastStep, Predicted } from './data/predict.ts'
export type { CellTypes, ForecastColumns, Moment, RecordOf, RecordSchema, SequenceColumns } from './data/records.ts'
export {
  type FittedRun,
  type LabelRun,
  type OpenRunOptions,
  openRun,
  type RunOf,
  type Runs,
} from './data/run.node.ts'
export { type SaveOptions, saveFit } from './data/save.node.ts'
export {
  type CalendarPart,
  type FittedColumn,
  type FittedForecast,
  type ForecastSchema,
  type InputColumn,
  parseSchema,
  type Scaling,
  type Schema,
  type SeriesScale,
  schemaText,
  type TimeSchema,
} from './data/schema.ts'
export type { SplitChoices } from './data/split.ts'
export type { StreamOptions, StreamState } from './data/streams.ts'
export type { MethodScores, Outcome, Trial, Tried, Work } from './data/work.ts'
export { openTable, type TableSource } from './table/openTable.node.ts'
export type { TableOptions } from './table/options.ts'
export type { Cells, Row } from './table/rows.ts'
export type {
  CategoryColumn,
  Column,
  ColumnReport,
  ColumnType,
  NumberColumn,
  OpenedTable,
  Table,
  TableFormat,
  TableNote,
  TableReport,
  TimeColumn,
  Written,
} from './table/table.ts'

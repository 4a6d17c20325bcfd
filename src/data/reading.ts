/** What the folder of a fit says of its test part: report.json, which anybody may have changed. */

import { checked } from '../error.ts'
import * as z from '../schema.ts'
import type { Schema } from './schema.ts'
import type { MethodScores } from './work.ts'

/** The scores of a fit's methods on its test part. */
export interface FitReport {
  readonly winner: string
  /** The network that validation chose, in words. */
  readonly trial: string
  readonly methods: readonly MethodScores[]
}

const score = z.number().nullable()
const SCORES: Readonly<Record<Schema['kind'], z.Shape>> = {
  forecast: { mase: score, smape: score, mae: score, coverage: score },
  label: { accuracy: score, macroF1: score },
  next: { hitRate: score, perplexity: score },
}

/** @throws InputError unless it is the report of a fit of that kind */
export function parseReport(value: unknown, kind: Schema['kind'], what: string): FitReport {
  const name = z.string().max(1000)
  const method = z.looseObject({ name, ...SCORES[kind] })
  const report = z.looseObject({ winner: name, trial: name, methods: z.array(method).min(1).max(100) })
  const { winner, trial, methods } = checked(report, value, what) as unknown as FitReport
  checked(z.enum(methods.map((one) => one.name) as [string, ...string[]]), winner, `${what}: winner`)
  return { winner, trial, methods }
}

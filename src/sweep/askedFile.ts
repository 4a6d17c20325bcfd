/** What a sampler asked for and was told, in the folder of a sweep, in that order. */
import { existsSync } from 'node:fs'
import * as path from 'node:path'
import { ownText } from '../disk.node.ts'
import { checked, InputError } from '../error.ts'
import * as z from '../schema.ts'
import type { Sweep, Value } from './file.ts'
import { type Trial, trialOf } from './trials.ts'

export const ASKED = 'asked.jsonl'

/** A line of it: what was asked for, or what number `told` came to. */
export type Entry =
  | { readonly asked: Readonly<Record<string, Value>> }
  | { readonly told: number; readonly value: number | null }

const value = z.union([z.number(), z.string(), z.boolean()])
const entry: z.Schema<Entry> = z.union([
  z.strictObject({ asked: z.record(z.string(), value) }),
  z.strictObject({ told: z.int().min(0), value: z.number().nullable() }),
])

/** What was asked and told in the folder of a sweep. @throws InputError when it is damaged */
export function entriesIn(dir: string): Entry[] {
  const file = path.join(dir, ASKED)
  if (!existsSync(file)) return []
  const lines = ownText(file).split('\n').filter(Boolean)
  try {
    return lines.map((line, i) => checked(entry, JSON.parse(line), `${file}: line ${i + 1}`))
  } catch (error) {
    if (error instanceof InputError) throw error
    throw new InputError(`${file}: expected JSON: name another --dir, and begin anew`)
  }
}

/** The trials that were asked for in the folder of a sweep, each once. @throws InputError when it is damaged */
export function askedTrials(dir: string, sweep: Sweep): Trial[] {
  const trials = entriesIn(dir).flatMap((one) => ('asked' in one ? [trialAt(sweep, one.asked)] : []))
  return [...new Map(trials.map((trial) => [trial.id, trial])).values()]
}

export function trialAt({ task, options, seeds }: Sweep, point: Readonly<Record<string, Value>>): Trial {
  return trialOf({ task, options: { ...options, ...point }, seed: seeds[0]! })
}

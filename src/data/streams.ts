/** What streams of all kinds have in common: how they begin, their state as plain data, and how much they may hold. */

import { checked, InputError, nearest, refuseUnknown, shown } from '../error.ts'
import { grouped } from '../numbers.ts'
import * as z from '../schema.ts'
import type { Row } from '../table/rows.ts'
import { listed } from './notes.ts'
import type { Schema } from './schema.ts'

/** How a stream begins. */
export interface StreamOptions {
  /** What `state` of another stream of the same run gave, also by way of JSON. Default: nothing was read. */
  readonly state?: StreamState | undefined
}

/**
 * All that a stream knows, as plain data: `JSON.stringify` keeps every bit of it. A stream of the same run that begins
 * with it goes on as if there had been no other.
 */
export interface StreamState {
  readonly irnn: 'stream'
  readonly version: 1
  readonly kind: Schema['kind']
  /** Tells the run: its weights and its schema. */
  readonly run: string
  /** One for each series or sequence. */
  readonly held: readonly unknown[]
}

const state = z.strictObject({
  irnn: z.literal('stream'),
  version: z.literal(1),
  kind: z.enum(['forecast', 'label', 'next']),
  run: z.string().max(100),
  held: z.array(z.unknown()).max(1_000_000),
})

/** A run, as far as the state of its streams is concerned. */
export interface StreamedRun {
  readonly kind: Schema['kind']
  /** Tells the run: its weights and its schema. */
  readonly run: () => string
}

/**
 * What a stream with these options begins with, checked one by one by `one`.
 * @throws InputError for what is no state, or one of another run
 */
export function heldBy<T>(options: StreamOptions, { kind, run }: StreamedRun, one: z.Schema<T>): readonly T[] {
  refuseUnknown('stream', options, ['state'])
  if (options.state === undefined) return []
  const given = checked(state, options.state, 'stream: state')
  if (given.kind !== kind || given.run !== run()) {
    const other = given.kind === kind ? 'another run' : `a run of the kind ${given.kind}`
    throw new InputError(`stream: state: expected that of a stream of this run but it is of ${other}: begin without`)
  }
  return given.held.map((held, n) => checked(one, held, `stream: state: held: ${n}`))
}

/** A state of what a stream holds. */
export function stateWith({ kind, run }: StreamedRun, held: readonly unknown[]): StreamState {
  return { irnn: 'stream', version: 1, kind, run: run(), held }
}

/** Numbers that all series or sequences of a stream may hold together: half a gigabyte. */
const MOST_NUMBERS = 2 ** 26

/**
 * Counts the numbers that a stream holds.
 * @param of what they are of, in the plural
 */
export function room(of: string) {
  let held = 0
  return {
    /** @throws InputError where so many more are too many; then nothing was taken */
    take(numbers: number) {
      if (held + numbers > MOST_NUMBERS) {
        throw new InputError(
          `stream: expected at most ${grouped(MOST_NUMBERS)} numbers of all ${of} but there are more: end those that ` +
            'are over, stream.end(name)',
        )
      }
      held += numbers
    },
    give(numbers: number) {
      held -= numbers
    },
  }
}

/** @throws InputError unless it is an object of columns */
export function refuseNoRecord(record: unknown): void {
  if (typeof record === 'object' && record !== null && !Array.isArray(record)) return
  throw new InputError(`stream: expected a record but received ${shown(record)}: push an object of columns`)
}

/** What a record has in a column. @throws InputError where it has no such column */
export function cellOf(record: Row, name: string): unknown {
  if (Object.hasOwn(record, name)) return record[name]
  const names = Object.keys(record)
  const meant = nearest(name, names)
  throw new InputError(
    `stream: expected the column ${shown(name)} but the record has ${listed(names, 12) || 'none'}: ` +
      (meant === undefined ? 'add it, null where it is missing' : `is it ${shown(meant)}?`),
  )
}

/** Which sequences are trained on, decide, and are kept for the test. */
import { InputError, shown } from '../../error.ts'
import type { Table } from '../../table/table.ts'
import type { SequenceSchema } from './sequenceSchema.ts'
import { type Labels, type Sequences, wordsOf } from './sequences.ts'

/** Indices of sequences, in an order that follows from their content alone. */
export interface SequenceParts {
  readonly training: Int32Array
  readonly validation: Int32Array
  readonly test: Int32Array
}

const SHARE = { test: 0.2, validation: 0.15 }
/** A part of the split column, by the words that people use. */
const WORDS: Readonly<Record<string, keyof SequenceParts>> = {
  train: 'training',
  training: 'training',
  validation: 'validation',
  valid: 'validation',
  val: 'validation',
  dev: 'validation',
  test: 'test',
  testing: 'test',
}

/**
 * By the split column, or a fifth of the sequences for the test and 15 % for validation; sequences that have one label
 * are split label by label. Where a table without an id was cut into pieces, its end is the test part.
 * @throws InputError where a part would be empty, or a label would be in no training sequence
 */
export function partsOf(table: Table, schema: SequenceSchema, sequences: Sequences, labels: Labels): SequenceParts {
  const pieces = schema.layout === 'rows' && schema.id === null
  const order = pieces ? sequences.ids.map((_, n) => n) : contentOrder(schema, sequences, labels)
  const place: Record<keyof SequenceParts, number[]> = { training: [], validation: [], test: [] }
  if (schema.split !== null) {
    bySplitColumn(table, schema.split, sequences, order, place)
    if (place.validation.length === 0) {
      const all = place.training.splice(0)
      for (const group of grouped(schema, labels, all)) {
        const held = group.length < 2 ? 0 : Math.max(1, Math.round(group.length * SHARE.validation))
        place.validation.push(...group.slice(0, held))
        place.training.push(...group.slice(held))
      }
    }
  } else if (pieces) {
    const test = Math.floor(order.length * (1 - SHARE.test))
    const validation = Math.floor(order.length * (1 - SHARE.test - SHARE.validation))
    for (const n of order) place[n < validation ? 'training' : n < test ? 'validation' : 'test'].push(n)
  } else {
    for (const group of grouped(schema, labels, order)) {
      const test = Math.max(1, Math.round(group.length * SHARE.test))
      const held = group.length < 3 ? 0 : Math.max(1, Math.round(group.length * SHARE.validation))
      place.test.push(...group.slice(0, test))
      place.validation.push(...group.slice(test, test + held))
      place.training.push(...group.slice(test + held))
    }
  }
  // Sequences of one label stood together: the order of content again.
  const rank = new Int32Array(order.length)
  for (const [i, n] of order.entries()) rank[n] = i
  const part = (name: keyof SequenceParts) => Int32Array.from(place[name].sort((a, b) => rank[a]! - rank[b]!))
  const parts = { training: part('training'), validation: part('validation'), test: part('test') }
  for (const [name, { length }] of Object.entries(parts)) {
    if (length > 0) continue
    throw new InputError(
      `${table.name}: expected sequences for training, validation and test but ${name} has none of ` +
        `${sequences.ids.length}: ${remedyFor(name, schema, pieces)}`,
    )
  }
  return parts
}

function remedyFor(part: string, { split, of }: SequenceSchema, pieces: boolean): string {
  if (split !== null && part !== 'validation') return `say ${part === 'test' ? part : 'train'} in ${split} of some`
  if (pieces) return 'give more rows'
  return of === 'sequence' ? 'give more, of some label at least 3' : 'give more, at least 3'
}

/** Sequences by label where each has one; else all of them. */
function grouped(schema: SequenceSchema, { names, codes }: Labels, order: readonly number[]): number[][] {
  if (schema.of !== 'sequence') return [[...order]]
  const groups = names.map((): number[] => [])
  for (const n of order) groups[codes[n]!]?.push(n)
  return groups.filter(({ length }) => length > 0)
}

function bySplitColumn(
  table: Table,
  split: string,
  { ids, rows, starts }: Sequences,
  order: readonly number[],
  place: Record<keyof SequenceParts, number[]>,
): void {
  const { codes, levels } = wordsOf(table, split, '--split')
  for (const n of order) {
    const own = rows.subarray(starts[n]!, starts[n + 1]!)
    const word = (row: number) => levels[codes[row]!] ?? ''
    const first = word(own[0]!)
    const other = own.find((row) => word(row) !== first)
    if (other !== undefined) {
      throw new InputError(
        `${table.name}: row ${other + 1}: ${split}: expected one part in all rows of ${shown(ids[n])}, ` +
          `${shown(first)}, but received ${shown(word(other))}: correct it`,
      )
    }
    const key = first.toLowerCase()
    if (!Object.hasOwn(WORDS, key)) {
      throw new InputError(
        `${table.name}: row ${own[0]! + 1}: ${split}: expected train, validation or test but received ` +
          `${shown(first)}: correct it`,
      )
    }
    place[WORDS[key]!].push(n)
  }
}

/** Sequences by a hash of their id, or of their content and label: rows and columns may stand in any order. */
function contentOrder(schema: SequenceSchema, sequences: Sequences, labels: Labels): number[] {
  const { ids, starts, columns } = sequences
  const keys = ids.map((id, n) => {
    if (schema.id !== null) return id
    const steps = columns.map(({ values, levels }) =>
      Array.from(values.subarray(starts[n]!, starts[n + 1]!), (value) =>
        levels === null ? value : levels[value],
      ).join(),
    )
    return `${steps.join(';')}=${labels.names[labels.codes[n]!] ?? ''}`
  })
  const hashes = keys.map((key) => hash(key))
  return ids
    .map((_, n) => n)
    .sort((a, b) => hashes[a]! - hashes[b]! || (keys[a]! < keys[b]! ? -1 : keys[a]! > keys[b]! ? 1 : 0))
}

/** FNV-1a (Fowler, Noll & Vo) of 32 bits, mixed at the end as MurmurHash3 does. */
function hash(text: string): number {
  let h = 0x811c9dc5
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

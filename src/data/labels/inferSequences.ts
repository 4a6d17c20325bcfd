/** What a table and a person's few words mean for labels and next items. */
import { InputError, refuseNoText, refuseUnknown, shown } from '../../error.ts'
import { grouped } from '../../numbers.ts'
import type { Column, Table } from '../../table/table.ts'
import { columnOf, textsOf } from '../columns.ts'
import { listed, type Note, note } from '../notes.ts'
import { refuseBadLabels } from './labelChecks.ts'
import type { SequenceColumn, SequenceSchema } from './sequenceSchema.ts'
import { sequencesOf, wordsOf } from './sequences.ts'

/** What a person may say of labels and next items alike. */
export interface SequenceChoices {
  /** The column that says of which sequence a row is. Default: one called `id`, or as `patient_id`. */
  readonly id?: string | undefined
  /** The column by which the rows of a sequence are sorted. Default: the only one of times. */
  readonly time?: string | undefined
  /** The column that says train, validation or test. Default: none. */
  readonly split?: string | undefined
  /** Networks that are trained for one model, whose probabilities are averaged. Default 3, of many sequences 1. */
  readonly members?: number | undefined
}

/** What a person may say of labels. */
export interface LabelChoices extends SequenceChoices {
  readonly label: string
  /** What has a label. Default: a sequence if its rows have one label, else a row. */
  readonly of?: 'sequence' | 'row' | undefined
  /** The columns that the network reads. Default: all others. */
  readonly inputs?: readonly string[] | undefined
  /** So many steps are one input. Default: 1, and of long sequences what is better on validation. */
  readonly frame?: number | undefined
  /** Whether classes count alike in training, however rare. Default: where one is 4 times as frequent as another. */
  readonly balanced?: boolean | undefined
  /** Whether a label depends on what came before alone, so that a stream takes one step a record. Default: false. */
  readonly oneWay?: boolean | undefined
}

/** What a person may say of next items. */
export interface NextChoices extends SequenceChoices {
  /** The column of items. */
  readonly next: string
}

export interface InferredSequences {
  readonly schema: SequenceSchema
  readonly notes: readonly Note[]
}

const CHOICES: readonly (keyof SequenceChoices)[] = ['id', 'time', 'split', 'members']
const LABEL_CHOICES: readonly (keyof LabelChoices)[] = [
  ...CHOICES,
  'label',
  'of',
  'inputs',
  'frame',
  'balanced',
  'oneWay',
]
const NEXT_CHOICES: readonly (keyof NextChoices)[] = [...CHOICES, 'next']

const HEAD = { irnn: 'schema', version: 1 } as const
const REST = { balanced: false, oneWay: false, fitted: null } as const

/** @throws InputError where the table and the choices do not give labels to learn */
export function inferLabels(table: Table, choices: LabelChoices): InferredSequences {
  refuseUnknown('labelling', choices, LABEL_CHOICES)
  refuseNoText('labelling: label', choices.label)
  const label = columnOf(table, choices.label, '--label').name
  const id = choices.id ?? idOf(table, label)
  if (id !== null) columnOf(table, id, '--id')
  const time = timeOf(table, choices.time, [label, id])
  const split = choices.split === undefined ? null : columnOf(table, choices.split, '--split').name
  const used = [label, id, time, split]
  const asked = choices.inputs?.map((name) => columnOf(table, name, '--inputs'))
  const repeated = asked?.find(({ name }) => used.includes(name))
  if (repeated !== undefined) {
    throw new InputError(`--inputs: expected columns without another use but received ${shown(repeated.name)}`)
  }
  const rest = asked ?? table.columns.filter(({ name }) => !used.includes(name))
  const rows = id !== null && repeats(table, id)
  const notes: Note[] = []
  const texts = textsOf(table)
  const base = { ...HEAD, kind: 'label', target: label, id, time, split, ...texts, score: 'accuracy' } as const
  if (!rows && choices.of !== 'row') {
    const wide = time === null || choices.of === 'sequence' ? wideOf(rest, table, choices.of === 'sequence') : null
    if (wide !== null) {
      const schema: SequenceSchema = { ...base, ...wide, of: 'sequence', time: null, ...REST }
      return { schema: weighted(table, schema, choices), notes: [...notes, ...unused(table, schema)] }
    }
    if (choices.of === 'sequence') {
      throw new InputError(
        '--id: expected the column that says of which sequence a row is, or three columns of numbers or one of texts ' +
          'as the steps of a row, but received none: name it',
      )
    }
  }
  const usable = asked ?? rest.filter((column) => isInput(column, table, notes))
  if (usable.length === 0) {
    throw new InputError(
      '--inputs: expected columns for the network to read but there are none beside the label: add one',
    )
  }
  const columns = inputsOf(usable)
  const of = choices.of ?? (rows && oneLabelEach(table, label, id!) ? 'sequence' : 'row')
  const schema: SequenceSchema = { ...base, of, layout: 'rows', inputs: columns, ...REST }
  return { schema: weighted(table, schema, choices), notes: [...notes, ...unused(table, schema, notes)] }
}

/** @throws InputError where the table and the choices do not give sequences of items */
export function inferNext(table: Table, choices: NextChoices): InferredSequences {
  refuseUnknown('nextItem', choices, NEXT_CHOICES)
  refuseNoText('nextItem: next', choices.next)
  const target = columnOf(table, choices.next, '--next').name
  const id = choices.id ?? idOf(table, target)
  if (id !== null) columnOf(table, id, '--id')
  const time = timeOf(table, choices.time, [target, id])
  const split = choices.split === undefined ? null : columnOf(table, choices.split, '--split').name
  const { levels } = wordsOf(table, target, '--next')
  if (levels.length < 2) {
    throw new InputError(`--next: expected at least 2 items but ${shown(target)} has ${levels.length}: name another`)
  }
  if (levels.length > 20 && levels.length > 0.9 * table.rows) {
    throw new InputError(
      `--next: expected items that come again but ${shown(target)} has ${grouped(levels.length)} in ` +
        `${grouped(table.rows)} rows: is it an id?`,
    )
  }
  const inputs: SequenceColumn[] = [{ name: target, type: 'category' }]
  const base = { ...HEAD, kind: 'next', of: 'row', layout: 'rows', score: 'perplexity' } as const
  const texts = textsOf(table)
  const schema: SequenceSchema = { ...base, target, id, time, split, inputs, ...texts, ...REST, oneWay: true }
  return { schema, notes: unused(table, schema) }
}

/** Whether classes count alike, and by what validation decides. @throws InputError for labels that cannot be learnt */
function weighted(table: Table, schema: SequenceSchema, { balanced, oneWay = false }: LabelChoices): SequenceSchema {
  const sizes = refuseBadLabels(table, schema, sequencesOf(table, schema))
  const unequal = sizes.length <= 20 && Math.max(...sizes) >= 4 * Math.min(...sizes)
  const weigh = balanced ?? unequal
  return { ...schema, oneWay, balanced: weigh, score: weigh ? 'macroF1' : 'accuracy' }
}

/** The column whose name says that it is an id, and which repeats itself. */
function idOf(table: Table, target: string): string | null {
  const called = table.columns.filter(
    ({ name }) => name !== target && /^(id|.*[_ -]id|sequence|sentence|session)$/i.test(name),
  )
  return called.length === 1 && called[0]!.type !== 'time' ? called[0]!.name : null
}

function repeats(table: Table, id: string): boolean {
  return wordsOf(table, id, '--id').levels.length < table.rows
}

function oneLabelEach(table: Table, label: string, id: string): boolean {
  const [labels, ids] = [wordsOf(table, label, '--label').codes, wordsOf(table, id, '--id').codes]
  const first = new Map<number, number>()
  return ids.every((code, row) => {
    if (!first.has(code)) first.set(code, labels[row]!)
    return first.get(code) === labels[row]
  })
}

function timeOf(table: Table, said: string | undefined, used: readonly (string | null)[]): string | null {
  if (said !== undefined) return columnOf(table, said, '--time').name
  const times = table.columns.filter(({ name, type }) => type === 'time' && !used.includes(name))
  if (times.length > 1) {
    const names = times.map(({ name }) => name)
    throw new InputError(`--time: expected the column of times but there are ${listed(names)}: name one of them`)
  }
  return times[0]?.name ?? null
}

/**
 * Steps that stand in a row: numbered columns of numbers, `t1`, `t2` …, or the letters of one text. Where a person says
 * that a sequence has the label, numbers of any names, and words that come again.
 */
function wideOf(
  rest: readonly Column[],
  { rows }: Table,
  said: boolean,
): Pick<SequenceSchema, 'layout' | 'inputs'> | null {
  const columns = rest.filter((column) => column.type !== 'time')
  const names = columns.map(({ name }) => name)
  if (columns.length >= 3 && columns.every(({ type }) => type === 'number') && (said || prefixOf(names) !== null)) {
    return { layout: 'cells', inputs: inOrderOfSteps(names).map((name) => ({ name, type: 'number' })) }
  }
  const [only] = columns
  if (columns.length !== 1 || only!.type !== 'category') return null
  if (!said && only!.levels.length < rows / 2) return null
  return { layout: 'letters', inputs: [{ name: only!.name, type: 'category' }] }
}

/** What stands before the numbers of `x1 … x10`; null of names that are others. */
function prefixOf(names: readonly string[]): string | null {
  const parts = names.map((name) => /^(\D*)\d+$/.exec(name))
  const prefix = parts[0]?.[1]
  return prefix !== undefined && parts.every((part) => part?.[1] === prefix) ? prefix : null
}

/** `x1 … x10` by their numbers, wherever they stand in the file; other names as they stand. */
function inOrderOfSteps(names: readonly string[]): string[] {
  const prefix = prefixOf(names)
  if (prefix === null) return [...names]
  return [...names].sort((a, b) => Number(a.slice(prefix.length)) - Number(b.slice(prefix.length)))
}

/** Columns that say nothing, or a word of its own for each row, are none. */
function isInput(column: Column, { rows }: Table, notes: Note[]): boolean {
  if (column.type === 'time') return false
  if (column.type === 'number') {
    const first = column.values.find((value) => !Number.isNaN(value))
    if (first !== undefined && column.values.some((value) => value !== first && !Number.isNaN(value))) return true
  } else if (column.levels.length > 20 && column.levels.length > 0.9 * rows) {
    notes.push(note('id', `not used: ${column.name}, which has a word of its own in nearly every row`))
    return false
  } else if (column.levels.length > 1) return true
  notes.push(note('constant', `not used: ${column.name}, which is the same in every row`))
  return false
}

/** Columns sorted by name: the order of the file does not matter. */
function inputsOf(columns: readonly Column[]): SequenceColumn[] {
  const inputs = columns.map((column): SequenceColumn => {
    const { name, type } = column
    if (type === 'time') throw new InputError(`--inputs: expected numbers or words but ${shown(name)} has times`)
    return { name, type: type === 'category' ? 'category' : column.flag ? 'flag' : 'number' }
  })
  inputs.sort((a, b) => (a.name < b.name ? -1 : 1))
  return inputs
}

function unused(table: Table, schema: SequenceSchema, said: readonly Note[] = []): Note[] {
  const { target, id, time, split, inputs } = schema
  const used = new Set([target, id, time, split, ...inputs.map(({ name }) => name)])
  const rest = table.columns
    .map(({ name }) => name)
    .filter((name) => !used.has(name) && !said.some(({ text }) => text.startsWith(`not used: ${name}, `)))
  return rest.length > 0 ? [note('unused', `not used: ${listed(rest)}`)] : []
}

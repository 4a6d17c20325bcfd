/** The kinds of work as the command knows them: their flags, what is decided, and how their scores are shown. */
import { axisOf } from '../src/data/axis.ts'
import { type ForecastWork, forecasting, forecastingBy, rangeOf } from '../src/data/forecast.ts'
import type { ForecastChoices } from '../src/data/infer.ts'
import type { LabelChoices, NextChoices } from '../src/data/labels/inferSequences.ts'
import { sequenceDecisions, sequenceTable, sequenceVerdict } from '../src/data/labels/sequenceReport.ts'
import { labelling, nextItem, type SequenceWork, sequencesBy } from '../src/data/labels/sequenceWork.ts'
import { listed } from '../src/data/notes.ts'
import { schemaFrom } from '../src/data/run.node.ts'
import type { Schema } from '../src/data/schema.ts'
import { decisionsOf, exampleWindow } from '../src/data/spoken.ts'
import type { MethodScores, Work } from '../src/data/work.ts'
import { readBytes } from '../src/disk.node.ts'
import { InputError, shown } from '../src/error.ts'
import { type Flag, names, oneOf, whole } from '../src/flag.ts'
import type { ColumnType, Table } from '../src/table/table.ts'
import { methodLines, methodRows, table as tableLines, verdict } from './methods.ts'

export interface DecisionFlags
  extends Omit<ForecastChoices, 'target' | 'seasons'>,
    Partial<Omit<LabelChoices, 'time'>>,
    Partial<Omit<NextChoices, 'time'>> {
  target?: string[]
  seasons?: string[]
  schema?: string
}

const TIME: Flag = { flag: '--time <column>', help: 'the column of times (default: the only one)' }

/** What a schema says, and beside it nobody else. */
const FORECAST: readonly Flag[] = [
  { flag: '--target <columns>', value: names, help: 'the column to forecast; of several each is a series' },
  { flag: '--horizon <N>', value: whole(), help: 'steps ahead (default: a season, of days 14)' },
  {
    flag: '--series <column>',
    help: 'the column that says of which series a row is (default: found where there is one)',
  },
  { flag: '--known <columns>', value: names, help: 'columns whose values will be known for the steps ahead' },
  { flag: '--past <columns>', value: names, help: 'columns whose past values are inputs' },
  { flag: '--window <N>', value: whole(), help: 'steps of the past that the network reads' },
  { flag: '--every <step>', help: 'step of time, as 1h, 1d, 1mo, weekday (default: the commonest distance)' },
  { flag: '--timezone <name>', help: 'where the clocks of the times are, as Europe/Berlin (default: UTC)' },
  {
    flag: '--seasons <steps>',
    value: names,
    help: 'after how many steps the series repeats itself, with commas between',
  },
  {
    flag: '--gaps <what>',
    value: oneOf('missing', 'zero', 'skip'),
    help: 'what a step without a row is; skip: none, the rows that are there are the steps (default: missing)',
  },
  {
    flag: '--duplicates <what>',
    value: oneOf('last', 'sum', 'mean'),
    help: 'what several rows of one step are (default: last)',
  },
  {
    flag: '--test <part>',
    help: 'the test part: steps, a share as 20%, or its first date (default: a year, at most 20%)',
  },
  { flag: '--validation <part>', help: 'the validation part, before it (default: a year, at most 10%)' },
  { flag: '--stride <N>', value: whole(), help: 'steps from one forecast of the test part to the next' },
]
const SEQUENCES: readonly Flag[] = [
  { flag: '--id <column>', help: 'the column that says of which sequence a row is (default: one called id)' },
  { flag: '--split <column>', help: 'the column that says train, validation or test (default: split by content)' },
  {
    flag: '--members <N>',
    value: whole(),
    help: 'networks that make one model, their probabilities averaged (default: 3, of many sequences 1)',
  },
]
const LABELS: readonly Flag[] = [
  { flag: '--label <column>', help: 'the column of labels to learn' },
  {
    flag: '--of <what>',
    value: oneOf('sequence', 'row'),
    help: 'what has a label (default: a sequence if its rows have one)',
  },
  { flag: '--inputs <columns>', value: names, help: 'columns that the network reads (default: all others)' },
  {
    flag: '--frame <N>',
    value: whole(),
    help: 'steps that are one input (default: 1, of long sequences what is better)',
  },
  {
    flag: '--balanced',
    help: 'labels count alike, however rare (default: where one is 4 times as frequent as another)',
  },
  {
    flag: '--one-way',
    help: 'labels depend on what came before alone, as in a stream (default: the network reads both ways)',
  },
]
const NEXT: readonly Flag[] = [{ flag: '--next <column>', help: 'the column of items of which to guess the next' }]

export const DECISIONS: readonly Flag[] = [...FORECAST, TIME, ...LABELS, ...NEXT, ...SEQUENCES]

/** Types of columns that are words, however they look: labels `yes` and `no` stay what they are. */
export function wordsOf({ label, next, id, split }: DecisionFlags): Record<string, ColumnType> {
  const names = [label, next, id, split].filter((name) => name !== undefined)
  return Object.fromEntries(names.map((name): [string, ColumnType] => [name, 'category']))
}

/** A work, and what is said of it before it is fitted. */
export interface SpokenWork {
  readonly work: Work
  /** [what, sentence] */
  readonly decisions: readonly [string, string][]
  /** What one example of the test part is. */
  readonly example: readonly string[]
}

/** @throws InputError where flags of several kinds, or none, are given, and where the table does not fit them */
export function spokenWork(table: Table, flags: DecisionFlags, schema: Schema | null): SpokenWork {
  if (schema !== null) return bySchema(table, schema)
  const kinds = { target: FORECAST, label: LABELS, next: NEXT }
  const given = (Object.keys(kinds) as (keyof typeof kinds)[]).filter((name) => flags[name] !== undefined)
  if (given.length > 1) {
    throw new InputError(`fit: expected one of --target, --label, --next but received --${given.join(' and --')}`)
  }
  const kind = given[0] ?? (table.name === 'births' ? 'target' : null)
  if (kind === null) {
    const columns = listed(
      table.columns.map(({ name }) => name),
      12,
    )
    throw new InputError(
      `--target: expected the column to forecast, one of ${columns}, or --label, that of labels, or --next, that of ` +
        'items, but received none: name one',
    )
  }
  const own = [...kinds[kind], ...(kind === 'target' ? [] : SEQUENCES)]
  const other = saidOf(DECISIONS, flags).find((flag) => flag !== '--time' && !own.some((one) => longOf(one) === flag))
  if (other !== undefined) {
    throw new InputError(`${other}: expected no such option beside --${kind}: leave it out`)
  }
  if (kind === 'target') return ofForecast(forecasting(table, forecastChoices(flags)))
  const { id, time, split, members } = flags
  const shared = { id, time, split, members }
  if (kind === 'next') return ofSequences(nextItem(table, { ...shared, next: flags.next! }))
  const { label, of, inputs, frame, balanced, oneWay } = flags
  return ofSequences(labelling(table, { ...shared, label: label!, of, inputs, frame, balanced, oneWay }))
}

function bySchema(table: Table, schema: Schema): SpokenWork {
  if (schema.kind === 'forecast') return ofForecast(forecastingBy(table, schema))
  return ofSequences(sequencesBy(table, schema))
}

/** The decisions of a file; null: none is named. @throws InputError where flags decide, too, `more` among them */
export function schemaOf(flags: DecisionFlags, more: readonly Flag[]): Schema | null {
  if (flags.schema === undefined) return null
  const [said] = saidOf([...DECISIONS, ...more], flags)
  if (said !== undefined) {
    throw new InputError(`${said}: expected no decision beside --schema, which has all of them: edit the file`)
  }
  return schemaFrom(new TextDecoder().decode(readBytes(flags.schema)), flags.schema)
}

function longOf({ flag }: Flag): string {
  return flag.split(' ')[0]!
}

/** Those of the flags that were given. */
function saidOf(among: readonly Flag[], flags: DecisionFlags): string[] {
  const nameOf = (flag: string) => flag.slice(2).replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())
  return among.map(longOf).filter((flag) => flags[nameOf(flag) as keyof DecisionFlags] !== undefined)
}

function forecastChoices(flags: DecisionFlags): ForecastChoices {
  const seasons = flags.seasons?.map((text) => {
    if (Number.isSafeInteger(Number(text)) && Number(text) > 1) return Number(text)
    throw new InputError(`--seasons: expected whole numbers above 1 but received ${shown(text)}`)
  })
  const { horizon, time, series, known, past, window, every, timezone, gaps, duplicates } = flags
  const { test, validation, stride, target = ['births'] } = flags
  const said = { horizon, time, series, known, past, window, every, timezone, gaps, duplicates }
  return { target, seasons, ...said, test, validation, stride }
}

function ofForecast(work: ForecastWork): SpokenWork {
  const { schema } = work
  return {
    work,
    decisions: decisionsOf(schema, work.panel.axis, work.series, rangeOf(work)),
    example: exampleWindow(schema, work.panel.axis),
  }
}

function ofSequences(work: SequenceWork): SpokenWork {
  const { schema, parts, classes } = work
  const what =
    schema.kind === 'next' ? 'the items so far' : schema.of === 'row' ? 'a row and its sequence' : 'a sequence'
  return {
    work,
    decisions: sequenceDecisions(schema, parts, classes),
    example: [`reads     ${what}`, `answers   one of ${listed(classes, 6)}, with a probability for each`],
  }
}

/** The table of methods, and who wins. @param title what the scores are of */
export function scoreLines(schema: Schema, methods: readonly MethodScores[], winner: string, title: string): string[] {
  if (schema.kind === 'forecast') return [...methodLines(methods, title), `  ${verdict(methods, winner)}`]
  return [...scoresAlone(schema, methods, title), `  ${sequenceVerdict(schema, methods, winner)}`]
}

/** The table of methods that nothing is held against. */
export function scoresAlone(
  schema: Exclude<Schema, { kind: 'forecast' }>,
  methods: readonly MethodScores[],
  title: string,
): string[] {
  return tableLines(methodTable(schema, methods, title))
}

/** A head and a row a method. @param title what the scores are of */
export function methodTable(schema: Schema, methods: readonly MethodScores[], title: string): string[][] {
  if (schema.kind === 'forecast') return methodRows(methods, title)
  const { titles, cells } = sequenceTable(schema)
  return [[title, ...titles], ...methods.map((method) => [method.name, ...cells(method)])]
}

/** What a fit decided, out of its schema alone: [what, sentence]. */
export function decidedBy(schema: Schema): readonly [string, string][] {
  if (schema.kind === 'forecast') {
    // Which moments rows have, a schema does not say.
    const axis = schema.gaps === 'skip' ? { text: (step: number) => `row ${step + 1}` } : axisOf(schema.time)
    return decisionsOf(schema, axis, schema.fitted?.series.length ?? 1, null)
  }
  return sequenceDecisions(schema, null, schema.fitted?.classes ?? [])
}

/** The files of a run, and what `irnn predict` wants. */
export function endingOf(schema: Schema): { files: string; next: string } {
  if (schema.kind !== 'forecast') return { files: 'predictions.csv, report.json, model.safetensors', next: 'NEW' }
  const next = schema.known.length > 0 ? 'NEW, with the known columns of the steps ahead' : 'NEW'
  return { files: 'forecast.svg, report.html, predictions.csv, model.safetensors', next }
}

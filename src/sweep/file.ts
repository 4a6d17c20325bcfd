/**
 * The file of a sweep, YAML or JSON, as a checked value. It comes from outside: no tags, no aliases, at most 1 MB, and
 * every option is one of `irnn train` with a value that it may have.
 */
import { parseDocument } from 'yaml'
import { readText, statsOf } from '../disk.node.ts'
import { checked, didYouMean, InputError, printable, refuseUnknown, refuseUnless, shown } from '../error.ts'
import { type Flag, isSwitch, longOf, nameOf } from '../flag.ts'
import * as z from '../schema.ts'

/** A value of an option. */
export type Value = number | string | boolean

/** What an option may be: these values, or a number between two, drawn evenly, on a logarithmic scale, or whole. */
export type Axis = readonly Value[] | { readonly uniform: Ends } | { readonly log: Ends } | { readonly whole: Ends }
type Ends = readonly [low: number, high: number]

/** A file, checked, its values as `irnn train` has them. */
export interface Sweep {
  readonly task: string
  /** Of all trials. By name as on the command line, without `--`. */
  readonly options: Readonly<Record<string, Value>>
  readonly space: Readonly<Record<string, Axis>>
  /** How many are drawn, each with every seed; null: the whole grid. */
  readonly trials: number | null
  /** Of the draws. */
  readonly seed: number
  /** Of the runs. */
  readonly seeds: readonly number[]
  /** Who draws: Optuna, which is told what those before came to; absent: chance alone. */
  readonly sampler?: 'optuna' | undefined
}

/** The flags of `irnn train` for a task of that name. @throws InputError when there is none */
export type FlagsOf = (task: string) => readonly Flag[]

const RANGES = ['uniform', 'log', 'whole']
const KEYS = ['task', 'options', 'space', 'trials', 'seed', 'seeds', 'sampler']
const MOST_BYTES = 2 ** 20
/** Set by the sweep itself, and what to do instead. */
const OWN: Readonly<Record<string, string>> = {
  seed: 'name seeds under seeds',
  threads: 'it follows from --slots',
  out: 'every trial has its folder',
  overwrite: 'every trial has its folder',
  json: 'remove it',
  'pause-at': 'stop the sweep instead',
  distributed: 'a trial is one process',
  'rank-timeout': 'a trial is one process',
}

const value = z.union([z.number(), z.string(), z.boolean()])
const ends = z.tuple([z.number(), z.number()])
const axis = z.union([
  z.array(value),
  z.strictObject({ uniform: ends }),
  z.strictObject({ log: ends }),
  z.strictObject({ whole: ends }),
])
const seed = z.int().min(0)
const schema = z.strictObject({
  task: z.string(),
  options: z.record(z.string(), value).default({}),
  space: z.record(z.string(), axis),
  trials: z.int().min(1).nullable().default(null),
  seed: seed.default(1),
  seeds: z.array(seed).min(1).optional(),
  sampler: z.enum(['optuna']).optional(),
})

/** @throws InputError, one line, when it cannot be read, is no YAML, or says what no trial can be made of */
export function readSweepFile(file: string, flagsOf: FlagsOf): Sweep {
  const { size } = statsOf(file)
  if (size > MOST_BYTES) throw new InputError(`${file}: expected at most 1 MB but it has ${size} bytes`)
  return sweepOf(parsed(readText(file), file), file, flagsOf)
}

/** The value of a YAML text. @throws InputError for what is none, and for tags and aliases, which it does not need */
function parsed(text: string, file: string): unknown {
  let why: string
  try {
    const document = parseDocument(text, { schema: 'core' })
    const wrong = document.errors[0] ?? document.warnings[0]
    if (!wrong) return document.toJS({ maxAliasCount: 0 })
    why = wrong.message.split('\n')[0]!.replace(/:$/, '')
  } catch (error) {
    const isAlias = error instanceof ReferenceError
    why = isAlias ? 'it has an alias (*name): write the value out' : (error as Error).message // too deep, say
  }
  throw new InputError(`${file}: expected YAML without tags and aliases: ${why}`)
}

/** A value of any kind as a sweep. @throws InputError, one line that begins with `where` */
export function sweepOf(raw: unknown, where: string, flagsOf: FlagsOf): Sweep {
  refuseUnknown(where, raw as object, KEYS)
  const { options, space } = raw as Readonly<Record<string, unknown>>
  const { task } = checked(z.looseObject({ task: z.string() }), raw, where)
  const flags = flagsOf(task)
  // Before the schema, which passes over a key __proto__.
  for (const [name, part] of Object.entries({ options, space })) {
    if (part === undefined && name === 'options') continue
    refuseUnless(isObject(part), `${where}: ${name}`, 'options by name', part)
    for (const key of Object.keys(part)) flagOf(flags, key, `${where}: ${name}`, task)
  }
  for (const [name, one] of Object.entries(space as object)) {
    if (isObject(one)) refuseNoRange(one, `${where}: space: ${name}`)
  }
  const given = checked(schema, raw, where)
  const named = Object.keys(given.space)
  if (named.length === 0) throw new InputError(`${where}: space: expected an option but it has none: add one`)
  const both = named.find((name) => Object.hasOwn(given.options, name))
  if (both !== undefined) throw new InputError(`${where}: ${both}: expected it once but it is in options and in space`)
  const seeds = given.seeds ?? [1]
  refuseTwice(seeds, `${where}: seeds`)
  const check = (name: string, part: string, one: Value) => {
    const at = `${where}: ${part}: ${name}`
    return readAs(flagOf(flags, name, `${where}: ${part}`, task), one, at)
  }
  if (given.sampler !== undefined) refuseUnsampled({ trials: given.trials, seeds }, where)
  return {
    ...given,
    seeds,
    options: mapped(given.options, (name, one) => check(name, 'options', one)),
    space: mapped(given.space, (name, one) =>
      axisOf(one as Axis, `${where}: space: ${name}`, given.trials, (each) => check(name, 'space', each)),
    ),
  }
}

/** @throws InputError for a sweep that no sampler can draw */
export function refuseUnsampled({ trials, seeds }: Pick<Sweep, 'trials' | 'seeds'>, where: string): void {
  if (trials === null) throw new InputError(`${where}: sampler: expected trials, how many are to be drawn: add it`)
  if (seeds.length > 1) throw new InputError(`${where}: sampler: expected one seed but received ${seeds.length}`)
}

function refuseNoRange(range: object, where: string): void {
  refuseUnknown(where, range, RANGES)
  const kinds = Object.keys(range)
  refuseUnless(kinds.length === 1, where, `one of ${RANGES.join(', ')}`, range)
}

function isObject(part: unknown): part is object {
  return typeof part === 'object' && part !== null && !Array.isArray(part)
}

function mapped<A, B>(record: Readonly<Record<string, A>>, make: (name: string, value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, make(name, value)]))
}

/** `clip-kind` → its flag. @throws InputError when there is none, or the sweep sets it itself */
function flagOf(flags: readonly Flag[], name: string, where: string, task: string): Flag {
  if (Object.hasOwn(OWN, name)) {
    throw new InputError(`${where}: ${name}: the sweep sets it itself: ${OWN[name]}`)
  }
  const found = flags.find((flag) => longOf(flag) === `--${name}`)
  if (found) return found
  const names = flags.map((flag) => longOf(flag).slice(2)).filter((one) => !Object.hasOwn(OWN, one))
  const camel = flags.find((flag) => nameOf(flag) === name)
  const meant = camel ? `; did you mean ${longOf(camel).slice(2)}?` : didYouMean(name, names)
  throw new InputError(
    `${where}: ${shown(name)}: no such option of irnn train ${task}${meant || `; see irnn train ${task} --help`}`,
  )
}

/** As the command reads it: equal values are equal however they were written. */
function readAs(flag: Flag, value: Value, where: string): Value {
  if (isSwitch(flag)) {
    refuseUnless(typeof value === 'boolean', where, 'true or false', value)
    return value
  }
  const text = String(value)
  if (printable(text) !== text) throw new InputError(`${where}: expected text of one line but received ${shown(value)}`)
  const read = flag.value?.read(text, where)
  return typeof read === 'number' ? read : text
}

function axisOf(axis: Axis, where: string, trials: number | null, check: (value: Value) => Value): Axis {
  if (Array.isArray(axis)) {
    if (axis.length === 0) throw new InputError(`${where}: expected at least one value but received none: add some`)
    const values = axis.map(check)
    refuseTwice(values, where)
    return values
  }
  const [[kind, [low, high]]] = Object.entries(axis) as [[string, Ends]]
  if (trials === null) {
    throw new InputError(`${where}: a grid has no ${kind}: list values, or add trials, how many are to be drawn`)
  }
  const least = kind === 'log' ? 'above 0, ' : ''
  const ok = low < high && (kind !== 'log' || low > 0) && (kind !== 'whole' || [low, high].every(Number.isSafeInteger))
  if (!ok || (kind === 'whole' && high - low >= 2 ** 32)) {
    const numbers = kind === 'whole' ? 'two whole numbers' : 'two numbers'
    throw new InputError(`${where}: ${kind}: expected ${numbers}, ${least}the lower first but received ${low}, ${high}`)
  }
  for (const end of [low, high]) check(end)
  return axis
}

function refuseTwice(values: readonly Value[], where: string): void {
  const twice = values.find((one, i) => values.indexOf(one) !== i)
  if (twice !== undefined) throw new InputError(`${where}: expected different values but ${shown(twice)} stands twice`)
}

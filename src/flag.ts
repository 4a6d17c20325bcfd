/**
 * Options of the command line as data: tasks and training say what flags they have, and the command (cli/options.ts)
 * makes them its own. A kind of value is checked in one place, whether a program gives it or a word of the command line
 * is read as it.
 */

import { checked, didYouMean, InputError, shown } from './error.ts'
import * as z from './schema.ts'

/** What a value may be. */
export interface Kind<V> {
  /** "a whole number >= 1" */
  readonly expected: string
  /** All values, if they can be listed. */
  readonly choices?: readonly string[]
  /** @throws InputError, `what: name: expected … but received …` */
  check(value: unknown, name: string, what: string): V
  /** A word of the command line as a value. @throws InputError, `--lr: expected … but received …` */
  read(text: string, flag: string): V
}

/** Values that a schema accepts; `parse` makes one of a word, a number unless told otherwise. */
export function kindOf<V>(
  schema: z.Schema<V>,
  expected: string,
  { parse = numberOf, choices }: { parse?: (text: string) => unknown; choices?: readonly string[] } = {},
): Kind<V> {
  return {
    expected,
    ...(choices && { choices }),
    check: (value, name, what) => checked(z.strictObject({ [name]: schema }), { [name]: value }, what)[name] as V,
    read(text, flag) {
      const result = schema.safeParse(parse(text))
      if (result.success) return result.data
      const meant = didYouMean(text, choices ?? [])
      throw new InputError(`${flag}: expected ${expected} but received ${shown(text)}${meant}`)
    },
  }
}

/** An empty word is no 0. */
function numberOf(text: string): number {
  return text.trim() === '' ? Number.NaN : Number(text)
}

export function whole(least = 1): Kind<number> {
  return kindOf(z.int().min(least), `a whole number >= ${least}`)
}

/** 1, 2, 4, … */
export const powerOfTwo: Kind<number> = kindOf(
  z.int().refine((value) => value >= 1 && Number.isInteger(Math.log2(value)), { message: 'expected a power of two' }),
  'a power of two',
)

export const positive: Kind<number> = kindOf(z.number().gt(0), 'a number > 0')
export const notNegative: Kind<number> = kindOf(z.number().min(0), 'a number >= 0')
/** At least 0 and below 1. */
export const below1: Kind<number> = kindOf(z.number().min(0).lt(1), 'a number >= 0 and < 1')
export const finite: Kind<number> = kindOf(z.number(), 'a number')
export const flagged: Kind<boolean> = kindOf(z.boolean(), 'true or false')

export function oneOf<const C extends string>(...choices: readonly C[]): Kind<C> {
  return kindOf(z.enum(choices), `one of ${choices.join(', ')}`, { parse: (text) => text, choices })
}

/** One or more names with commas between. */
export const names: Kind<string[]> = kindOf(
  z.array(z.string().min(1)),
  'names with commas between, none of them empty',
  {
    parse: (text) => text.split(',').map((name) => name.trim()),
  },
)

/** A flag of the command. */
export interface Flag {
  /** `--length <T>`; without a value, `--halves`, it is there or not. */
  readonly flag: string
  /** For the help; it may say what scores the task at hand. */
  readonly help: string | ((task: { readonly score: string }) => string)
  /** What its value may be; absent: any text. */
  readonly value?: Kind<unknown>
  readonly default?: string | number
  readonly required?: boolean
}

/** Whether it has no value: it is there or not. */
export function isSwitch({ flag }: Pick<Flag, 'flag'>): boolean {
  return !flag.includes('<')
}

/** What flags were given, by their names in camel case; absent or undefined: not given. */
export type Given = Readonly<Record<string, unknown>>

/** `--train-size <N>` → `trainSize` */
export function nameOf({ flag }: Pick<Flag, 'flag'>): string {
  return longOf({ flag })
    .slice(2)
    .replace(/-[a-z]/g, (part) => part[1]!.toUpperCase())
}

/** `--train-size <N>` → `--train-size` */
export function longOf({ flag }: Pick<Flag, 'flag'>): string {
  return flag.split(' ')[0]!
}

/**
 * Bad input, said in one line: what, where, what was expected, what came, and the remedy where there is one. Everything
 * that reads a person's data (specs, options, batches, files) checks it once and throws this; code behind the check
 * trusts.
 */
import type { Mismatch, Problem, Schema } from './schemaType.ts'

/**
 * What the user gave is wrong (as opposed to a defect of ours or a failing machine). The command exits with 2 on it.
 * Its message is one line, whatever names and text of files it quotes.
 */
export class InputError extends Error {
  override readonly name: string = 'InputError'
  constructor(message: string, options?: ErrorOptions) {
    super(printable(short(message, MOST_CHARACTERS)), options)
  }
}

/** Room for the two longest paths that people have; a file's text is cut long before. */
const MOST_CHARACTERS = 2000
/** Of a word or name that is not ours. */
const MOST_OF_A_WORD = 40

/** The beginning and, in a long text, the end, where the remedy stands. */
function short(text: string, most: number): string {
  if (text.length <= most) return text
  const end = most > 100 ? Math.floor(most / 4) : 0
  return `${text.slice(0, most - end)}…${text.slice(text.length - end)}`.replace(LONE, '')
}

/** Halves of a character that a cut has left. */
const LONE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g
// Control characters, line ends of Unicode, and marks that turn the direction of what follows.
const UNPRINTABLE = /[\p{Cc}\u2028\u2029\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]/gu

/** Text from outside in one line, with nothing that a terminal acts upon: control characters as \\n, \\u001b. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (character) => {
    const escaped = JSON.stringify(character).slice(1, -1)
    return escaped === character ? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}` : escaped
  })
}

/** A name that is not ours, without quotation marks. */
function named(name: PropertyKey): string {
  return printable(short(String(name), MOST_OF_A_WORD))
}

/** A value as an error message shows it: short, one line, strings quoted, numbers as JavaScript writes them. */
export function shown(value: unknown): string {
  try {
    return described(value)
  } catch {
    return 'an object that cannot be read' // a proxy, or a getter, that throws
  }
}

function described(value: unknown): string {
  if (typeof value === 'string') return printable(JSON.stringify(short(value, MOST_OF_A_WORD)))
  if (typeof value === 'bigint') return `${short(String(value), MOST_OF_A_WORD)}n`
  if (typeof value === 'symbol') return named(value)
  if (typeof value === 'function') return 'a function'
  if (ArrayBuffer.isView(value)) return Object.prototype.toString.call(value).slice(8, -1)
  if (Array.isArray(value)) return value.length === 0 ? 'an empty array' : `an array of ${value.length}`
  if (value === null || typeof value !== 'object') return Object.is(value, -0) ? '-0' : String(value)
  const kind = Object.prototype.toString.call(value).slice(8, -1)
  if (kind === 'Promise') return 'a promise: await it'
  if (kind !== 'Object') return article(named(kind))
  const keys = Object.keys(value)
  return keys.length === 0 ? 'an empty object' : `an object with ${keys.slice(0, 4).map(named).join(', ')}`
}

/** @throws InputError, one line, unless `ok`: `vocabulary: expected text but received undefined` */
export function refuseUnless(ok: boolean, what: string, expected: string, value: unknown): asserts ok {
  if (!ok) throw new InputError(`${what}: expected ${expected} but received ${shown(value)}`)
}

/** @throws InputError unless it is a string */
export function refuseNoText(what: string, value: unknown): asserts value is string {
  refuseUnless(typeof value === 'string', what, 'a string', value)
}

/**
 * Refuses options that do not exist, and options that are not in an object.
 * @param known the names of all options that there are
 * @throws InputError, one line: `adam: learningRate: no such option; did you mean lr?`
 */
export function refuseUnknown(what: string, options: object, known: readonly string[]): void {
  refuseNoObject(what, options)
  for (const name in options) {
    if (known.includes(name)) continue
    const meant = nearest(name, known)
    const remedy = meant
      ? `did you mean ${meant}?`
      : known.length > 0
        ? `there are ${known.join(', ')}`
        : 'there are none'
    throw new InputError(`${what}: ${named(name)}: no such option; ${remedy}`)
  }
}

/** @throws InputError unless options are in an object */
export function refuseNoObject(what: string, options: unknown): void {
  const object = typeof options === 'object' && options !== null
  if (object && !Array.isArray(options) && !(options instanceof Promise)) return
  throw new InputError(`${what}: expected options in an object but received ${shown(options)}`)
}

/**
 * Refuses a maker's input without its data.
 * @param parts what the data have; each is an object
 * @throws InputError, one line: `mnist: data: expected an object with train, test but received undefined`
 */
export function refuseWithout(what: string, input: object, name: string, parts: readonly string[]): void {
  refuseNoObject(what, input)
  type Data = Readonly<Record<string, unknown>> | null | undefined
  const data = (input as Readonly<Record<string, Data>>)[name]
  if (typeof data === 'object' && data !== null && parts.every((part) => isObject(data[part]))) return
  throw new InputError(`${what}: ${name}: expected an object with ${parts.join(', ')} but received ${shown(data)}`)
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null
}

/** The end of a message about a word that is none of `known`: `; did you mean lr?`, empty if none of them is near. */
export function didYouMean(word: unknown, known: readonly string[]): string {
  const meant = typeof word === 'string' ? nearest(word, known) : undefined
  return meant === undefined ? '' : `; did you mean ${meant}?`
}

/** The one of `known` that `word` is most probably meant to be; undefined if none is near. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  let best: string | undefined
  let least = Number.POSITIVE_INFINITY
  for (const candidate of known) {
    const distance = misspelling(word, candidate)
    if (distance < least) [best, least] = [candidate, distance]
  }
  return best
}

/** How far `word` is from a name that may be meant; Infinity if it is another word. */
function misspelling(word: string, name: string): number {
  if (word.length > 2 * MOST_OF_A_WORD) return Number.POSITIVE_INFINITY
  const [a, b] = [word, name].map((text) => text.toLowerCase().replace(/[^a-z0-9]/g, '')) as [string, string]
  if (a === b) return 0
  const [c, d] = [initials(word), initials(name)]
  if ((c.length > 1 && c === b) || (d.length > 1 && d === a)) return 1
  const shorter = Math.min(a.length, b.length)
  if (shorter >= 3 && (a.startsWith(b) || b.startsWith(a))) return 1
  const edits = editDistance(a, b)
  return edits <= Math.max(1, Math.floor(shorter / 3)) && edits < shorter ? edits : Number.POSITIVE_INFINITY
}

/** `lr` of `learningRate`, `learning-rate` and `learning_rate`. */
function initials(word: string): string {
  const words = word.split(/(?=[A-Z])|[^A-Za-z0-9]+/).filter((part) => part !== '')
  return words.map((part) => part[0]!.toLowerCase()).join('')
}

/**
 * Letters to insert, delete, replace or exchange with their neighbour (Damerau 1964) to make one word from the other.
 */
function editDistance(a: string, b: string): number {
  const rows = [Array.from({ length: b.length + 1 }, (_, j) => j)]
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1
      row[j] = Math.min(rows[i - 1]![j]! + 1, row[j - 1]! + 1, rows[i - 1]![j - 1]! + same)
      const exchanged = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      if (exchanged) row[j] = Math.min(row[j]!, rows[i - 2]![j - 2]! + 1)
    }
    rows.push(row)
  }
  return rows[a.length]![b.length]!
}

/**
 * `value` through a schema; the first thing wrong becomes one line, `what: where: expected … but received …`.
 * @param what names the value for the reader, e.g. `model spec`
 * @throws InputError
 */
export function checked<T>(schema: Schema<T>, value: unknown, what: string): T {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  throw new InputError(`${what}: ${explain(result.mismatch)}`)
}

function explain({ path, problem, received, beside }: Omit<Mismatch, keyof Error | 'within'>): string {
  // What is missing may be there under a name that is none, `haed` for `head`: then that is what is wrong.
  const misspelt = beside?.unknown.find((key) => nearest(key, beside.known) === path.at(-1))
  if (beside && misspelt !== undefined) {
    const keys = { code: 'keys', unknown: [misspelt], known: beside.known } as const
    return explain({ path: path.slice(0, -1), problem: keys, received, beside: undefined })
  }
  const where = path.length > 0 ? `${path.map(named).join('.')}: ` : ''
  if (problem.code === 'custom') return `${where}${problem.message}`
  if (problem.code === 'keys') {
    const keys = problem.unknown.slice(0, 4)
    const [noun, remedy] = keys.length > 1 ? ['keys', 'them or correct their'] : ['key', 'it or correct its']
    const unknown = keys.map(shown).join(', ') + (problem.unknown.length > keys.length ? ', …' : '')
    const meant = keys.flatMap((key) => nearest(key, problem.known) ?? [])
    const which = meant.length > 0 ? `; did you mean ${meant.join(', ')}?` : ''
    return `${where}unknown ${noun} ${unknown}: remove ${remedy} spelling${which}`
  }
  const choices = problem.code === 'value' ? problem.choices.map(String) : []
  const came = received === undefined ? 'nothing' : shown(received)
  return `${where}expected ${expectation(problem)} but received ${came}${didYouMean(received, choices)}`
}

function expectation(problem: Problem): string {
  switch (problem.code) {
    case 'value':
      return oneOf(problem.choices)
    case 'none':
      return problem.problems.map(expectation).join(' or ')
    case 'size':
      return `${thing(problem.of)} ${problem.bound}`
    case 'type':
      return problem.expected === 'int' ? 'a whole number' : article(problem.expected)
    default:
      return 'another value'
  }
}

function oneOf(values: readonly unknown[]): string {
  return values.length > 1 ? `one of ${values.map(String).join(', ')}` : String(values[0])
}

function thing(origin: string): string {
  if (origin === 'int') return 'a whole number'
  if (origin === 'array') return 'as many elements as'
  if (origin === 'string') return 'as many characters as'
  return article(origin)
}

function article(noun: string): string {
  return /^[aeiou]/i.test(noun) ? `an ${noun}` : `a ${noun}`
}

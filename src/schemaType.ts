/** What a value from outside must be (`Schema`, made by schema.ts), and what is wrong with one (`Mismatch`). */

/** The first thing that is wrong with a value: where in it, and what came instead of what. */
export class Mismatch extends Error {
  /** Keys and indices from the value to what is wrong. */
  readonly path: PropertyKey[] = []
  readonly problem: Problem
  readonly received: unknown
  /** Of a key that is missing: the keys of its object, among which it may be under a name that is none. */
  readonly beside: Keys | undefined

  constructor(problem: Problem, received: unknown, beside?: Keys) {
    super()
    this.problem = problem
    this.received = received
    this.beside = beside
  }

  /** Seen from an object or array around it. */
  within(key: PropertyKey): this {
    this.path.unshift(key)
    return this
  }
}

interface Keys {
  /** That the object has but should not have, and that it may have. */
  readonly unknown: readonly string[]
  readonly known: readonly string[]
}

export type Problem =
  /** `int`, or a noun: `array`, `object`. */
  | { readonly code: 'type'; readonly expected: string }
  | { readonly code: 'value'; readonly choices: readonly unknown[] }
  /** A number, or how many elements or characters there are. */
  | { readonly code: 'size'; readonly of: string; readonly bound: string }
  | ({ readonly code: 'keys' } & Keys)
  | { readonly code: 'custom'; readonly message: string }
  /** What each of the possible types expected. */
  | { readonly code: 'none'; readonly problems: readonly Problem[] }

type Read<T> = (value: unknown) => T
/** Methods, so that a schema of a number is one of an unknown value. */
interface Check<T> {
  passes(value: T): boolean
  problem(value: T): Problem
}
type Sized = string | readonly unknown[]

export type Json = Readonly<Record<string, unknown>>
interface About {
  readonly shape?: Shape | undefined
  readonly choices?: readonly unknown[] | undefined
  readonly json?: Json
}

type Bound = 'min' | 'max' | 'gt' | 'lt'
type Fits = (size: number, limit: number) => boolean
/** The sign, the test, and the names in JSON Schema: of numbers, arrays and strings. */
const BOUNDS: Readonly<Record<Bound, readonly [string, Fits, ...string[]]>> = {
  min: ['>=', (size, limit) => size >= limit, 'minimum', 'minItems', 'minLength'],
  max: ['<=', (size, limit) => size <= limit, 'maximum', 'maxItems', 'maxLength'],
  gt: ['>', (size, limit) => size > limit, 'exclusiveMinimum'],
  lt: ['<', (size, limit) => size < limit, 'exclusiveMaximum'],
}

/** A value of type T. */
export class Schema<T> {
  private readonly read: Read<T>
  private readonly checks: readonly Check<T>[]
  /** Of objects. */
  readonly shape: Shape | undefined
  /** Of literals and enumerations. */
  readonly choices: readonly unknown[] | undefined
  /** The same as JSON Schema (2020-12), for documents such as OpenAPI: of what is read, not of what it becomes. */
  readonly json: Json

  constructor(read: Read<T>, about: About = {}, checks: readonly Check<T>[] = []) {
    this.read = read
    this.shape = about.shape
    this.choices = about.choices
    this.json = about.json ?? {}
    this.checks = checks
  }

  /** @throws Mismatch */
  parse(value: unknown): T {
    const read = this.read(value)
    for (const { passes, problem } of this.checks) if (!passes(read)) throw new Mismatch(problem(read), value)
    return read
  }

  safeParse(value: unknown): { success: true; data: T } | { success: false; mismatch: Mismatch } {
    try {
      return { success: true, data: this.parse(value) }
    } catch (mismatch) {
      if (mismatch instanceof Mismatch) return { success: false, mismatch }
      throw mismatch
    }
  }

  private with(check: readonly Check<T>[], json: Json): this {
    const about = { ...this, json: { ...this.json, ...json } }
    return new (this.constructor as typeof Schema)(this.read, about, [...this.checks, ...check]) as this
  }

  private bounded(bound: Bound, limit: number): this {
    const [sign, fits, ...names] = BOUNDS[bound]
    const passes = (value: T) => fits(typeof value === 'number' ? value : (value as Sized).length, limit)
    const of = (value: T) => (Array.isArray(value) ? 'array' : typeof value)
    const problem = (value: T): Problem => ({ code: 'size', of: of(value), bound: `${sign} ${limit}` })
    const name = names[['array', 'string'].indexOf(this.json.type as string) + 1] ?? names[0]!
    return this.with([{ passes, problem }], { [name]: limit })
  }

  /** Of numbers, and of the lengths of strings and arrays. */
  min(least: number): this {
    return this.bounded('min', least)
  }
  max(most: number): this {
    return this.bounded('max', most)
  }
  gt(bound: number): this {
    return this.bounded('gt', bound)
  }
  lt(bound: number): this {
    return this.bounded('lt', bound)
  }
  refine(passes: (value: T) => boolean, { message = 'another value is expected' } = {}): this {
    return this.with([{ passes, problem: () => ({ code: 'custom', message }) }], {})
  }
  /** What it is, for people: into the JSON Schema. */
  describe(description: string): this {
    return this.with([], { description })
  }

  transform<U>(change: (value: T) => U): Schema<U> {
    return new Schema((value) => change(this.parse(value)), { json: this.json })
  }
  nullable(): Schema<T | null> {
    const json = { anyOf: [this.json, { type: 'null' }] }
    return new Schema((value) => (value === null ? null : this.parse(value)), { json })
  }
  optional(): Optional<T | undefined> {
    return new Optional((value) => (value === undefined ? undefined : this.parse(value)), { json: this.json })
  }
  /** It may be absent, but not undefined. */
  exactOptional(): Optional<T> {
    return new Optional((value) => this.parse(value), { json: this.json })
  }
  default(standard: T): Schema<T> {
    const json = { ...this.json, default: standard }
    return new Schema((value) => (value === undefined ? copyOf(standard) : this.parse(value)), { json })
  }
}

/** Of plain data. Not by structuredClone, which an audio worklet does not have. */
function copyOf<T>(value: T): T {
  if (Array.isArray(value)) return value.map(copyOf) as T
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, copyOf(part)])) as T
}

/** Of an object it may be absent. */
export class Optional<T> extends Schema<T> {
  readonly mayBeAbsent = true
}

export type Shape = { readonly [key: string]: Schema<unknown> }

/**
 * Schemas: what a value from outside must be, as data that checks it and has its type. `checked` (error.ts) says in one
 * line what is wrong.
 *
 * The words are those of zod, of which this is the part that is used here. Zod itself is three times what all else of
 * irnn weighs on a page (docs/decisions/018-wasm-in-bundles.md).
 */

/** The first thing that is wrong with a value: where in it, and what came instead of what. */
export class Mismatch extends Error {
  /** Keys and indices from the value to what is wrong. */
  readonly path: PropertyKey[] = []
  readonly problem: Problem
  readonly received: unknown

  constructor(problem: Problem, received: unknown) {
    super()
    this.problem = problem
    this.received = received
  }

  /** Seen from an object or array around it. */
  within(key: PropertyKey): this {
    this.path.unshift(key)
    return this
  }
}

export type Problem =
  /** `int`, or a noun: `array`, `object`. */
  | { readonly code: 'type'; readonly expected: string }
  | { readonly code: 'value'; readonly choices: readonly unknown[] }
  /** A number, or how many elements or characters there are. */
  | { readonly code: 'size'; readonly of: string; readonly bound: string }
  | { readonly code: 'keys'; readonly unknown: readonly string[]; readonly known: readonly string[] }
  | { readonly code: 'custom'; readonly message: string }
  /** What each of the possible types expected. */
  | { readonly code: 'none'; readonly problems: readonly Problem[] }

type Read<T> = (value: unknown) => T
/** Methods, so that a schema of a number is one of an unknown value. */
interface Check<T> {
  passes(value: T): boolean
  problem(value: T): Problem
}
type Sized = number | string | readonly unknown[]

/** A value of type T. */
export class Schema<T> {
  private readonly read: Read<T>
  private readonly checks: readonly Check<T>[]
  /** Of objects. */
  readonly shape: Shape | undefined
  /** Of literals and enumerations. */
  readonly choices: readonly unknown[] | undefined

  constructor(read: Read<T>, about: Partial<Pick<Schema<T>, 'shape' | 'choices'>> = {}, checks: Check<T>[] = []) {
    this.read = read
    this.shape = about.shape
    this.choices = about.choices
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

  private with(passes: (value: T) => boolean, problem: (value: T) => Problem): this {
    return new Schema(this.read, this, [...this.checks, { passes, problem }]) as this
  }

  private bounded(bound: string, passes: (size: number) => boolean): this {
    const size = (value: Sized): number => (typeof value === 'number' ? value : value.length)
    return this.with(
      (value) => passes(size(value as Sized)),
      (value) => ({ code: 'size', of: Array.isArray(value) ? 'array' : typeof value, bound }),
    )
  }

  /** Of numbers, and of the lengths of strings and arrays. */
  min(least: number): this {
    return this.bounded(`>= ${least}`, (size) => size >= least)
  }
  max(most: number): this {
    return this.bounded(`<= ${most}`, (size) => size <= most)
  }
  gt(bound: number): this {
    return this.bounded(`> ${bound}`, (size) => size > bound)
  }
  lt(bound: number): this {
    return this.bounded(`< ${bound}`, (size) => size < bound)
  }
  refine(passes: (value: T) => boolean, { message = 'another value is expected' } = {}): this {
    return this.with(passes, () => ({ code: 'custom', message }))
  }

  transform<U>(change: (value: T) => U): Schema<U> {
    return new Schema((value) => change(this.parse(value)))
  }
  nullable(): Schema<T | null> {
    return new Schema((value) => (value === null ? null : this.parse(value)))
  }
  optional(): Optional<T | undefined> {
    return new Optional((value) => (value === undefined ? undefined : this.parse(value)))
  }
  /** It may be absent, but not undefined. */
  exactOptional(): Optional<T> {
    return new Optional((value) => this.parse(value))
  }
  default(standard: T): Schema<T> {
    const copy = () => (typeof standard === 'object' && standard ? { ...standard } : standard)
    return new Schema((value) => (value === undefined ? copy() : this.parse(value)))
  }
}

/** Of an object it may be absent. */
export class Optional<T> extends Schema<T> {
  readonly mayBeAbsent = true
}

export type Shape = { readonly [key: string]: Schema<unknown> }
export type { TypeOf as infer }

type TypeOf<S> = S extends Schema<infer T> ? T : never
type OptionalIn<S extends Shape> = { [K in keyof S]: S[K] extends Optional<unknown> ? K : never }[keyof S]
type Flat<T> = { [K in keyof T]: T[K] }
type ObjectOf<S extends Shape> = Flat<
  { -readonly [K in Exclude<keyof S, OptionalIn<S>>]: TypeOf<S[K]> } & { -readonly [K in OptionalIn<S>]?: TypeOf<S[K]> }
>

function refuse(expected: string, value: unknown): never {
  throw new Mismatch({ code: 'type', expected }, value)
}

export function number(): Schema<number> {
  return new Schema((value) => (typeof value === 'number' && Number.isFinite(value) ? value : refuse('number', value)))
}

/** A whole number that is exact. */
export function int(): Schema<number> {
  return number()
    .transform((value) => (Number.isInteger(value) ? value : refuse('int', value)))
    .transform((value) => {
      if (Number.isSafeInteger(value)) return value
      const bound = value > 0 ? `<= ${Number.MAX_SAFE_INTEGER}` : `>= ${Number.MIN_SAFE_INTEGER}`
      throw new Mismatch({ code: 'size', of: 'int', bound }, value)
    })
}

export function string(): Schema<string> {
  return new Schema((value) => (typeof value === 'string' ? value : refuse('string', value)))
}

export function boolean(): Schema<boolean> {
  return new Schema((value) => (typeof value === 'boolean' ? value : refuse('boolean', value)))
}

export function unknown(): Schema<unknown> {
  return new Schema((value) => value)
}

/** Whatever `passes` says. */
export function custom<T>(passes: (value: unknown) => boolean, message?: string): Schema<T> {
  return new Schema((value) => value as T).refine(passes, message === undefined ? {} : { message })
}

function choice<const T>(choices: readonly T[]): Schema<T> {
  const read = (value: unknown): T => {
    if (choices.includes(value as T)) return value as T
    throw new Mismatch({ code: 'value', choices }, value)
  }
  return new Schema(read, { choices })
}

export function literal<const T>(value: T): Schema<T> {
  return choice([value])
}

export { choice as enum }

function each<T>(keys: Iterable<PropertyKey>, read: (key: PropertyKey) => T): T[] {
  const values: T[] = []
  for (const key of keys) {
    try {
      values.push(read(key))
    } catch (mismatch) {
      throw mismatch instanceof Mismatch ? mismatch.within(key) : mismatch
    }
  }
  return values
}

export function array<T>(element: Schema<T>): Schema<T[]> {
  return new Schema((value) => {
    if (!Array.isArray(value)) refuse('array', value)
    return each(value.keys(), (i) => element.parse(value[i as number]))
  })
}

export function tuple<const S extends readonly Schema<unknown>[]>(
  elements: S,
): Schema<{ [I in keyof S]: TypeOf<S[I]> }> {
  return new Schema((value) => {
    if (!Array.isArray(value)) refuse('tuple', value)
    const bound = value.length < elements.length ? '>=' : '<='
    if (value.length !== elements.length) {
      throw new Mismatch({ code: 'size', of: 'array', bound: `${bound} ${elements.length}` }, value)
    }
    return each(elements.keys(), (i) => elements[i as number]!.parse(value[i as number])) as never
  })
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** An object of any keys. */
export function record<T>(key: Schema<string>, element: Schema<T>): Schema<Record<string, T>> {
  return new Schema((value) => {
    if (!isObject(value)) refuse('record', value)
    const names = Object.keys(value).filter((name) => name !== '__proto__')
    const values = each(names, (name) => element.parse(value[key.parse(name)]))
    return Object.fromEntries(names.map((name, i) => [name, values[i]!]))
  })
}

/** What is done with a key that the shape has not. */
type Others = 'refused' | 'kept' | 'dropped'

function objectOf<S extends Shape>(shape: S, others: Others): Schema<ObjectOf<S>> {
  const known = Object.keys(shape)
  const read = (value: unknown): Record<string, unknown> => {
    if (!isObject(value)) refuse('object', value)
    const present = known.filter((key) => key in value || !(shape[key] instanceof Optional))
    const values = each(present, (key) => shape[key as string]!.parse(value[key as string]))
    const made = Object.fromEntries(present.map((key, i) => [key, values[i]]))
    if (others === 'dropped') return made
    const unknown: string[] = []
    for (const key in value) if (!Object.hasOwn(shape, key) && key !== '__proto__') unknown.push(key)
    if (others === 'refused' && unknown.length > 0) throw new Mismatch({ code: 'keys', unknown, known }, value)
    for (const key of unknown) made[key] = value[key]
    return made
  }
  return new Schema(read, { shape }) as Schema<unknown> as Schema<ObjectOf<S>>
}

export const strictObject = <S extends Shape>(shape: S): Schema<ObjectOf<S>> => objectOf(shape, 'refused')
export const looseObject = <S extends Shape>(shape: S): Schema<Flat<ObjectOf<S> & { [key: string]: unknown }>> =>
  objectOf(shape, 'kept') as Schema<never>
export const object = <S extends Shape>(shape: S): Schema<ObjectOf<S>> => objectOf(shape, 'dropped')

/**
 * The first of several types that fits. If none does, the one that got furthest into the value is what the writer
 * meant; no type of another kind than the value is meant.
 */
export function union<const S extends readonly Schema<unknown>[]>(types: S): Schema<TypeOf<S[number]>> {
  return new Schema((value) => {
    const mismatches: Mismatch[] = []
    for (const type of types) {
      const result = type.safeParse(value)
      if (result.success) return result.data as TypeOf<S[number]>
      mismatches.push(result.mismatch)
    }
    const inside = mismatches.filter(({ problem, path }) => problem.code !== 'type' || path.length > 0)
    const furthest = inside.sort((a, b) => b.path.length - a.path.length)[0]
    throw furthest ?? new Mismatch({ code: 'none', problems: mismatches.map(({ problem }) => problem) }, value)
  })
}

/** Objects that a key tells apart. */
export function discriminatedUnion<const S extends readonly Schema<unknown>[]>(
  key: string,
  types: S,
): Schema<TypeOf<S[number]>> {
  const byValue = new Map(types.flatMap((type) => type.shape![key]!.choices!.map((choice) => [choice, type] as const)))
  return new Schema((value) => {
    if (!isObject(value)) refuse('object', value)
    const type = byValue.get(value[key])
    if (type) return type.parse(value) as TypeOf<S[number]>
    throw new Mismatch({ code: 'value', choices: [...byValue.keys()] }, value[key]).within(key)
  })
}

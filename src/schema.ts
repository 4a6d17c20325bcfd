/**
 * Schemas: what a value from outside must be, as data that checks it and has its type. `checked` (error.ts) says in one
 * line what is wrong.
 *
 * The words are those of zod, of which this is the part that is used here. Zod itself is three times what all else of
 * irnn weighs on a page (docs/decisions/021-wasm-in-bundles.md).
 */

import { Mismatch, Optional, Schema, type Shape } from './schemaType.ts'

export { type Optional, Schema, type Shape } from './schemaType.ts'
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
  const read = (value: unknown) =>
    typeof value === 'number' && Number.isFinite(value) ? value : refuse('number', value)
  return new Schema(read, { json: { type: 'number' } })
}

/** A whole number that is exact. */
export function int(): Schema<number> {
  const finite = number()
  const read = (given: unknown) => {
    const value = finite.parse(given)
    if (!Number.isInteger(value)) refuse('int', value)
    if (Number.isSafeInteger(value)) return value
    const bound = value > 0 ? `<= ${Number.MAX_SAFE_INTEGER}` : `>= ${Number.MIN_SAFE_INTEGER}`
    throw new Mismatch({ code: 'size', of: 'int', bound }, value)
  }
  return new Schema(read, { json: { type: 'integer' } })
}

export function string(): Schema<string> {
  const read = (value: unknown) => (typeof value === 'string' ? value : refuse('string', value))
  return new Schema(read, { json: { type: 'string' } })
}

export function boolean(): Schema<boolean> {
  const read = (value: unknown) => (typeof value === 'boolean' ? value : refuse('boolean', value))
  return new Schema(read, { json: { type: 'boolean' } })
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
  return new Schema(read, { choices, json: choices.length === 1 ? { const: choices[0] } : { enum: choices } })
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
  const read = (value: unknown) => {
    if (!Array.isArray(value)) refuse('array', value)
    return each(value.keys(), (i) => element.parse(value[i as number]))
  }
  return new Schema(read, { json: { type: 'array', items: element.json } })
}

export function tuple<const S extends readonly Schema<unknown>[]>(
  elements: S,
): Schema<{ [I in keyof S]: TypeOf<S[I]> }> {
  const { length } = elements
  const read = (value: unknown) => {
    if (!Array.isArray(value)) refuse('tuple', value)
    const bound = value.length < length ? '>=' : '<='
    if (value.length !== length) {
      throw new Mismatch({ code: 'size', of: 'array', bound: `${bound} ${length}` }, value)
    }
    return each(elements.keys(), (i) => elements[i as number]!.parse(value[i as number])) as never
  }
  const prefixItems = elements.map(({ json }) => json)
  return new Schema(read, { json: { type: 'array', prefixItems, minItems: length, maxItems: length } })
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** An object of any keys. */
export function record<T>(key: Schema<string>, element: Schema<T>): Schema<Record<string, T>> {
  const read = (value: unknown) => {
    if (!isObject(value)) refuse('record', value)
    const names = Object.keys(value).filter((name) => name !== '__proto__')
    const values = each(names, (name) => element.parse(value[key.parse(name)]))
    return Object.fromEntries(names.map((name, i) => [name, values[i]!]))
  }
  return new Schema(read, { json: { type: 'object', additionalProperties: element.json } })
}

/** What is done with a key that the shape has not. */
type Others = 'refused' | 'kept' | 'dropped'

function objectOf<S extends Shape>(shape: S, others: Others): Schema<ObjectOf<S>> {
  const known = Object.keys(shape)
  const read = (value: unknown): Record<string, unknown> => {
    if (!isObject(value)) refuse('object', value)
    const present = known.filter((key) => key in value || !(shape[key] instanceof Optional))
    const unknown: string[] = []
    for (const key in value) if (!Object.hasOwn(shape, key)) unknown.push(key)
    const values = each(present, (key) => {
      const result = shape[key as string]!.safeParse(value[key as string])
      if (result.success) return result.data
      if (key in value) throw result.mismatch
      throw new Mismatch(result.mismatch.problem, undefined, { unknown, known })
    })
    const made = Object.fromEntries(present.map((key, i) => [key, values[i]]))
    if (others === 'dropped') return made
    if (others === 'refused' && unknown.length > 0) throw new Mismatch({ code: 'keys', unknown, known }, value)
    for (const key of unknown) if (key !== '__proto__') made[key] = value[key]
    return made
  }
  const json = {
    type: 'object',
    properties: Object.fromEntries(known.map((key) => [key, shape[key]!.json])),
    required: known.filter((key) => !(shape[key] instanceof Optional) && !('default' in shape[key]!.json)),
    ...(others === 'refused' && { additionalProperties: false }),
  }
  return new Schema(read, { shape, json }) as Schema<unknown> as Schema<ObjectOf<S>>
}

export const strictObject = <S extends Shape>(shape: S): Schema<ObjectOf<S>> => objectOf(shape, 'refused')
export const looseObject = <S extends Shape>(shape: S): Schema<Flat<ObjectOf<S> & { [key: string]: unknown }>> =>
  objectOf(shape, 'kept') as Schema<never>
export const object = <S extends Shape>(shape: S): Schema<ObjectOf<S>> => objectOf(shape, 'dropped')

/**
 * The first of several types that fits. If none does, the one that got furthest into the value, and of those the one
 * that knows most of its keys, is what the writer meant; no type of another kind than the value is meant.
 */
export function union<const S extends readonly Schema<unknown>[]>(types: S): Schema<TypeOf<S[number]>> {
  const read = (value: unknown) => {
    const mismatches: Mismatch[] = []
    for (const type of types) {
      const result = type.safeParse(value)
      if (result.success) return result.data as TypeOf<S[number]>
      mismatches.push(result.mismatch)
    }
    const inside = mismatches.filter(({ problem, path }) => problem.code !== 'type' || path.length > 0)
    const furthest = inside.sort((a, b) => b.path.length - a.path.length || strangers(a) - strangers(b))[0]
    throw furthest ?? new Mismatch({ code: 'none', problems: mismatches.map(({ problem }) => problem) }, value)
  }
  return new Schema(read, { json: { anyOf: types.map(({ json }) => json) } })
}

function strangers({ problem, beside }: Mismatch): number {
  return (problem.code === 'keys' ? problem : beside)?.unknown.length ?? 0
}

/** Objects that a key tells apart. */
export function discriminatedUnion<const S extends readonly Schema<unknown>[]>(
  key: string,
  types: S,
): Schema<TypeOf<S[number]>> {
  const known = types.flatMap(({ shape }) => Object.keys(shape!))
  const byValue = new Map(types.flatMap((type) => type.shape![key]!.choices!.map((choice) => [choice, type] as const)))
  const read = (value: unknown) => {
    if (!isObject(value)) refuse('object', value)
    const type = byValue.get(value[key])
    if (type) return type.parse(value) as TypeOf<S[number]>
    const unknown = Object.keys(value).filter((name) => !known.includes(name))
    const beside = key in value ? undefined : { unknown, known }
    throw new Mismatch({ code: 'value', choices: [...byValue.keys()] }, value[key], beside).within(key)
  }
  return new Schema(read, { json: { oneOf: types.map(({ json }) => json) } })
}

/**
 * Bad input, said in one line: what, where, what was expected, what came, and the remedy where there is one. Everything
 * that reads a person's data (specs, options, batches, files) checks it once and throws this; code behind the check trusts.
 */
import type { z } from 'zod'

/** What the user gave is wrong (as opposed to a defect of ours or a failing machine). The command exits with 2 on it. */
export class InputError extends Error {
  override readonly name: string = 'InputError'
}

/** A value as an error message shows it: short, one line, strings quoted, numbers as JavaScript writes them. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value)
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value === 'function') return 'a function'
  if (ArrayBuffer.isView(value)) return value.constructor.name
  if (Array.isArray(value)) return value.length === 0 ? 'an empty array' : `an array of ${value.length}`
  if (value === null || typeof value !== 'object') return Object.is(value, -0) ? '-0' : String(value)
  const keys = Object.keys(value)
  return keys.length === 0 ? 'an empty object' : `an object with ${keys.slice(0, 4).join(', ')}`
}

/**
 * `value` through a zod schema; the first thing wrong becomes one line, `what: where: expected … but received …`.
 * @param what names the value for the reader, e.g. `model spec`
 * @throws InputError
 */
export function checked<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  throw new InputError(`${what}: ${explain(result.error.issues[0] as Issue, value)}`)
}

type Issue = z.core.$ZodIssue

function explain(issue: Issue, root: unknown): string {
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    const branch = closest(issue.errors as Issue[][])
    if (branch) return explain({ ...branch, path: [...issue.path, ...branch.path] } as Issue, root)
  }
  const where = issue.path.length > 0 ? `${issue.path.join('.')}: ` : ''
  if (issue.code === 'custom') return `${where}${issue.message}`
  if (issue.code === 'unrecognized_keys') {
    const unknown = issue.keys.map((key) => JSON.stringify(key)).join(', ')
    return `${where}unknown ${issue.keys.length > 1 ? 'keys' : 'key'} ${unknown}: remove ${issue.keys.length > 1 ? 'them or correct their' : 'it or correct its'} spelling`
  }
  return `${where}expected ${expectation(issue)} but received ${received(issue, root)}`
}

/** Of the branches of a union, the one that got furthest into the value: it is what the writer meant. None: no type fits. */
function closest(branches: Issue[][]): Issue | undefined {
  const misfit = (branch: Issue[]) => branch[0]!.code === 'invalid_type' && branch[0]!.path.length === 0
  const inside = branches.filter((branch) => !misfit(branch))
  return inside.sort((a, b) => b[0]!.path.length - a[0]!.path.length)[0]?.[0]
}

function expectation(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_value':
      return oneOf(issue.values)
    case 'invalid_union': {
      const options = 'options' in issue ? issue.options : undefined // of a discriminated union
      return options ? oneOf(options) : (issue.errors as Issue[][]).map(([first]) => expectation(first!)).join(' or ')
    }
    case 'too_small':
      return `${thing(issue.origin)} ${issue.inclusive ? '>=' : '>'} ${issue.minimum}`
    case 'too_big':
      return `${thing(issue.origin)} ${issue.inclusive ? '<=' : '<'} ${issue.maximum}`
    case 'invalid_type':
      return issue.expected === 'int' ? 'a whole number' : article(issue.expected)
    default:
      return issue.message
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
  return /^[aeiou]/.test(noun) ? `an ${noun}` : `a ${noun}`
}

function received(issue: Issue, root: unknown): string {
  let value = root
  for (const key of issue.path) value = (value as Record<PropertyKey, unknown> | null | undefined)?.[key]
  return value === undefined ? 'nothing' : shown(value)
}

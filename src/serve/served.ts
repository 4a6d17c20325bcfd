/** A run as a service has it: what can be asked of it, each question with the schemas of its body and its answer. */
import { z } from 'zod'
import { checked } from '../error.ts'
import { grouped } from '../numbers.ts'
import type { Work } from './queue.ts'
import { Refusal } from './refusal.ts'

/** A question that needs no session. */
export interface Call {
  readonly summary: string
  readonly request: z.ZodType
  readonly answer: z.ZodType
  /** @throws InputError for a body that is none of `request` */
  run(body: unknown, work: Work): Answer | Promise<Answer>
}

/** What is sent back: an object that is written as JSON, and how many rows or steps were read for it. */
export interface Answer {
  readonly body: object
  readonly steps: number
}

/** A stream of one client. */
export interface Session {
  /** Rows that it keeps in memory. */
  readonly kept: number
  /**
   * Takes rows. A row that is refused changes nothing, and those before it are taken where the message says so.
   * @throws InputError for a body that is none of `request`
   */
  take(body: unknown, work: Work): Answer | Promise<Answer>
  /** What a new session can go on from, as JSON; undefined where there is no such thing. */
  state(): object | undefined
}

/** How sessions are opened. */
export interface Sessions {
  readonly summary: string
  /** Of the body that opens one. */
  readonly opening: z.ZodType
  readonly request: z.ZodType
  readonly answer: z.ZodType
  /** @throws InputError for a body that is none of `opening` */
  open(body: unknown): Session
}

/** A run that is served. */
export interface Served {
  /** forecast, label, next; adding, mnist, words, phones; model. */
  readonly kind: string
  /** What `GET /v1/runs/NAME` says of it. */
  readonly about: object
  /** By the last part of their path. */
  readonly calls: Readonly<Record<string, Call>>
  /** Or why there are none, for a message. */
  readonly sessions: Sessions | string
  /** Gives its memory back. */
  dispose(): void
}

/** A number that float32 holds. */
export const float: z.ZodNumber = z.number().min(-3.4028234663852886e38).max(3.4028234663852886e38)

const isFloat = (value: unknown): boolean => typeof value === 'number' && Math.abs(value) <= 3.4028234663852886e38

interface ListBounds {
  /** Default 1. */
  readonly min?: number | undefined
  readonly max?: number | undefined
}

/**
 * An array whose check ends with the first element that is wrong: zod's own makes a report of each, a million for a
 * hostile body.
 */
export function listOf<T>(element: z.ZodType<T>, { min = 1, max = Number.POSITIVE_INFINITY }: ListBounds = {}) {
  const { $schema: _, ...items } = z.toJSONSchema(element, { io: 'input', target: 'draft-2020-12' })
  const bounds = { minItems: min, ...(Number.isFinite(max) && { maxItems: max }) }
  const list = z.unknown().superRefine((value, context) => {
    const issue = issueOf(value, min, max)
    if (issue !== null) return context.addIssue({ ...issue, input: value } as never)
    const values = value as unknown[]
    for (let i = 0; i < values.length; i++) {
      if (element === (float as z.ZodType) && isFloat(values[i])) continue
      const [first] = element.safeParse(values[i]).error?.issues ?? []
      if (first === undefined) continue
      return context.addIssue({ ...first, path: [i, ...first.path] } as never)
    }
  })
  return list.meta({ type: 'array', items, ...bounds }) as unknown as z.ZodType<T[]>
}

function issueOf(value: unknown, min: number, max: number): object | null {
  if (!Array.isArray(value)) return { code: 'invalid_type', expected: 'array' }
  const bound = { origin: 'array', inclusive: true }
  if (value.length < min) return { code: 'too_small', minimum: min, ...bound }
  return value.length > max ? { code: 'too_big', maximum: max, ...bound } : null
}

/** A body as its schema says it. @throws InputError, `body: where: expected … but received …` */
export function bodyOf<T>(schema: z.ZodType<T>, body: unknown): T {
  return checked(schema, body, 'body')
}

/** Numbers of an answer at most: 20 MB of JSON. */
const MOST_NUMBERS = 1_000_000

/** @throws Refusal if an answer of so many rows, each of `width` numbers, would be too long */
export function refuseLong(rows: number, width: number): void {
  if (rows * width <= MOST_NUMBERS) return
  throw new Refusal(
    413,
    `body: expected an answer of at most ${grouped(MOST_NUMBERS)} numbers but ${grouped(rows)} rows of ` +
      `${grouped(width)} are more: send fewer rows`,
  )
}

/** @throws Refusal if there are more rows than a request may have */
export function refuseMany(rows: number, most: number): void {
  if (rows <= most) return
  throw new Refusal(
    413,
    `body: expected at most ${grouped(most)} rows but received ${grouped(rows)}: send them in parts`,
  )
}

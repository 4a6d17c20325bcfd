/** A run as a service has it: what can be asked of it, each question with the schemas of its body and its answer. */

import { checked } from '../error.ts'
import { grouped } from '../numbers.ts'
import * as z from '../schema.ts'
import type { Work } from './queue.ts'
import { Refusal } from './refusal.ts'

/** A question that needs no session. */
export interface Call {
  readonly summary: string
  readonly request: z.Schema<unknown>
  readonly answer: z.Schema<unknown>
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
  readonly opening: z.Schema<unknown>
  readonly request: z.Schema<unknown>
  readonly answer: z.Schema<unknown>
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
export const float: z.Schema<number> = z.number().min(-3.4028234663852886e38).max(3.4028234663852886e38)

interface ListBounds {
  /** Default 1. */
  readonly min?: number | undefined
  readonly max?: number | undefined
}

/** An array of so many elements. */
export function listOf<T>(element: z.Schema<T>, { min = 1, max }: ListBounds = {}): z.Schema<T[]> {
  const list = z.array(element).min(min)
  return max === undefined ? list : list.max(max)
}

/** A body as its schema says it. @throws InputError, `body: where: expected … but received …` */
export function bodyOf<T>(schema: z.Schema<T>, body: unknown): T {
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

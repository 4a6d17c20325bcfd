/** What a request may say after its question mark: each name once, each number within its limits. */
import { shown } from '../error.ts'
import { Refusal } from '../serve/refusal.ts'
import type { View } from './buckets.ts'
import type { WatchedRun } from './run.ts'
import type { Shelf } from './shelf.ts'

export interface Query {
  whole(name: string, least: number, most: number, otherwise?: number): number
  number(name: string): number
  word<const W extends string>(name: string, words: readonly W[]): W
  /** Names of columns with commas between. */
  keys(name: string): readonly string[]
}

const MOST_KEYS = 32
const MOST_RUNS = 100
const MOST_BUCKETS = 4000

/** @throws Refusal for a name that is none of `known`, or stands twice */
export function queryOf(url: string, known: readonly string[]): Query {
  const at = url.indexOf('?')
  const given = new URLSearchParams(at < 0 ? '' : url.slice(at + 1))
  for (const name of given.keys()) {
    if (!known.includes(name)) refuse(name, `one of ${known.join(', ')}`, name)
    if (given.getAll(name).length > 1) refuse(name, 'it once', 'it twice')
  }
  const number = (name: string) => {
    const text = given.get(name) ?? ''
    const value = text.trim() === '' ? Number.NaN : Number(text)
    if (!Number.isFinite(value)) refuse(name, 'a number', given.get(name))
    return value
  }
  return {
    whole(name, least, most, otherwise) {
      if (otherwise !== undefined && !given.has(name)) return otherwise
      const value = number(name)
      if (!Number.isSafeInteger(value) || value < least || value > most) {
        refuse(name, `a whole number from ${least} to ${most}`, value)
      }
      return value
    },
    number,
    word(name, words) {
      const value = words.find((word) => word === given.get(name))
      return value ?? refuse(name, `one of ${words.join(', ')}`, given.get(name))
    },
    keys(name) {
      const all = (given.get(name) ?? '').split(',').filter((key) => key !== '')
      const fine = all.length <= MOST_KEYS && all.every((key) => /^\w{1,256}$/.test(key))
      return fine ? all : refuse(name, `at most ${MOST_KEYS} names of columns with commas between`, given.get(name))
    },
  }
}

function refuse(name: string, expected: string, received: unknown): never {
  const came = received === null || received === undefined ? 'nothing' : shown(received)
  throw new Refusal(400, `${shown(name)}: expected ${expected} but received ${came}`)
}

/** @throws Refusal 404 unless there is a run of that number */
export function runOf(shelf: Shelf, query: Query, name = 'id'): WatchedRun {
  const id = query.whole(name, 1, Number.MAX_SAFE_INTEGER)
  const run = shelf.get(id)
  if (!run) throw new Refusal(404, `${name}: there is no run ${id}: its folder may have been removed`)
  return run
}

/** Runs by their numbers, without those that are gone. */
export function runsOf(shelf: Shelf, query: Query): WatchedRun[] {
  const ids = query.keys('runs').map(Number)
  if (ids.length > MOST_RUNS || ids.some((id) => !Number.isSafeInteger(id))) {
    refuse('runs', `at most ${MOST_RUNS} numbers of runs with commas between`, ids.length)
  }
  return [...new Set(ids)].flatMap((id) => shelf.get(id) ?? [])
}

export const VIEW_NAMES = ['x', 'from', 'to', 'n', 'scale'] as const

export function viewOf(query: Query): View {
  const [from, to] = [query.number('from'), query.number('to')]
  const log = query.word('scale', ['linear', 'log']) === 'log'
  if (!(to > from) || (log && !(from > 0)))
    refuse('to', log ? 'more than from, which is above 0' : 'more than from', to)
  return { x: query.word('x', ['iteration', 'seconds']), from, to, n: query.whole('n', 1, MOST_BUCKETS), log }
}

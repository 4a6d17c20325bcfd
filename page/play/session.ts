/** What a page keeps of its training in the browser, so that it goes on where it was when the page is loaded again. */
import type { Kept } from './engine/protocol.ts'
import { History } from './history.ts'

/** Of one network. */
export interface KeptSide {
  readonly training: Kept
  readonly history: History
  readonly scores: readonly (readonly [iteration: number, score: number])[]
  /** Whether the rate or the clip was changed on the way. */
  readonly changed: boolean
}

/** null: there is no such network. */
export type KeptSides = Readonly<Record<'left' | 'right', KeptSide | null>>

const FORMAT = 1
const [DATABASE, STORE, KEY] = ['irnn-play', 'sessions', 'last']

/** Work on the one store there is. @throws Error, or whatever the browser throws, where it keeps nothing */
async function inStore<T>(mode: IDBTransactionMode, work: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const done = <R>(request: IDBRequest<R>) =>
    new Promise<R>((resolve, reject) => {
      request.onsuccess = () => resolve(request.result)
      request.onerror = () => reject(request.error)
    })
  const opening = indexedDB.open(DATABASE, FORMAT)
  opening.onupgradeneeded = () => opening.result.createObjectStore(STORE)
  const database = await done(opening)
  try {
    return await done(work(database.transaction(STORE, mode).objectStore(STORE)))
  } finally {
    database.close()
  }
}

/** @param address of the settings, by which the training is found again */
export async function keep(address: string, sides: KeptSides): Promise<void> {
  await inStore('readwrite', (store) => store.put({ format: FORMAT, address, sides }, KEY))
}

export async function forget(): Promise<void> {
  await inStore('readwrite', (store) => store.delete(KEY))
}

/**
 * What was kept of a training under these settings; null: nothing, or of another training.
 * @throws Error of one line where it is damaged
 */
export async function kept(address: string): Promise<KeptSides | null> {
  const record = await inStore('readonly', (store) => store.get(KEY) as IDBRequest<unknown>)
  return record === undefined ? null : sessionOf(record, address)
}

/** @throws Error of one line unless it is what `keep` writes */
export function sessionOf(record: unknown, address: string): KeptSides | null {
  const session = objectOf('session', record)
  if (session.format !== FORMAT || typeof session.address !== 'string') throw wrong('session', 'its format is another')
  if (session.address !== address) return null
  const sides = objectOf('networks', session.sides)
  const [left, right] = [sideOf('left', sides.left), sideOf('right', sides.right)]
  if (left === null) throw wrong('left', 'it is missing')
  return { left, right }
}

function sideOf(name: string, value: unknown): KeptSide | null {
  if (value === null) return null
  const side = objectOf(name, value)
  const { scores } = side
  // After an explosion a score may be NaN or Infinity.
  const isScore = (one: unknown) => Array.isArray(one) && one.length === 2 && one.every((n) => typeof n === 'number')
  if (!Array.isArray(scores) || !scores.every(isScore)) {
    throw wrong(name, 'its scores are no numbers')
  }
  const history = History.from(objectOf(name, side.history))
  if (history === null) throw wrong(name, 'its losses are no numbers')
  // Weights and the optimiser are checked where they are used.
  const training = objectOf(name, side.training) as unknown as Kept
  return { training, history, scores, changed: side.changed === true }
}

function objectOf(name: string, value: unknown): Record<string, unknown> {
  if (typeof value === 'object' && value !== null) return value as Record<string, unknown>
  throw wrong(name, 'it is no object')
}

const wrong = (name: string, what: string) => new Error(`${name}: ${what}`)

/** The list of runs, and the stream of changes: opened again where it broke, closed while nobody looks. */
import { batch, effect } from '@preact/signals'
import type { RunLine } from '../../src/figures/wire.ts'
import { ask, Refused } from '../shared/ask.ts'
import { setBusy } from './pace.ts'
import { connection, loaded, newest, notice, pinned, runs, shown, version } from './store.ts'

interface List {
  readonly instance: string
  readonly revision: number
  readonly version: string
  readonly ids: readonly number[]
  readonly runs: readonly RunLine[]
  readonly problems: readonly string[]
}

type Line =
  | { type: 'run'; run: RunLine }
  | { type: 'list'; revision: number }
  | { type: 'load'; busy: boolean }
  | { type: 'beat' }

const FIRST_PAUSE = 500
const LONGEST_PAUSE = 8000

let instance = ''
let revision = 0
let asking: Promise<void> | null = null

/** Asks for what has changed since the last time. */
async function readList(): Promise<void> {
  const list = (await (await ask('runs', { since: revision })).json()) as List
  if (list.instance !== instance && instance !== '') return beginAnew(list.instance)
  instance = list.instance
  revision = list.revision
  version.value = list.version
  const known = new Map(newest.value)
  const gone = shown.value.filter((id) => !list.ids.includes(id)).flatMap((id) => known.get(id)?.name ?? [])
  for (const run of list.runs) known.set(run.id, run)
  const there = new Set(list.ids)
  for (const id of known.keys()) if (!there.has(id)) known.delete(id)
  if (list.runs.length > 0 || known.size !== newest.value.size) show(known)
  if (gone.length > 0) forget(gone, there)
  if (list.problems.length > 0) notice.value = list.problems.join('; ')
  loaded.value = true
}

/** Runs of the charts that are no more there are left out, and the reader hears of it. */
function forget(names: readonly string[], there: ReadonlySet<number>): void {
  const [are, were] = names.length > 1 ? ['are', 'their folders were'] : ['is', 'its folder was']
  notice.value = `${names.join(', ')} ${are} gone: ${were} removed or renamed.`
  shown.value = shown.value.filter((id) => there.has(id))
  if (pinned.value !== null && !there.has(pinned.value)) pinned.value = null
}

/** Runs that come or go are in the list at once; what is new of the others comes with the next picture. */
function show(known: ReadonlyMap<number, RunLine>): void {
  const before = runs.value
  const isSame = known.size === before.size && [...known.keys()].every((id) => before.has(id))
  batch(() => {
    newest.value = known
    if (!isSame) runs.value = known
  })
}

/** Another process answers, whose numbers mean other runs: those shown are found again by their names. */
async function beginAnew(next: string): Promise<void> {
  const nameOf = (id: number | null) => (id === null ? undefined : runs.value.get(id)?.name)
  const [names, pin] = [shown.value.map(nameOf), nameOf(pinned.value)]
  instance = next
  revision = 0
  const list = (await (await ask('runs')).json()) as List
  revision = list.revision
  const ids = new Map(list.runs.map(({ id, name }) => [name, id]))
  const idOf = (name: string | undefined) => (name === undefined ? undefined : ids.get(name))
  batch(() => {
    newest.value = new Map(list.runs.map((run) => [run.id, run]))
    runs.value = newest.value
    shown.value = names.flatMap((name) => idOf(name) ?? [])
    pinned.value = idOf(pin) ?? null
  })
}

function refresh(): Promise<void> {
  asking ??= readList().finally(() => {
    asking = null
  })
  return asking
}

/** Keeps the page up to date until it is closed. */
export async function live(): Promise<void> {
  let pause = FIRST_PAUSE
  for (;;) {
    if (document.hidden) await visible()
    const began = performance.now()
    try {
      connection.value = 'connecting'
      await refresh()
      connection.value = 'live'
      if (notice.value === LOST) notice.value = ''
      await readStream()
    } catch (error) {
      const refused = error instanceof Refused
      if (!isAbort(error)) notice.value = refused ? error.message : LOST
      if (!isAbort(error)) connection.value = 'lost'
    }
    if (performance.now() - began > LONGEST_PAUSE || connection.value !== 'lost') pause = FIRST_PAUSE
    if (connection.value === 'lost') {
      pause = (await online(pause)) ? FIRST_PAUSE : Math.min(LONGEST_PAUSE, 2 * pause)
    }
  }
}

const LOST = 'The server does not answer. The page tries again and again; if you have ended it, start it once more.'

function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError'
}

/** Waits so many milliseconds, or until the network is back. Resolves to whether it is. */
async function online(pause: number): Promise<boolean> {
  const waited = new AbortController()
  const isBack = await new Promise<boolean>((resolve) => {
    setTimeout(() => resolve(false), pause)
    addEventListener('online', () => resolve(true), { signal: waited.signal })
  })
  waited.abort()
  return isBack
}

function visible(): Promise<void> {
  connection.value = 'asleep'
  return new Promise((resolve) => {
    const look = () => {
      if (document.hidden) return
      document.removeEventListener('visibilitychange', look)
      resolve()
    }
    document.addEventListener('visibilitychange', look)
  })
}

/** One stream, for the runs that are shown now; it ends when others are, or when the page is hidden. */
async function readStream(): Promise<void> {
  const ids = shown.value
  const end = new AbortController()
  const hide = () => document.hidden && end.abort()
  document.addEventListener('visibilitychange', hide)
  const stop = effect(() => {
    if (shown.value !== ids) end.abort()
  })
  try {
    const from = ids.map((id) => newest.value.get(id)?.offset ?? 0)
    const { body } = await ask('tail', { runs: ids.join(','), from: from.join(',') }, end.signal)
    const reader = body!.pipeThrough(new TextDecoderStream()).getReader()
    let rest = ''
    for (;;) {
      const { done, value } = await reader.read()
      if (done) throw new TypeError('the stream has ended')
      const lines = (rest + value).split('\n')
      rest = lines.pop()!
      take(lines.map((line) => JSON.parse(line) as Line))
    }
  } finally {
    stop()
    document.removeEventListener('visibilitychange', hide)
    end.abort()
  }
}

function take(lines: readonly Line[]): void {
  for (const line of lines) if (line.type === 'load') setBusy(line.busy)
  const changed = lines.flatMap((line) => (line.type === 'run' ? [line.run] : []))
  if (changed.length > 0) newest.value = new Map([...newest.value, ...changed.map((run) => [run.id, run] as const)])
  if (lines.some((line) => line.type === 'list' && line.revision !== revision)) refresh().catch(() => {})
}

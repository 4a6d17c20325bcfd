/** All runs of a dashboard. They get a number when they are found; a request names a run by its number alone. */
import { randomUUID } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import { setImmediate as turn } from 'node:timers/promises'
import { createFinder } from './finder.ts'
import { createRun, type WatchedRun } from './run.ts'

export interface Shelf {
  /** Unlike that of every other start: numbers and revisions are those of this one. */
  readonly instance: string
  /** Grows when any run changes, comes or goes. */
  readonly revision: number
  readonly problems: readonly string[]
  /** Runs whose lines are others since a revision, and the numbers of all that are there. */
  since(revision: number): Since
  get(id: number): WatchedRun | undefined
  /** Looks at all folders, unless it has done so within the last second. Resolves when it has. */
  look(): Promise<void>
  /** Looks at these runs now. Resolves to those that have changed. */
  lookAt(runs: readonly WatchedRun[]): Promise<readonly WatchedRun[]>
  /** Runs whose steps are in charts: the least recently wanted ones lose them where they are too many. */
  want(runs: readonly WatchedRun[]): void
}

export interface Since {
  readonly changed: readonly WatchedRun[]
  readonly ids: readonly number[]
  /** Whether any run has come or gone. */
  readonly others: boolean
}

const EVERY_MS = 1000
const SLICE_MS = 20
/** A run that is over is looked at every so many looks. */
const SELDOM = 10
/** Records of steps in memory, of all runs: a hundred bytes each. */
const MOST_ROWS = 3_000_000

interface Held {
  readonly run: WatchedRun
  /** The revision of the shelf at which its line became another. */
  changed: number
}

export function createShelf(roots: readonly string[]): Shelf {
  const finder = createFinder(roots)
  const numbers = new Map<string, number>()
  const held = new Map<number, Held>()
  const wanted = new Map<number, WatchedRun>() // the least recent first
  let revision = 0
  let members = 0 // the revision at which a run has come or gone
  let [looks, looked] = [0, Number.NEGATIVE_INFINITY]
  let looking: Promise<void> | null = null

  function find(): void {
    const before = new Set(held.keys())
    for (const { dir, name } of finder.look()) {
      const id = numbers.get(dir) ?? numbers.size + 1
      numbers.set(dir, id)
      before.delete(id)
      if (!held.has(id)) held.set(id, { run: createRun(id, dir, name), changed: 0 })
    }
    for (const id of before) {
      held.delete(id)
      wanted.delete(id)
      revision += 1
      members = revision
    }
  }
  async function lookAtAll(): Promise<void> {
    find()
    looks += 1
    let began = performance.now()
    for (const one of [...held.values()]) {
      const isOver = one.changed > 0 && one.run.line().state === 'ended'
      if (!isOver || (looks + one.run.id) % SELDOM === 0) await lookAtOne(one)
      if (performance.now() - began < SLICE_MS) continue
      await turn()
      began = performance.now()
    }
  }
  async function lookAtOne(one: Held): Promise<boolean> {
    if (!(await one.run.look())) return false
    revision += 1
    if (one.changed === 0) members = revision
    one.changed = revision
    return true
  }
  return {
    instance: randomUUID(),
    get revision() {
      return revision
    },
    get problems() {
      return finder.problems
    },
    since(before) {
      const changed = [...held.values()].flatMap((one) => (one.changed > before ? [one.run] : []))
      return { changed, ids: [...held.keys()], others: members > before }
    },
    get: (id) => held.get(id)?.run,
    async look() {
      if (looking === null && performance.now() - looked < EVERY_MS) return
      looking ??= lookAtAll().finally(() => {
        looked = performance.now()
        looking = null
      })
      await looking
    },
    async lookAt(runs) {
      const changed: WatchedRun[] = []
      for (const run of runs) {
        const one = held.get(run.id)
        if (one && (await lookAtOne(one))) changed.push(run)
      }
      return changed
    },
    want: (runs) => wantSteps(wanted, runs),
  }
}

/** @param wanted runs whose steps are in memory, the least recently wanted first */
function wantSteps(wanted: Map<number, WatchedRun>, runs: readonly WatchedRun[]): void {
  for (const run of runs) {
    wanted.delete(run.id)
    wanted.set(run.id, run)
    run.log.wantSteps(true)
  }
  let rows = [...wanted.values()].reduce((sum, { log }) => sum + log.stepCount, 0)
  for (const run of [...wanted.values()].slice(0, Math.max(0, wanted.size - runs.length))) {
    if (rows <= MOST_ROWS) break
    rows -= run.log.stepCount
    run.log.wantSteps(false)
    wanted.delete(run.id)
  }
}

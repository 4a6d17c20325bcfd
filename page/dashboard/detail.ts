/** What is asked of a run when it is shown: settings, alerts, methods of a fit. */
import { effect, signal } from '@preact/signals'
import type { Alert } from '../../src/figures/alerts.ts'
import { ask } from '../shared/ask.ts'
import { isSeldom } from './pace.ts'
import { detailRun, pinned, runs, shown, shownRuns } from './store.ts'

export interface Detail {
  readonly id: number
  readonly settings: readonly (readonly [string, string])[]
  readonly alerts: readonly Alert[]
  readonly events: readonly (Readonly<Record<string, unknown>> & { type: string; iteration: number })[]
  readonly probes: number
  readonly fit: {
    readonly methods: readonly (readonly string[])[]
    readonly winner: string
    readonly verdict: string
    readonly hasPicture: boolean
  } | null
}

export const details = signal<ReadonlyMap<number, Detail>>(new Map())

/** Milliseconds between two questions about one run; where training has all cores. */
const PAUSE = 2000
const LONG_PAUSE = 10_000

export function keepDetails(): void {
  const asked = new Map<number, { stamp: string; at: number }>()
  let timer = 0
  const look = async () => {
    clearTimeout(timer)
    let later = false
    const pin = detailRun.peek()
    const pause = isSeldom() ? LONG_PAUSE : PAUSE
    for (const { id, name, offset } of new Set([...shownRuns.peek(), ...(pin ? [pin] : [])])) {
      const before = asked.get(id)
      const stamp = `${offset} ${name}`
      if (before?.stamp === stamp) continue
      if (before && performance.now() - before.at < pause) later = true
      else {
        asked.set(id, { stamp, at: performance.now() })
        const answer = await ask('run', { id }).catch(() => asked.delete(id) && null)
        if (answer) details.value = new Map(details.value).set(id, (await answer.json()) as Detail)
      }
    }
    if (later) timer = window.setTimeout(look, pause)
  }
  effect(() => {
    void [shown.value, runs.value, pinned.value]
    void look()
  })
}

/** Settings that differ between the runs shown: name, and the value of each. */
export function differences(): { readonly key: string; readonly values: readonly string[] }[] {
  const all = shownRuns.value.map(({ id }) => new Map(details.value.get(id)?.settings))
  if (all.length < 2 || all.some(({ size }) => size === 0)) return []
  const keys = [...new Set(all.flatMap((one) => [...one.keys()]))]
  return keys
    .map((key) => ({ key, values: all.map((one) => one.get(key) ?? '–') }))
    .filter(({ key, values }) => !SAID.test(key) && values.some((value) => value !== values[0]))
}

/** What follows from other settings, or says where a run was made. */
const SAID = /^(title|machine\.|backend\.description)/
const MOST = 3

/** "vs. lr-1: seed 2, lr 0.01"; empty of the pinned run itself, or where nothing is known. */
export function differsFrom(id: number): string {
  const base = pinned.value
  if (base === null || base === id) return ''
  const [one, other] = [base, id].map((run) => new Map(details.value.get(run)?.settings))
  if (!one?.size || !other?.size) return ''
  const keys = [...new Set([...one.keys(), ...other.keys()])]
  const differing = keys.filter((key) => !SAID.test(key) && one.get(key) !== other.get(key))
  if (differing.length === 0) return 'settings as pinned'
  const said = differing.slice(0, MOST).map((key) => `${key.split('.').at(-1)} ${other.get(key) ?? '–'}`)
  return `${said.join(', ')}${differing.length > MOST ? ` and ${differing.length - MOST} more` : ''}`
}

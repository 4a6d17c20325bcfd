/** What is shown stands in the address, so that a link shows the same. Runs stand there by name: numbers change. */
import { batch, effect } from '@preact/signals'
import { axisX, filter, logX, ordered, pinned, runs, scaleY, shown, tablesOpen, tau, zoom } from './store.ts'

/** Runs drawn where the address names none: those that run, else the first ones. */
const FIRST_SHOWN = 4

function nameOf(id: number): string {
  return runs.value.get(id)?.name ?? ''
}

function addressOf(): string {
  const words = new URLSearchParams()
  const { from, to, follow } = zoom.value ?? { from: 0, to: 0, follow: false }
  for (const id of shown.value) words.append('run', nameOf(id))
  if (pinned.value !== null) words.set('pin', nameOf(pinned.value))
  if (axisX.value !== 'iteration') words.set('x', axisX.value)
  if (logX.value) words.set('log', 'x')
  if (scaleY.value !== 'auto') words.set('y', scaleY.value)
  if (tau.value > 0) words.set('smooth', String(tau.value))
  if (zoom.value)
    words.set('zoom', `${Number(from.toPrecision(8))},${Number(to.toPrecision(8))}${follow ? ',follow' : ''}`)
  if (tablesOpen.value) words.set('tables', 'open')
  if (filter.value !== '') words.set('filter', filter.value)
  return `#${words}`
}

function idOf(name: string | null): number | null {
  for (const run of runs.value.values()) if (run.name === name) return run.id
  return null
}

function read(hash: string): void {
  const words = new URLSearchParams(hash.slice(1))
  const named = words.getAll('run').flatMap((name) => idOf(name) ?? [])
  const running = ordered.value.filter(({ state }) => state === 'running').slice(0, FIRST_SHOWN)
  const first = running.length > 0 ? running : ordered.value.slice(0, FIRST_SHOWN)
  const number = (text: string | null | undefined) => {
    const value = Number(text || Number.NaN)
    return Number.isFinite(value) ? value : null
  }
  const [from, to, follow] = (words.get('zoom') ?? '').split(',')
  const ends = [number(from), number(to)] as const
  batch(() => {
    shown.value = words.has('run') ? named : first.map(({ id }) => id)
    pinned.value = idOf(words.get('pin'))
    axisX.value = words.get('x') === 'seconds' ? 'seconds' : 'iteration'
    logX.value = words.get('log') === 'x'
    scaleY.value = (['log', 'linear'] as const).find((one) => one === words.get('y')) ?? 'auto'
    tau.value = Math.max(0, number(words.get('smooth')) ?? 0)
    const whole = ends[0] !== null && ends[1] !== null && ends[1] > ends[0]
    zoom.value = whole ? { from: ends[0]!, to: ends[1]!, follow: follow === 'follow' } : null
    tablesOpen.value = words.get('tables') === 'open'
    filter.value = words.get('filter') ?? ''
  })
}

/** Takes up what the address says once the runs are known, and writes there what changes from then on. */
export function keepAddress(): void {
  let begun = false
  // Beside it, what the address says is news: it is heard of a moment after it is there, and runs may come meanwhile.
  let written = ''
  effect(() => {
    if (runs.value.size === 0) return
    if (!begun) {
      begun = true
      read(location.hash)
    }
    const address = addressOf()
    if (address === written) return
    written = address
    if (address !== location.hash) history.replaceState(null, '', address)
  })
  addEventListener('hashchange', () => read(location.hash))
}

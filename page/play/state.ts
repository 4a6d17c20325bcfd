/** What the playground shows, and what its controls do. */
import { effect, signal } from '@preact/signals'
import trainDigits from '../../build/digits.bin?url'
import { noWorkers } from './link.ts'
import { fromHash, LIVE, netOf, resets, type Settings, toHash } from './settings.ts'
import { Side } from './side.ts'

const first = fromHash(location.hash)
export const settings = signal<Settings>(first.settings)
/** What of the address could not be used. */
export const problems = signal<readonly string[]>(first.problems)
export const left = new Side('left')
export const right = new Side('right')
export const sides = [left, right] as const
/** Settings that would begin training anew, while the page asks. */
export const asked = signal<Settings | null>(null)
/** What stands in the way of all training; empty: nothing. */
export const obstacle = signal(noWorkers())
/** Why training rests although nobody paused it. */
export const resting = signal('')
/** Other words of the address: the digit that is read, and what teachers hide. */
export const others = signal<Readonly<Record<string, string>>>(Object.fromEntries(first.others))

/** Iterations from which on a page asks before it lets them go. */
const WORTH_ASKING = 100

let digits: Promise<Uint8Array> | null = null

async function loadDigits(): Promise<Uint8Array> {
  const response = await fetch(trainDigits)
  if (!response.ok) throw new Error(`the digits could not be loaded: the server answered ${response.status}`)
  return new Uint8Array(await response.arrayBuffer())
}

/** Makes the networks of the settings anew. */
export async function begin(): Promise<void> {
  if (obstacle.value) return
  const wanted = settings.value
  const nets = wanted.right === null ? 1 : 2
  let held: Uint8Array | null = null
  if (wanted.task === 'mnist') {
    for (const side of sides) side.start(null, nets, null)
    try {
      digits ??= loadDigits()
      held = await digits
    } catch (error) {
      digits = null // the next attempt loads them again
      left.net.value = netOf(wanted, 'left')
      left.status.value = 'failed'
      left.failure.value = (error as Error).message
      return
    }
    if (settings.value !== wanted) return
  }
  for (const side of sides) side.start(netOf(wanted, side.name), nets, held)
}

/** Takes up settings: at once where training goes on with them, after a question where much would be lost. */
export function choose(next: Settings): void {
  const before = settings.value
  if (!resets(before, next)) {
    settings.value = next
    if (LIVE.some((key) => before[key] !== next[key])) for (const side of sides) side.set(next)
    return
  }
  if (sides.some((side) => side.iteration.value >= WORTH_ASKING)) {
    pauseAll()
    asked.value = next
    return
  }
  settings.value = next
  void begin()
}

/** The answer to the question of `choose`. */
export function answer(yes: boolean): void {
  const next = asked.value
  asked.value = null
  if (!yes || next === null) {
    settings.value = { ...settings.value } // controls show what holds
    return
  }
  settings.value = next
  void begin()
}

export function runAll(): void {
  resting.value = ''
  for (const side of sides) side.run()
}

export function pauseAll(): void {
  for (const side of sides) side.pause()
}

export const isRunning = (): boolean => sides.some((side) => side.status.value === 'running')

function followVisibility(): void {
  if (document.hidden && isRunning()) {
    resting.value = 'Training rests while this tab is hidden.'
    pauseAll()
  } else if (!document.hidden && resting.value) runAll()
}

/** Ties the page to its address and its tab. */
export function attach(): void {
  effect(() => history.replaceState(null, '', toHash(settings.value, others.value)))
  addEventListener('hashchange', () => {
    const given = fromHash(location.hash)
    problems.value = given.problems
    others.value = Object.fromEntries(given.others)
    choose(given.settings)
  })
  document.addEventListener('visibilitychange', followVisibility)
  void begin()
}

/** What the playground shows, and what its controls do. */
import { effect, signal, untracked } from '@preact/signals'
import trainDigits from '../../build/digits.bin?url'
import { noWorkers } from './link.ts'
import { openLink } from './open.ts'
import { forget, type KeptSides, keep, kept } from './session.ts'
import { fromHash, LIVE, netOf, resets, type Settings, toHash } from './settings.ts'
import { Side } from './side.ts'

const first = fromHash(location.hash)
export const settings = signal<Settings>(first.settings)
/** What of the address could not be used. */
export const problems = signal<readonly string[]>(first.problems)
export const left = new Side('left', openLink)
export const right = new Side('right', openLink)
export const sides = [left, right] as const
/** Settings that would begin training anew, while the page asks. */
export const asked = signal<Settings | null>(null)
/** What stands in the way of all training; empty: nothing. */
export const obstacle = signal(noWorkers())
/** Why training rests although nobody paused it. */
export const resting = signal('')
/** What became of the training that the browser kept, or why it keeps none. */
export const keeping = signal('')
/** Other words of the address: the digit that is read, and what teachers hide. */
export const others = signal<Readonly<Record<string, string>>>(Object.fromEntries(first.others))

/** Networks in training are kept so often, and whenever they pause. */
const KEEP_MS = 5000
const ANSWER_MS = 3000
/** Iterations from which on a page asks before it lets them go. */
const WORTH_ASKING = 100

let digits: Promise<Uint8Array> | null = null

async function loadDigits(): Promise<Uint8Array> {
  const response = await fetch(trainDigits)
  if (!response.ok) throw new Error(`the digits could not be loaded: the server answered ${response.status}`)
  return new Uint8Array(await response.arrayBuffer())
}

/** How often networks were made. */
let begun = 0

/** Makes the networks of the settings: anew, or as they were kept. */
export async function begin(from: KeptSides | null = null): Promise<void> {
  begun += 1
  if (obstacle.value) return
  keeping.value = ''
  if (from === null && sides.some((side) => side.kept.value >= 0)) void forget().catch(() => {})
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
  for (const side of sides) side.start(netOf(wanted, side.name), nets, held, from?.[side.name])
}

/** Goes on with what the browser has kept of a training under these settings, if it has. */
async function takeUp(): Promise<void> {
  let from: KeptSides | null = null
  let said = ''
  const address = toHash(settings.value)
  const before = begun
  try {
    from = await Promise.race([kept(address), late()])
    if (begun !== before) return // other settings were chosen meanwhile, and their training has begun
    if (toHash(settings.value) !== address) from = null
    if (from) said = GOES_ON
  } catch (error) {
    if (begun !== before) return
    const { name, message } = error as Error
    said = name === 'Error' ? refusedFor(message) : NOT_KEPT
    void forget().catch(() => {})
  }
  await begin(from)
  if (begun !== before + 1) return
  keeping.value = said
}

/** A browser that does not answer keeps nothing. */
const late = () => new Promise<never>((_, reject) => setTimeout(() => reject(new TypeError('no answer')), ANSWER_MS))

const GOES_ON = 'Training goes on where it was when this page was left. “reset” begins anew.'
const HAD_ENDED = 'Training had ended when this page was left. “reset” begins anew.'

const NOT_KEPT = 'This browser keeps nothing for this page: loaded again, it begins anew.'
const refusedFor = (why: string) => `What was kept of the last visit cannot be used (${why}): training begins anew.`

let keepingNow = false
let keptLast = ''

/** Gives the browser what the networks go on from when the page is loaded again. */
async function keepAll(): Promise<void> {
  const address = toHash(settings.value)
  const wanted = [address, ...sides.map((side) => side.iteration.value)].join()
  if (keepingNow || wanted === keptLast || sides.every((side) => side.iteration.value === 0)) return
  keepingNow = true
  try {
    const given = await Promise.all(sides.map((side) => side.keep()))
    const [ofLeft, ofRight] = given
    // A network that no longer answers is not to be lost by what the other gives.
    const whole = sides.every((side, i) => given[i] || side.net.value === null || side.iteration.value === 0)
    if (ofLeft && whole && address === toHash(settings.value)) {
      await keep(address, { left: ofLeft, right: ofRight ?? null })
      left.kept.value = ofLeft.training.iteration
      right.kept.value = ofRight?.training.iteration ?? -1
    }
  } catch {
    keeping.value = NOT_KEPT
  } finally {
    keptLast = wanted
    keepingNow = false
  }
  if (!isRunning()) void keepAll() // one may have paused meanwhile
}

/** Takes up settings: at once where training goes on with them, after a question where much would be lost. */
export function choose(next: Settings): void {
  const before = settings.value
  if (!resets(before, next)) {
    settings.value = next
    if (LIVE.some((key) => before[key] !== next[key])) for (const side of sides) side.set(next)
    void keepAll()
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
  effect(() => {
    const refused = sides.find((side) => side.refused.value !== '')?.refused.value
    if (refused === undefined) return
    void untracked(() => begin())
    keeping.value = refusedFor(refused)
  })
  effect(() => {
    if (sides.some(({ status }) => status.value === 'paused' || status.value === 'ended')) void untracked(keepAll)
  })
  effect(() => {
    if (keeping.value !== GOES_ON) return
    const made = sides.filter((side) => side.net.value !== null)
    if (made.every((side) => side.hadEnded.value)) keeping.value = HAD_ENDED
  })
  setInterval(() => isRunning() && void keepAll(), KEEP_MS)
  void takeUp()
}

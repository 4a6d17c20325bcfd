/** A digit that is read: which one, by what network, how far it is. */
import { effect, signal } from '@preact/signals'
import shownDigits from '../../build/shown-digits.bin?url'
import type { Read, Report } from './engine/protocol.ts'
import type { Link } from './link.ts'
import { openLink } from './open.ts'
import readerModel from './reader.safetensors?url'
import { PIXELS } from './settings.ts'
import { obstacle, others } from './state.ts'

/** A file of weights that is larger is none that a page should hold. */
const MOST_BYTES = 64_000_000
/** Milliseconds in which a digit is read at the ordinary speed. */
const READING_MS = 5000

export interface Shown {
  readonly pixels: Uint8Array
  /** What it is; null: nobody has said. */
  readonly label: number | null
  readonly name: string
}

export const shown = signal<Shown | null>(null)
export const read = signal<Read | null>(null)
/** Pixels that are read so far. */
export const at = signal(0)
export const playing = signal(false)
export const speed = signal(1)
export const scale = signal<'unit' | 'raw'>('unit')
export const model = signal('')
export const failure = signal('')
/** How much the logit of a class after a step depends on each pixel before. */
export const connected = signal<{ readonly t: number; readonly k: number; readonly norms: Float64Array } | null>(null)
export const number = signal(Math.max(0, Math.trunc(Number(others.value.digit ?? 0)) || 0))

let link: Link | null = null
let begun = () => {}
/** Resolves when something is read, or cannot be: what else there is to load can wait for that. */
export const alive: Promise<void> = new Promise((resolve) => {
  begun = resolve
})
let digits: Uint8Array | null = null
let asked = 0
let wanted: { t: number; k: number } | null = null
let connecting = false

const bytesAt = async (address: string) => {
  const response = await fetch(address)
  if (!response.ok) throw new Error(`${address}: the server answered ${response.status}`)
  return new Uint8Array(await response.arrayBuffer())
}

function take(report: Report): void {
  if (report.type === 'read' || report.type === 'failed') begun()
  if (report.type === 'opened') {
    model.value = `${report.name}: ${report.what}`
    failure.value = ''
    again()
  } else if (report.type === 'read' && report.id === asked) {
    read.value = report.read
    connected.value = null
    at.value = 0
    play()
  } else if (report.type === 'connect') {
    connecting = false
    if (report.id === asked) connected.value = report
    next()
  } else if (report.type === 'failed') {
    connecting = false
    failure.value = report.message
  }
}

/** Loads the network and the digits, and reads the first. */
export async function openReading(): Promise<void> {
  if (obstacle.value) {
    begun()
    return
  }
  try {
    link = openLink(take, (message) => take({ type: 'failed', id: null, message }))
    const [file, images] = await Promise.all([bytesAt(readerModel), bytesAt(shownDigits)])
    digits = images
    link.send({ type: 'open', id: 0, model: file, name: 'trained on 55,000 digits, one pixel a step' })
    choose(number.value)
  } catch (error) {
    failure.value = `the digits could not be loaded: ${(error as Error).message}`
    begun()
  }
  effect(() => {
    number.value
    others.value = { ...others.peek(), digit: String(number.value) }
  })
}

export const count = (): number => (digits === null ? 1 : digits.length / (PIXELS + 1))

/** Reads one of the digits of the test set; a number beyond them goes round. */
export function choose(n: number): void {
  if (digits === null) return
  const N = count()
  const i = ((n % N) + N) % N
  number.value = i
  const pixels = digits.slice(i * PIXELS, (i + 1) * PIXELS)
  show({ pixels, label: digits[N * PIXELS + i]!, name: `test digit ${i}` })
}

export function show(digit: Shown): void {
  shown.value = digit
  if (model.value || link) again()
}

function again(): void {
  if (shown.value === null || link === null) return
  asked += 1
  link.send({ type: 'read', id: asked, pixels: shown.value.pixels, scale: scale.value })
}

export function chooseScale(next: 'unit' | 'raw'): void {
  scale.value = next
  again()
}

/** Takes a network from a file of the reader's own. It stays in this page. */
export async function openFile(file: File): Promise<void> {
  if (file.size > MOST_BYTES) {
    failure.value = `${file.name}: expected a model of at most 64 MB but it has ${Math.round(file.size / 1e6)} MB`
    return
  }
  link?.send({ type: 'open', id: 0, model: new Uint8Array(await file.arrayBuffer()), name: file.name.slice(0, 80) })
}

/** Asks on what the class that is ahead after step t depends; the last question is the one that is answered. */
export function connect(t: number, k: number): void {
  wanted = { t, k }
  next()
}

function next(): void {
  if (connecting || wanted === null || link === null) return
  const { t, k } = wanted
  wanted = null
  if (connected.value?.t === t && connected.value.k === k) return
  connecting = true
  link.send({ type: 'connect', id: asked, t, k })
}

/** The class with the largest share after so many pixels. */
export function ahead({ shares, K }: Read, t: number): { k: number; share: number } {
  let k = 0
  for (let i = 1; i < K; i++) if (shares[(t - 1) * K + i]! > shares[(t - 1) * K + k]!) k = i
  return { k, share: shares[(t - 1) * K + k]! }
}

let before = 0

/** Reads on from where it is, from the first pixel where it is at the end. */
export function play(): void {
  const T = read.value?.T
  if (T === undefined) return
  if (at.value >= T) at.value = 0
  if (matchMedia('(prefers-reduced-motion: reduce)').matches) {
    at.value = T
    connect(T - 1, ahead(read.value!, T).k)
    return
  }
  before = performance.now()
  if (playing.value) return
  playing.value = true
  requestAnimationFrame(frame)
}

export function rest(): void {
  playing.value = false
}

function frame(now: number): void {
  const T = read.value?.T
  if (!playing.value || T === undefined) return
  const steps = ((now - before) * speed.value * T) / READING_MS
  if (steps >= 1) {
    at.value = Math.min(T, at.value + Math.floor(steps))
    before = now
  }
  if (at.value < T) {
    requestAnimationFrame(frame)
    return
  }
  playing.value = false
  connect(T - 1, ahead(read.value!, T).k)
}

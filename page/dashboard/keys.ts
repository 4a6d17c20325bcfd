/** Keys of the whole page; those of a chart are its own. */
import {
  crosshair,
  crosshairFixed,
  current,
  helpOpen,
  listed,
  logX,
  panBy,
  type ScaleY,
  scaleY,
  tablesOpen,
  tau,
  togglePin,
  toggleRun,
  view,
  zoom,
  zoomBy,
} from './store.ts'

export const KEYS: readonly (readonly [string, string])[] = [
  ['/', 'filter the runs'],
  ['j, k', 'next and previous run'],
  ['Space', 'draw or hide the run'],
  ['p', 'pin the run: its details, and settings compared with it'],
  ['l', 'y axis: as usual, all logarithmic, all linear'],
  ['L', 'x axis: linear, logarithmic'],
  ['s', 'smooth more; at the most not at all'],
  ['0', 'all of the x axis, as a double click'],
  ['+, -', 'less or more of the x axis, around the crosshair'],
  ['[, ]', 'earlier, later: move the part in view; with the mouse, drag with Shift'],
  ['f', 'keep this width and follow the newest records'],
  ['t', 'the numbers as tables'],
  ['←, →, Home, End', 'in a chart: move the crosshair, with Shift by ten'],
  ['Enter, Esc', 'in a chart: fix the crosshair, leave it'],
  ['?', 'this help'],
]

const SCALES: readonly ScaleY[] = ['auto', 'log', 'linear']

export function nextScale(): void {
  scaleY.value = SCALES[(SCALES.indexOf(scaleY.value) + 1) % SCALES.length]!
}

export function toggleLogX(): void {
  logX.value = !logX.value
  zoom.value = null
}

/** A hundredth of the axis, a thirtieth, a tenth, none. */
export function nextTau(): void {
  const { from, to } = view.value
  const steps = [0, 0.01, 0.03, 0.1].map((share) => Number((share * (to - from)).toPrecision(1)))
  tau.value = steps.find((step) => step > tau.value) ?? 0
}

export function follow(): void {
  const { from, to } = view.value
  const whole = zoom.value === null
  zoom.value = { from: whole ? to - (to - from) / 4 : from, to, follow: true }
}

const ACTIONS: Readonly<Record<string, () => void>> = {
  '/': () => document.getElementById('filter')?.focus(),
  j: () => move(1),
  k: () => move(-1),
  ' ': () => withRun(toggleRun),
  p: () => withRun(togglePin),
  l: nextScale,
  L: toggleLogX,
  s: nextTau,
  '0': () => {
    zoom.value = null
  },
  '+': () => zoomBy(1 / 2),
  '-': () => zoomBy(2),
  '[': () => panBy(-1 / 4),
  ']': () => panBy(1 / 4),
  f: follow,
  t: () => {
    tablesOpen.value = !tablesOpen.value
  },
  '?': () => {
    helpOpen.value = !helpOpen.value
  },
  Escape: () => {
    helpOpen.value = false
    crosshairFixed.value = false
    crosshair.value = null
  },
}

function move(by: number): void {
  current.value = Math.max(0, Math.min(listed.value.length - 1, current.value + by))
}

function withRun(act: (id: number) => void): void {
  const run = listed.value[current.value]
  if (run) act(run.id)
}

/** Of controls their own keys come first: Space presses a button, letters are typed into a field. */
export function listenToKeys(): void {
  addEventListener('keydown', (event) => {
    const { target, key } = event
    if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented) return
    const inField = target instanceof HTMLInputElement && target.type !== 'checkbox'
    if (inField && key === 'Escape') target.blur()
    if (inField || target instanceof HTMLSelectElement) return
    const presses = target instanceof HTMLElement && target.matches('button, input, summary, a')
    if (key === ' ' && presses) return
    const act = ACTIONS[key]
    if (!act) return
    act()
    event.preventDefault()
  })
}

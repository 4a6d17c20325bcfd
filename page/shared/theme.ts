/** The colour scheme: that of the machine unless the reader has chosen one. */
import { signal } from '@preact/signals'

export type Theme = 'auto' | 'light' | 'dark'

const KEY = 'irnn-theme'
const THEMES: readonly Theme[] = ['auto', 'light', 'dark']
const root = document.documentElement

export const theme = signal<Theme>(stored())
/** Counts changes of any colour: what is drawn on a canvas is drawn again. */
export const colorsChanged = signal(0)

function stored(): Theme {
  try {
    return THEMES.find((one) => one === localStorage.getItem(KEY)) ?? 'auto'
  } catch {
    return 'auto' // a browser may refuse to store anything
  }
}

function apply(): void {
  if (theme.value === 'auto') delete root.dataset.theme
  else root.dataset.theme = theme.value
  colorsChanged.value += 1
}

export function chooseTheme(next: Theme): void {
  theme.value = next
  try {
    localStorage.setItem(KEY, next)
  } catch {} // it holds until the page is closed
  apply()
}

/** The one after it, for a button that goes through all. */
export function nextTheme(): Theme {
  return THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length]!
}

apply()
for (const query of ['(prefers-color-scheme: dark)', '(forced-colors: active)']) {
  matchMedia(query).addEventListener('change', apply)
}

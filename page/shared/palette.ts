/** Colours of theme.css as a canvas wants them. */
import { colorsChanged } from './theme.ts'

/** One of theme.css, without its dashes. */
export type ColorName = 'ground' | 'raised' | 'line' | 'edge' | 'ink' | 'soft' | 'bad' | 'neutral' | `c${number}`

const known = new Map<ColorName, string>()
let asOf = colorsChanged.peek()

/** As computed for now: "rgb(72, 77, 187)". Ask again when `colorsChanged` does. */
export function colorOf(name: ColorName): string {
  if (asOf !== colorsChanged.peek()) known.clear()
  asOf = colorsChanged.peek()
  let color = known.get(name)
  if (color === undefined) {
    const probe = document.createElement('span')
    probe.style.color = `var(--${name})`
    document.body.append(probe)
    color = getComputedStyle(probe).color
    probe.remove()
    known.set(name, color)
  }
  return color
}

/** A colour of `colorOf`, so opaque. */
export function faded(color: string, opacity: number): string {
  return color.replace(/^rgb\((.*)\)$/, `rgba($1, ${opacity})`)
}

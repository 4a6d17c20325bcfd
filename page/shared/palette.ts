/** Colours of theme.css as a canvas wants them. */

export const CURVES = 6
/** One of theme.css, without its dashes. */
export type ColorName = 'ground' | 'raised' | 'line' | 'edge' | 'ink' | 'soft' | 'bad' | 'neutral' | `c${number}`

/** As computed for now: "rgb(72, 77, 187)". Ask again when `colorsChanged` does. */
export function colorOf(name: ColorName): string {
  const probe = document.createElement('span')
  probe.style.color = `var(--${name})`
  document.body.append(probe)
  const { color } = getComputedStyle(probe)
  probe.remove()
  return color
}

/** A colour of `colorOf` so many times less opaque. */
export function faded(color: string, opacity: number): string {
  return color.replace(/^rgb\((.*)\)$/, `rgba($1, ${opacity})`)
}

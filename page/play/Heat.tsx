import { useEffect, useRef } from 'preact/hooks'
import { colorsChanged } from '../shared/theme.ts'
import type { Paint } from './colors.ts'

export interface HeatProps {
  /** What it shows, for who does not see it. */
  readonly label: string
  readonly rows: number
  readonly columns: number
  /** The number at a place. */
  value(row: number, column: number): number
  /** Made anew with each drawing: it may depend on the theme. */
  paint(): Paint
  /** Whatever it depends on: it is drawn again where one of these changes. */
  readonly given: readonly unknown[]
  readonly class?: string
}

/** A table of numbers as colours, a pixel each. */
export function Heat({ label, rows, columns, value, paint, given, class: kind = 'heat' }: HeatProps) {
  const canvas = useRef<HTMLCanvasElement>(null)
  const theme = colorsChanged.value
  useEffect(() => {
    const context = canvas.current?.getContext('2d')
    if (!context) return
    const image = context.createImageData(columns, rows)
    const color = paint()
    for (let row = 0, at = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++, at += 4) color(value(row, column), image.data, at)
    }
    context.putImageData(image, 0, 0)
  }, [rows, columns, theme, ...given])
  return <canvas ref={canvas} class={kind} width={columns} height={rows} role="img" aria-label={label} />
}

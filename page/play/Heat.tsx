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
  /** Columns before it are shown, the others are ground: where it alone changes, only those between are drawn. */
  readonly until?: number
  readonly class?: string
}

/** A table of numbers as colours, a pixel each. */
export function Heat(props: HeatProps) {
  const { label, rows, columns, value, paint, given, until = columns, class: kind = 'heat' } = props
  const canvas = useRef<HTMLCanvasElement>(null)
  const drawn = useRef(0)
  const theme = colorsChanged.value
  useEffect(() => {
    const context = canvas.current?.getContext('2d')
    if (!context) return
    context.clearRect(0, 0, columns, rows)
    drawn.current = 0
  }, [rows, columns, theme, ...given])
  // A strip of 100 rows and 784 columns takes milliseconds as a whole, which a sweep has not at each of its frames.
  useEffect(() => {
    const context = canvas.current?.getContext('2d')
    if (!context) return
    const [from, end] = [drawn.current, Math.min(columns, until)]
    drawn.current = end
    if (end < from) context.clearRect(end, 0, from - end, rows)
    if (end <= from) return
    const image = context.createImageData(end - from, rows)
    const color = paint()
    for (let row = 0, at = 0; row < rows; row++) {
      for (let column = from; column < end; column++, at += 4) color(value(row, column), image.data, at)
    }
    context.putImageData(image, from, 0)
  }, [rows, columns, theme, until, ...given])
  return <canvas ref={canvas} class={kind} width={columns} height={rows} role="img" aria-label={label} />
}

/** What is drawn over the lines of a chart: names at their ends, and what is special in them. */
import uPlot from 'uplot'
import { colorOf } from '../shared/palette.ts'
import { type Drawn, type Line, lastOf, resumesIn } from './charts.ts'

/** Pixels of the labels at the ends of lines. */
export const LABELS = 104
const MOST_LABELS = 6

export function colorFor({ slot }: Pick<Line, 'slot'>): string {
  return colorOf(`c${slot}`)
}

/** Where a number was not finite, the end of each line and its name; and the dot of a line that is one point. */
export function drawMarks(u: uPlot, drawn: Drawn, wide: boolean): void {
  const { ctx } = u
  const ratio = uPlot.pxRatio
  const place = (at: number, value: number): [number, number] => [
    u.valToPos(drawn.centres[at]!, 'x', true),
    u.valToPos(value, 'y', true),
  ]
  ctx.save()
  ctx.font = `${12 * ratio}px system-ui, sans-serif`
  ctx.textBaseline = 'middle'
  ctx.textAlign = 'left'
  const labels: Label[] = []
  for (const line of drawn.lines) {
    const color = colorFor(line)
    ctx.fillStyle = color
    if (!line.faint) for (const x of resumesIn(drawn, line.run)) dots(u, Math.round(u.valToPos(x, 'x', true)))
    for (const at of line.curve.bad) {
      const before = lastOf(line.curve.mean.slice(0, at + 1))
      const [x, y] = before
        ? place(at, before.value)
        : [u.valToPos(drawn.centres[at]!, 'x', true), u.bbox.top + 8 * ratio]
      triangle(ctx, x, y, 5 * ratio)
    }
    const last = lastOf(line.curve.mean)
    if (!last) continue
    const [x, y] = place(last.at, last.value)
    mark(ctx, x, y, 3.5 * ratio, line.slot)
    if (!line.faint) labels.push({ text: line.name, color, slot: line.slot, y })
  }
  if (wide && labels.length <= MOST_LABELS) drawLabels(u, labels, ratio)
  ctx.restore()
}

/** Where a run was taken up again: dots from the bottom to the top. */
function dots({ ctx, bbox }: uPlot, x: number): void {
  const ratio = uPlot.pxRatio
  for (let y = bbox.top; y < bbox.top + bbox.height; y += 6 * ratio) ctx.fillRect(x, y, ratio, 2 * ratio)
}

interface Label {
  readonly text: string
  readonly color: string
  readonly slot: number
  readonly y: number
}

/** Names in the colour of text, which all can read, after their marks. */
function drawLabels(u: uPlot, labels: readonly Label[], ratio: number): void {
  const { ctx, bbox } = u
  const left = bbox.left + bbox.width + 12 * ratio
  let least = Number.NEGATIVE_INFINITY
  for (const { text, color, slot, y } of [...labels].sort((a, b) => a.y - b.y)) {
    const at = Math.max(y, least)
    least = at + 13 * ratio
    ctx.fillStyle = color
    mark(ctx, left, at, 3.5 * ratio, slot)
    ctx.fillStyle = colorOf('ink')
    ctx.fillText(fitted(ctx, text, (LABELS - 24) * ratio), left + 8 * ratio, at)
  }
}

/** The end of a name, which tells runs apart. */
function fitted(ctx: CanvasRenderingContext2D, text: string, room: number): string {
  if (ctx.measureText(text).width <= room) return text
  let cut = text.slice(-60)
  while (cut.length > 1 && ctx.measureText(`…${cut}`).width > room) cut = cut.slice(1)
  return `…${cut}`
}

/** Six shapes beside six colours: disc, square, diamond, triangle, cross, ring. */
function mark(ctx: CanvasRenderingContext2D, x: number, y: number, r: number, slot: number): void {
  ctx.beginPath()
  if (slot === 1) ctx.rect(x - r, y - r, 2 * r, 2 * r)
  else if (slot === 2) polygon(ctx, x, y, [0, -r * 1.3, r * 1.3, 0, 0, r * 1.3, -r * 1.3, 0])
  else if (slot === 3) polygon(ctx, x, y, [0, -r * 1.2, r * 1.2, r, -r * 1.2, r])
  else if (slot === 4) {
    ctx.rect(x - r * 1.2, y - r / 3, 2.4 * r, (2 * r) / 3)
    ctx.rect(x - r / 3, y - r * 1.2, (2 * r) / 3, 2.4 * r)
  } else ctx.arc(x, y, r, 0, 2 * Math.PI)
  if (slot === 5) {
    ctx.strokeStyle = ctx.fillStyle
    ctx.lineWidth = r / 2
    ctx.stroke()
  } else ctx.fill()
}

function triangle(ctx: CanvasRenderingContext2D, x: number, y: number, r: number): void {
  ctx.beginPath()
  polygon(ctx, x, y, [-r, -r, r, -r, 0, r * 0.8])
  ctx.fill()
}

function polygon(ctx: CanvasRenderingContext2D, x: number, y: number, corners: readonly number[]): void {
  for (let i = 0; i < corners.length; i += 2) {
    if (i === 0) ctx.moveTo(x + corners[0]!, y + corners[1]!)
    else ctx.lineTo(x + corners[i]!, y + corners[i + 1]!)
  }
  ctx.closePath()
}

import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { digitFrom } from './digit.ts'
import { show } from './reading.ts'

const SIZE = 280
/** Of a pen that MNIST's digits might be drawn with: a fourteenth of the sheet. */
const PEN = 20

type Point = readonly [x: number, y: number]

/** A sheet to draw a digit on. What is drawn goes the way of MNIST's digits, and is read. */
export function Draw() {
  const canvas = useRef<HTMLCanvasElement>(null)
  const strokes = useSignal<readonly (readonly Point[])[]>([])
  const pen = useRef<Point[] | null>(null)
  const redraw = (all: readonly (readonly Point[])[]) => {
    const context = canvas.current!.getContext('2d', { willReadFrequently: true })!
    context.clearRect(0, 0, SIZE, SIZE)
    for (const stroke of all) line(context, stroke)
    return context
  }
  useEffect(() => void redraw(strokes.value), [])
  const finish = () => {
    if (pen.current === null) return
    strokes.value = [...strokes.value, pen.current]
    pen.current = null
    seen(redraw(strokes.value))
  }
  return (
    <div class="draw">
      <h3>draw one</h3>
      <canvas
        ref={canvas}
        width={SIZE}
        height={SIZE}
        role="img"
        aria-label="sheet to draw a digit on with a pointer; with keys, go through the test digits instead"
        onPointerDown={(event) => {
          if (event.button !== 0) return
          event.currentTarget.setPointerCapture(event.pointerId)
          pen.current = [pointOf(event)]
          redraw([...strokes.value, pen.current])
        }}
        onPointerMove={(event) => {
          if (pen.current === null) return
          const all = event.getCoalescedEvents?.() ?? []
          pen.current.push(...(all.length > 0 ? all : [event]).map((one) => pointOf(one, event.currentTarget)))
          redraw([...strokes.value, pen.current])
        }}
        onPointerUp={finish}
        onPointerCancel={finish}
      />
      <p>
        <button type="button" disabled={strokes.value.length === 0} onClick={() => undo()}>
          undo
        </button>{' '}
        <button
          type="button"
          disabled={strokes.value.length === 0}
          onClick={() => {
            strokes.value = []
            redraw([])
          }}
        >
          clear
        </button>
      </p>
    </div>
  )
  function undo(): void {
    strokes.value = strokes.value.slice(0, -1)
    seen(redraw(strokes.value))
  }
}

function pointOf(event: PointerEvent, canvas = event.currentTarget as HTMLElement): Point {
  const box = canvas.getBoundingClientRect()
  return [((event.clientX - box.left) / box.width) * SIZE, ((event.clientY - box.top) / box.height) * SIZE]
}

function line(context: CanvasRenderingContext2D, [first, ...rest]: readonly Point[]): void {
  context.lineWidth = PEN
  context.lineCap = 'round'
  context.lineJoin = 'round'
  context.strokeStyle = getComputedStyle(context.canvas).color
  context.beginPath()
  context.moveTo(...first!)
  for (const point of rest.length > 0 ? rest : [first!]) context.lineTo(...point)
  context.stroke()
}

/** What is drawn, as the network sees it. An empty sheet is nothing to read. */
function seen(context: CanvasRenderingContext2D): void {
  const { data } = context.getImageData(0, 0, SIZE, SIZE)
  const pixels = new Uint8Array(SIZE * SIZE)
  for (let i = 0; i < pixels.length; i++) pixels[i] = data[4 * i + 3]!
  const digit = digitFrom({ width: SIZE, height: SIZE, pixels })
  if (digit) show({ pixels: digit, label: null, name: 'your digit' })
}

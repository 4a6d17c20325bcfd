import { computed, type Signal, useComputed, useSignal } from '@preact/signals'
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks'
import type { Value } from '../../src/figures/curves.ts'
import { grouped } from '../../src/numbers.ts'
import { colorsChanged } from '../shared/theme.ts'
import { rowsAt } from './at.ts'
import {
  type ChartSpec,
  type Drawn,
  drawnOf,
  droppedIn,
  type Line,
  lastOf,
  reads,
  resumedIn,
  summaryOf,
} from './charts.ts'
import { savePng, saveSvg } from './export.ts'
import { frames } from './frames.ts'
import { createPlot, type Plot, shapeOf } from './plot.ts'
import { Swatch } from './Swatch.tsx'
import { axisX, chartWidth, crosshair, crosshairFixed, panBy, tablesOpen, view, zoom } from './store.ts'

/** A chart with its name, its buttons, the numbers at the crosshair and, behind a key, all numbers as a table. */
export function Chart({ spec }: { spec: ChartSpec }) {
  const place = useRef<HTMLElement>(null)
  const inView = useSignal(true)
  // What is out of view stays as it was until it comes into view; the reader's choices are seen to at once.
  const drawn = useComputed(() => drawnOf(spec, inView.value ? frames.value : frames.peek())).value
  useInView(place, inView, drawn !== null)
  if (!drawn) return null
  const id = `chart-${spec.id.replace(/\W+/g, '-')}`
  const notes = [droppedIn(drawn), resumedIn(drawn)].filter((note) => note !== '')
  return (
    <figure class="chart" aria-labelledby={id} ref={place}>
      <header>
        <h2 id={id}>
          {spec.title}
          {drawn.logY ? ', log' : ''}
        </h2>
        <button type="button" onClick={() => saveSvg(drawn)} aria-label={`save ${spec.title} as SVG`}>
          SVG
        </button>
        <button type="button" onClick={() => savePng(drawn)} aria-label={`save ${spec.title} as PNG`}>
          PNG
        </button>
      </header>
      <Canvas drawn={drawn} labelled={id} />
      <Readout drawn={drawn} />
      {notes.map((note) => (
        <p class="note" key={note}>
          {note}
        </p>
      ))}
      <p class="unseen" id={`${id}-summary`}>
        {summaryOf(drawn)}
      </p>
      {tablesOpen.value && <Numbers drawn={drawn} />}
    </figure>
  )
}

/** Keeps `inView`: whether an element is in view, or nearly; true while there is none. */
function useInView(place: { current: HTMLElement | null }, inView: Signal<boolean>, isThere: boolean): void {
  useEffect(() => {
    if (!place.current) return
    const look: IntersectionObserverCallback = (all) => {
      inView.value = all.at(-1)!.isIntersecting
    }
    const observer = new IntersectionObserver(look, { rootMargin: '100px' })
    observer.observe(place.current)
    return () => {
      observer.disconnect()
      inView.value = true
    }
  }, [isThere])
}

const looks = computed(() => colorsChanged.value)

function Canvas({ drawn, labelled }: { drawn: Drawn; labelled: string }) {
  const target = useRef<HTMLDivElement>(null)
  const plot = useRef<Plot | null>(null)
  const latest = useRef(drawn)
  const shape = `${shapeOf(drawn)} ${looks.value}`
  latest.current = drawn
  useLayoutEffect(() => {
    const element = target.current!
    const made = createPlot(element, latest.current, element.clientWidth, pointerEvents(latest))
    plot.current = made
    const canvas = element.querySelector('canvas')!
    canvas.setAttribute('role', 'img')
    canvas.setAttribute('aria-labelledby', labelled)
    canvas.setAttribute('aria-describedby', `${labelled}-summary`)
    const observer = new ResizeObserver(() => {
      if (element.clientWidth > 0) made.resize(element.clientWidth)
      chartWidth.value = made.plot.over.clientWidth || chartWidth.value
    })
    observer.observe(element)
    return () => {
      observer.disconnect()
      made.destroy()
    }
  }, [shape])
  // In the same frame as the text beside it.
  useLayoutEffect(() => plot.current?.update(drawn), [drawn])
  useCrosshair(plot, shape)
  return (
    <div
      class="canvas"
      ref={target}
      role="slider"
      tabIndex={0}
      aria-label="crosshair: arrow keys move it, Enter fixes it, Escape leaves"
      aria-valuenow={Math.round(crosshair.value?.x ?? drawn.view.from)}
      aria-valuemin={Math.round(drawn.view.from)}
      aria-valuemax={Math.round(drawn.view.to)}
      onKeyDown={(event) => moveByKey(event, latest.current)}
    />
  )
}

function useCrosshair(plot: { current: Plot | null }, shape: string): void {
  const x = crosshair.value?.x
  useEffect(() => {
    const u = plot.current?.plot
    if (!u) return
    const left = x === undefined ? -10 : u.valToPos(x, 'x')
    u.setCursor({ left, top: 10 }, false)
  }, [x, shape])
}

/** Half a bucket: the records that share a column of pixels. */
function reachAt({ centres }: Drawn, x: number): number {
  const at = nearest(centres, x)
  const [before, after] = [centres[at - 1] ?? centres[at]!, centres[at + 1] ?? centres[at]!]
  return Math.max((after - before) / 4, 1e-9)
}

function nearest(centres: readonly number[], x: number): number {
  let best = 0
  for (let i = 1; i < centres.length; i++) if (Math.abs(centres[i]! - x) < Math.abs(centres[best]! - x)) best = i
  return best
}

function showAt(drawn: Drawn, x: number): void {
  const { spec } = drawn
  crosshair.value = { x, reach: reachAt(drawn, x), key: spec.keys[0]!, of: spec.of }
}

function pointerEvents(latest: { current: Drawn }) {
  return {
    over(x: number | null) {
      if (crosshairFixed.value) return
      if (x === null) crosshair.value = null
      else showAt(latest.current, x)
    },
    select(from: number, to: number) {
      if (to > from) zoom.value = { from, to, follow: false }
    },
    reset() {
      zoom.value = null
    },
    grab(event: MouseEvent, width: number) {
      const start = view.value
      const move = ({ clientX }: MouseEvent) => panBy((event.clientX - clientX) / width, start)
      const end = () => {
        removeEventListener('mousemove', move)
        removeEventListener('mouseup', end)
      }
      addEventListener('mousemove', move)
      addEventListener('mouseup', end)
    },
  }
}

function moveByKey(event: KeyboardEvent, drawn: Drawn): void {
  const { centres } = drawn
  const at = crosshair.value ? nearest(centres, crosshair.value.x) : centres.length - 1
  const by = event.shiftKey ? 10 : 1
  const next = { ArrowLeft: at - by, ArrowRight: at + by, Home: 0, End: centres.length - 1 }[event.key]
  if (next !== undefined) showAt(drawn, centres[Math.max(0, Math.min(centres.length - 1, next))]!)
  else if (event.key === 'Enter') crosshairFixed.value = !crosshairFixed.value
  else if (event.key === 'Escape') {
    crosshairFixed.value = false
    crosshair.value = null
  } else return
  event.preventDefault()
  event.stopPropagation()
}

const MOST_READ = 6

/** The numbers at the crosshair as they were recorded; without one the last. */
function Readout({ drawn }: { drawn: Drawn }) {
  const { lines, spec, paper } = drawn
  return (
    <ul class="readout">
      {lines.slice(0, MOST_READ).map((line) => (
        <li key={`${line.run.id}${line.faint}`}>
          <Swatch slot={line.slot} dash={line.dash} /> {line.name} <b>{valueAt(line, spec)}</b>
        </li>
      ))}
      {lines.length > MOST_READ && <li>and {lines.length - MOST_READ} more</li>}
      {paper.map(({ name, values }) => (
        <li key={name} class="soft">
          <svg class="swatch" viewBox="0 0 24 12" aria-hidden="true">
            <line x1="0" y1="6" x2="24" y2="6" class="dash2" />
          </svg>{' '}
          {name} {paperAt(values, drawn)}
        </li>
      ))}
    </ul>
  )
}

/** Of a curve that was read off a figure: at the crosshair, else at the end of the axis. */
function paperAt(values: readonly Value[], { spec, centres }: Drawn): string {
  const at = crosshair.value ? values[nearest(centres, crosshair.value.x)] : lastOf(values)?.value
  return typeof at === 'number' ? reads(spec, at) : ''
}

function valueAt({ run, faint, curve }: Line, spec: ChartSpec): string {
  const row = rowsAt.value.get(run.id)?.[spec.of === 'steps' ? 'step' : 'eval']
  const key = spec.of === 'evals' && faint ? spec.keys[1]! : (spec.keys.find((name) => row?.[name] !== undefined) ?? '')
  const value = row?.[key]
  if (!crosshair.value || !row || value === undefined) {
    const last = lastOf(curve.mean)
    return last ? reads(spec, last.value) : 'not finite'
  }
  const [low, high] = [row[`${key}Min`], row[`${key}Max`]]
  const said = (one: number | string) => (typeof one === 'number' ? reads(spec, one) : one)
  const spread = low !== undefined && high !== undefined ? ` (${said(low)} to ${said(high)})` : ''
  const place = axisX.value === 'iteration' ? grouped(Number(row.iteration)) : `${Number(row.seconds).toFixed(1)} s`
  return `${said(value)}${spread} at ${place}`
}

const PAGE = 50

/** The numbers of a chart, so many at a time. */
function Numbers({ drawn }: { drawn: Drawn }) {
  const page = useSignal(0)
  const { lines, centres, spec } = drawn
  const used = centres.flatMap((x, at) => (lines.some(({ curve }) => curve.mean[at] !== undefined) ? [{ x, at }] : []))
  const pages = Math.max(1, Math.ceil(used.length / PAGE))
  const now = Math.min(page.value, pages - 1)
  return (
    <div class="numbers">
      <table>
        <caption>{spec.title}: means of the parts of the picture</caption>
        <thead>
          <tr>
            <th scope="col">{axisX.value}</th>
            {lines.map((line) => (
              <th scope="col" key={line.name}>
                {line.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {used.slice(now * PAGE, (now + 1) * PAGE).map(({ x, at }) => (
            <tr key={at}>
              <th scope="row">{grouped(x)}</th>
              {lines.map(({ name, curve }) => (
                <td key={name}>{cellOf(curve.mean[at], spec)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {pages > 1 && (
        <p>
          <button type="button" disabled={now === 0} onClick={() => (page.value = now - 1)}>
            before
          </button>{' '}
          {now + 1} of {pages}{' '}
          <button type="button" disabled={now === pages - 1} onClick={() => (page.value = now + 1)}>
            after
          </button>
        </p>
      )}
    </div>
  )
}

function cellOf(value: number | null | undefined, spec: ChartSpec): string {
  return value === undefined ? '' : value === null ? 'not finite' : reads(spec, value)
}

/** Charts as files: by the writer of all figures of irnn, which is loaded when it is asked for. */

import type { Value } from '../../src/figures/curves.ts'
import type { Figure } from '../../src/figures/figure.ts'
import { save } from '../shared/ask.ts'
import type { Drawn } from './charts.ts'
import { axisX } from './store.ts'

const SCALE = 2

function pointsOf(values: readonly Value[], centres: readonly number[]): (readonly [number, number])[] {
  return values.flatMap((value, i) => (value === undefined ? [] : [[centres[i]!, value ?? Number.NaN] as const]))
}

/** What is drawn, as a figure. */
export function figureOf({ spec, lines, centres, logY, view, paper }: Drawn): Figure {
  const drawn = lines.map(({ name, curve, faint, dash }) => ({
    name,
    points: pointsOf(curve.mean, centres),
    faint,
    dashed: dash > 0,
  }))
  const behind = paper.map(({ name, values }) => ({
    name,
    points: pointsOf(values, centres),
    dashed: true,
    color: '#808080',
  }))
  const bands = lines.map(({ curve }, of) => ({
    name: of === 0 ? 'least to most' : '',
    of,
    points: centres.flatMap((x, i) => {
      const [low, high] = [curve.low[i], curve.high[i]]
      if (low === undefined || high === undefined) return []
      return [[x, low ?? Number.NaN, high ?? Number.NaN] as const]
    }),
  }))
  return {
    title: spec.title,
    description: `${lines.length} runs over ${axisX.value}s.`,
    x: { title: axisX.value === 'iteration' ? 'iterations' : 'seconds', log: view.log, domain: [view.from, view.to] },
    y: { title: spec.title, log: logY },
    series: [...drawn, ...behind],
    ...(spec.band && { bands }),
  }
}

async function svgOf(drawn: Drawn): Promise<string> {
  const { svg } = await import('../../src/figures/figure.ts')
  return svg(figureOf(drawn))
}

export async function saveSvg(drawn: Drawn): Promise<void> {
  save(new Blob([await svgOf(drawn)], { type: 'image/svg+xml' }), `${nameOf(drawn)}.svg`)
}

/** The figure in twice as many pixels, for screens that have them. */
export async function savePng(drawn: Drawn): Promise<void> {
  const address = URL.createObjectURL(new Blob([await svgOf(drawn)], { type: 'image/svg+xml' }))
  const image = new Image()
  image.src = address
  await image.decode()
  const canvas = document.createElement('canvas')
  canvas.width = SCALE * image.naturalWidth
  canvas.height = SCALE * image.naturalHeight
  canvas.getContext('2d')!.drawImage(image, 0, 0, canvas.width, canvas.height)
  URL.revokeObjectURL(address)
  canvas.toBlob((blob) => blob && save(blob, `${nameOf(drawn)}.png`), 'image/png')
}

function nameOf({ spec }: Drawn): string {
  return `irnn-${spec.title.replace(/\W+/g, '-')}`
}

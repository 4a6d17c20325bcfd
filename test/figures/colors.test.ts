// Lines and text of figures stand out from their ground, in both schemes.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { COLORS, FIGURE_STYLE, GROUNDS, svg } from '../../src/figures/figure.ts'

/** Relative luminance (WCAG 2.2). */
function luminance(color: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const share = Number.parseInt(color.slice(at, at + 2), 16) / 255
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
  }) as [number, number, number]
  return 0.2126 * r + 0.7152 * g + 0.0722 * b
}

function contrast(a: string, b: string): number {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y) as [number, number]
  return (high + 0.05) / (low + 0.05)
}

test('every colour has a contrast of 3 with its ground, light and dark', () => {
  assert.ok(Math.abs(contrast('#000000', '#ffffff') - 21) < 1e-9)
  for (const [light, dark] of COLORS) {
    assert.ok(contrast(light, GROUNDS.light) >= 3, `${light} on light: ${contrast(light, GROUNDS.light)}`)
    assert.ok(contrast(dark, GROUNDS.dark) >= 4.5, `${dark} on dark: ${contrast(dark, GROUNDS.dark)}`)
  }
  const [, ink] = /text { fill: (#\w{6}) } .irnn-figure .ground/.exec(FIGURE_STYLE.split('@media')[1]!)!
  assert.ok(contrast(ink!, GROUNDS.dark) >= 7)
})

test('the colours that series get are those of which the dark scheme knows', () => {
  const series = Array.from({ length: 8 }, (_, i) => ({ name: `${i}`, points: [[0, i] as const, [1, i] as const] }))
  const references = [{ name: 'r', value: 1 }]
  const bands = [{ name: 'b', of: 0, points: [[0, 1, 2] as const, [1, 1, 2] as const] }]
  const text = svg({ title: 't', description: 'd', x: { title: 'x' }, y: { title: 'y' }, series, references, bands })
  const used = new Set([...text.split('</style>')[1]!.matchAll(/(?:stroke|fill)="(#\w+)"/g)].map(([, color]) => color!))
  assert.equal(used.size, 7)
  for (const color of used) {
    assert.ok(COLORS.has(color), color)
    assert.ok(FIGURE_STYLE.includes(`[stroke="${color}"] { stroke: ${COLORS.get(color)} }`), color)
  }
})

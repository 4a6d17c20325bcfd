/** The built pages: what they weigh, that their colours can be told apart, and that they make no markup of text. */
import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync, constants } from 'node:zlib'
import { builtSite } from '../support/shown.ts'

const PAGE = fileURLToPath(new URL('../../../page', import.meta.url))
const site = builtSite()

function packed(name: string): number {
  const params = { [constants.BROTLI_PARAM_QUALITY]: 9 }
  return brotliCompressSync(site.get(name)!.bytes, { params }).length
}

/** What a browser loads before it paints: the page, and the scripts and styles that it names. */
function firstPaint(page: string): number {
  const html = Buffer.from(site.get(page)!.bytes).toString()
  const names = [...html.matchAll(/(?:src|href)="\.\.(\/[^"]+)"/g)].map(([, name]) => name!)
  assert.ok(names.length >= 2)
  return [page, ...names].reduce((sum, name) => sum + packed(name), 0)
}

test('the dashboard paints first after at most 70 kB', () => {
  const bytes = firstPaint('/dashboard/')
  assert.ok(bytes <= 70_000, `${bytes} bytes in brotli`)
})

test('pages have no script or style between their tags, which the policy forbids', () => {
  for (const [name, { bytes, type }] of site) {
    if (!type.startsWith('text/html')) continue
    const html = Buffer.from(bytes).toString()
    assert.doesNotMatch(html, /<style|style=|<script(?![^>]* src=)|https?:/, name)
  }
})

test('no source makes markup or code of text', () => {
  const files = fs.readdirSync(PAGE, { recursive: true, encoding: 'utf8' }).filter((name) => /\.tsx?$/.test(name))
  assert.ok(files.length > 20)
  for (const name of files) {
    const text = fs.readFileSync(path.join(PAGE, name), 'utf8')
    const ways = /innerHTML|outerHTML|insertAdjacentHTML|document\.write|dangerouslySetInnerHTML|\beval\(|new Function/
    assert.doesNotMatch(text, ways, name)
  }
})

/** Linear red, green and blue of "#rrggbb". */
function linear(color: string): [number, number, number] {
  const at = (i: number) => {
    const value = Number.parseInt(color.slice(1 + 2 * i, 3 + 2 * i), 16) / 255
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
  }
  return [at(0), at(1), at(2)]
}

type Matrix = readonly (readonly [number, number, number])[]
const times = (matrix: Matrix, [a, b, c]: readonly [number, number, number]) =>
  matrix.map(([x, y, z]) => x * a + y * b + z * c) as [number, number, number]

/** Machado, Oliveira & Fernandes 2009, severity 1. */
const VISIONS: Readonly<Record<string, Matrix>> = {
  usual: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  protanopia: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deuteranopia: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  tritanopia: [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
}

/** OKLab (Ottosson 2020). */
function oklab(color: readonly [number, number, number]): [number, number, number] {
  const cone = times(
    [
      [0.4122214708, 0.5363325363, 0.0514459929],
      [0.2119034982, 0.6806995451, 0.1073969566],
      [0.0883024619, 0.2817188376, 0.6299787005],
    ],
    color,
  )
  const roots = cone.map((value) => Math.cbrt(Math.max(0, value))) as [number, number, number]
  return times(
    [
      [0.2104542553, 0.793617785, -0.0040720468],
      [1.9779984951, -2.428592205, 0.4505937099],
      [0.0259040371, 0.7827717662, -0.808675766],
    ],
    roots,
  )
}

const luminance = (color: string) => times([[0.2126, 0.7152, 0.0722]], linear(color))[0]

function contrast(a: string, b: string): number {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y)
  return (high! + 0.05) / (low! + 0.05)
}

for (const [i, ground] of ['light', 'dark'].entries()) {
  const css = fs.readFileSync(path.join(PAGE, 'shared', 'theme.css'), 'utf8')
  const colorOf = (name: string) =>
    new RegExp(`--${name}: light-dark\\((#\\w{6}), (#\\w{6})\\)`).exec(css)![1 + i]!.toLowerCase()
  const curves = [0, 1, 2, 3, 4, 5].map((slot) => colorOf(`c${slot}`))

  test(`on ${ground} ground curves have a contrast of 3, text one of 4.5`, () => {
    for (const color of [...curves, colorOf('neutral')]) assert.ok(contrast(color, colorOf('ground')) >= 3, color)
    for (const name of ['ink', 'soft', 'bad', 'good']) {
      for (const under of ['ground', 'raised']) assert.ok(contrast(colorOf(name), colorOf(under)) >= 4.5, name)
    }
  })

  test(`on ${ground} ground readers of every kind of colour vision can tell six curves apart`, () => {
    for (const [vision, matrix] of Object.entries(VISIONS)) {
      const seen = curves.map((color) => oklab(times(matrix, linear(color))))
      for (const [a, one] of seen.entries()) {
        for (const other of seen.slice(a + 1)) {
          const far = 100 * Math.hypot(...one.map((value, k) => value - other[k]!))
          assert.ok(far >= 13, `${vision}: ${curves[a]} is ${far.toFixed(1)} from another`)
        }
      }
    }
  })
}

/**
 * The curves of the paper's Figures 2 and 3, digitised from its vector graphics: paper-curves.csv, one point a line.
 * Test mean squared error for adding-*, test accuracy in percent for *-mnist.
 */
import { readFileSync } from 'node:fs'
import type { Curve } from './experiment.ts'

const FILE = new URL('../../experiments/paper-curves.csv', import.meta.url)
const HEADER = 'figure,cell,iteration,value'

/** Curves by `figure,cell`. @throws Error naming the line that is no point */
export function parseCurves(text: string): ReadonlyMap<string, Curve> {
  const [header, ...lines] = text.trimEnd().split(/\r?\n/)
  if (header !== HEADER) throw new Error(`paper curves: expected the header ${HEADER} but received ${header}`)
  const curves = new Map<string, [number, number][]>()
  for (const [i, line] of lines.entries()) {
    const [figure, cell, ...numbers] = line.split(',')
    const [iteration, value] = numbers.map((word) => (word.trim() === '' ? Number.NaN : Number(word)))
    if (numbers.length !== 2 || !Number.isFinite(iteration) || !Number.isFinite(value)) {
      throw new Error(`paper curves: line ${i + 2}: expected ${HEADER} but received ${line}`)
    }
    const key = `${figure},${cell}`
    if (!curves.has(key)) curves.set(key, [])
    curves.get(key)!.push([iteration!, value!])
  }
  return curves
}

let curves: ReadonlyMap<string, Curve> | undefined

/** A curve of the paper. @throws Error when there is none of that name */
export function paperCurve(figure: string, cell: string): Curve {
  curves ??= parseCurves(readFileSync(FILE, 'utf8'))
  const curve = curves.get(`${figure},${cell}`)
  if (!curve) throw new Error(`paper curves: none for ${figure}, ${cell}`)
  return curve
}

/**
 * Writes the list of bars in bench/README.md from the committed results: `node dist/bench/data/bars.js`. A test holds
 * the page against them.
 */
import * as fs from 'node:fs'
import { fileURLToPath } from 'node:url'
import { writeAtomic } from '../../src/disk.node.ts'
import {
  type Answer,
  forecastVerdicts,
  labelVerdicts,
  raceVerdicts,
  readingVerdicts,
  type Verdict,
} from './verdicts.ts'

const BEGIN = '<!-- bars, written by bars.js -->'
const END = '<!-- end of bars -->'

const inClone = (file: string) => fileURLToPath(new URL(`../../../${file}`, import.meta.url))
const read = (file: string) => JSON.parse(fs.readFileSync(inClone(`bench/results/${file}`), 'utf8'))

/** All of them. */
export function verdicts(): Verdict[] {
  const readings = fs.readdirSync(inClone('bench/results')).filter((name) => name.startsWith('data-reading-'))
  const races = Object.values(read('data-races.json')) as Parameters<typeof raceVerdicts>[0][]
  return [
    ...forecastVerdicts(read('forecasts.json')),
    ...labelVerdicts(read('labels.json')),
    ...races.flatMap(raceVerdicts),
    ...readings.sort().flatMap((name) => readingVerdicts(read(name).readers as Record<string, Answer | string>)),
  ]
}

/** The page with these bars. */
export function withBars(page: string, all: readonly Verdict[]): string {
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)]
  if (begin < 0 || end < begin) throw new Error(`expected ${BEGIN} … ${END} in the page`)
  const lines = all.map(({ text, held }) => `- ${held ? 'held' : '**FAILED**'}: ${text}`)
  return `${page.slice(0, begin + BEGIN.length)}\n${lines.join('\n')}\n${page.slice(end)}`
}

if (process.argv[1]?.endsWith('bars.js')) {
  const page = inClone('bench/README.md')
  writeAtomic(page, withBars(fs.readFileSync(page, 'utf8'), verdicts()))
}

/**
 * Numbers in README.md and bench/README.md are written by this file, from committed results, between two marks: what
 * stands between them is never edited by hand. test/readme.test.ts says which cell is off.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { readResults } from '../experiments/collect.ts'
import { EXPERIMENTS } from '../experiments/known.ts'
import { counts } from '../experiments/page.ts'
import type { OnnxSteps } from './onnxStep.ts'
import { barsOf, type Saved } from './page/saved.ts'
import { performancePage } from './performance.ts'
import { size } from './problems.ts'
import { COLUMNS, type Column, number, tableOf } from './report.ts'
import type { Results } from './results.ts'
import { paragraph, type Scaling } from './scaling.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const RESULTS = 'bench/results'

/** A page, the mark of its block, and what belongs there; null without results. */
export interface Block {
  readonly page: string
  readonly mark: string
  readonly text: string
}

export function blocks(): Block[] {
  const results = newest(/^\d{4}-\d\d-\d\d\.json$/)
  const held = newest(/^\d{4}-\d\d-\d\d-avx2\.json$/)
  const pages = newest(/^page-\d{4}-\d\d-\d\d\.json$/)
  const scaling = newest(/^scaling-\d{4}-\d\d-\d\d\.json$/)
  return [
    ...(results
      ? [
          {
            page: 'README.md',
            mark: 'bench',
            text: [results, held].flatMap((file) => (file ? [table(file)] : [])).join('\n'),
          },
        ]
      : []),
    { page: 'README.md', mark: 'figures', text: figures() },
    ...(scaling ? [{ page: 'bench/README.md', mark: 'scaling', text: bends(scaling) }] : []),
    ...(pages ? [{ page: 'bench/README.md', mark: 'pages', text: pageBars(pages) }] : []),
    { page: ONNX_PAGE, mark: 'onnx', text: runtimes(newest(/^onnx-\d{4}-\d\d-\d\d\.json$/)!) },
    { page: ONNX_PAGE, mark: 'onnx-step', text: steps(newest(/^onnx-step-.*\.json$/)!) },
    { page: PERFORMANCE_PAGE, mark: 'performance', text: performances() },
  ]
}

const ONNX_PAGE = 'docs/to-onnx.md'
const PERFORMANCE_PAGE = 'docs/performance.md'

/** What scripts/check-onnx.mjs --save writes. */
interface OnnxResults {
  readonly runtimes: Readonly<
    Record<
      string,
      {
        readonly versions: Readonly<Record<string, string>>
        readonly specs: number
        readonly failed: number
        readonly worst: Readonly<Record<string, number>>
      }
    >
  >
}

/** A line for each runtime that ran exported models. */
function runtimes(file: string): string {
  const results = JSON.parse(readFileSync(`${ROOT}${RESULTS}/${file}`, 'utf8')) as OnnxResults
  const lines = Object.values(results.runtimes).map(({ versions, specs, failed, worst }) => {
    const names = Object.entries(versions).map((entry) => entry.join(' '))
    const most = Math.max(...Object.values(worst)).toExponential(0)
    return `| ${[names.join(', '), specs, failed, most].join(' | ')} |`
  })
  const head = '| runtime | models | failed | most off, as a share of the largest number |\n|---|---|---|---|'
  return `([the numbers](../${RESULTS}/${file})):\n\n${[head, ...lines].join('\n')}\n`
}

/** A line for each runtime: microseconds a step of each cell. */
function steps(file: string): string {
  const results = JSON.parse(readFileSync(`${ROOT}${RESULTS}/${file}`, 'utf8')) as OnnxSteps
  const { machine, rows, I, H } = results
  const cells = [...new Set(rows.map(({ cell }) => cell))]
  const names = [...new Set(rows.map(({ runtime }) => runtime))]
  const lines = names.map((name) => {
    const own = rows.filter(({ runtime }) => runtime === name)
    const version = name === 'irnn' ? 'stepper' : own[0]!.version
    const times = cells.map((cell) => own.find((row) => row.cell === cell)!.step.best.toFixed(1))
    return `| ${[`${name} ${version}`, ...times].join(' | ')} |`
  })
  return [
    `Microseconds a step of one sequence, I ${I}, H ${H}, one thread of ${machine.cpu}, each step with the`,
    `state of the last one ([the numbers](../${RESULTS}/${file})):`,
    '',
    `| | ${cells.join(' | ')} |`,
    `|---${'|---'.repeat(cells.length)}|`,
    ...lines,
    '',
  ].join('\n')
}

/** A line for each figure of the paper: how many claims hold. */
function figures(): string {
  const dir = `${ROOT}experiments/results`
  const rows = EXPERIMENTS.map((experiment) => {
    const { all, hold, fail, open } = counts(readResults(dir, experiment))
    const link = `[\`${experiment.name}\`](experiments/results/${experiment.name}.html)`
    return `| ${[link, experiment.title, all, hold, fail, open].join(' | ')} |\n`
  })
  const columns = ['`irnn reproduce`', 'of the paper', 'claims', 'hold', 'fail', 'runs missing or too short']
  const head = `| ${columns.join(' | ')} |\n${'|---'.repeat(columns.length)}|\n`
  return head + rows.join('')
}

/** Each bar of dashboard and playground, held or FAILED. */
function pageBars(file: string): string {
  return barsOf(JSON.parse(readFileSync(`${ROOT}${RESULTS}/${file}`, 'utf8')) as Saved, `results/${file}`)
}

/** Whole tables, who is ahead where, and what each library was; also of a run in which all were held to AVX2. */
function performances(): string {
  const files = [newest(/^\d{4}-\d\d-\d\d\.json$/), newest(/^\d{4}-\d\d-\d\d-avx2\.json$/)]
  const pages = files.flatMap((file) => {
    if (file === undefined) return []
    const results = JSON.parse(readFileSync(`${ROOT}${RESULTS}/${file}`, 'utf8')) as Results
    return [performancePage(results, `../${RESULTS}/${file}`)]
  })
  return pages.join('\n')
}

/** What stands in the page between the marks. @throws when they are not there */
export function between({ page, mark }: Pick<Block, 'page' | 'mark'>): string {
  return parts(readFileSync(`${ROOT}${page}`, 'utf8'), page, mark).text
}

/** Writes every block again. */
export function writeReadme(): void {
  for (const { page, mark, text } of blocks()) {
    const file = `${ROOT}${page}`
    const { before, after } = parts(readFileSync(file, 'utf8'), page, mark)
    writeFileSync(file, before + text + after)
    console.log(`${page}: the numbers between the marks "${mark}" are written`)
  }
}

function parts(content: string, page: string, mark: string): { before: string; text: string; after: string } {
  const [start, end] = [`<!-- ${mark}, written by npm run bench -->\n`, `<!-- end of ${mark} -->`]
  const [before, rest] = content.split(start)
  const [text, after] = rest?.split(end) ?? []
  if (after === undefined) throw new Error(`${page}: expected the marks ${start.trim()} and ${end}`)
  return { before: before! + start, text: text!, after: end + after }
}

function newest(pattern: RegExp): string | undefined {
  return readdirSync(`${ROOT}${RESULTS}`)
    .filter((name) => pattern.test(name))
    .sort()
    .at(-1)
}

/** README shows a part of the columns, and no shape that says nothing new. */
const SHOWN = ['irnn, 1 thread', '2 threads', 'irnn, wasm', 'oneDNN', 'PyTorch', 'JAX', 'TensorFlow.js']
const SHAPES = ['S1 trained', 'S1 dense', 'S3', 'S3g', 'S5', 'S6']

function table(file: string): string {
  return tableText(JSON.parse(readFileSync(`${ROOT}${RESULTS}/${file}`, 'utf8')) as Results, `${RESULTS}/${file}`)
}

/** A run's table with what must be known of it. Who was not measured has no column. @param link to its numbers */
export function tableText(results: Results, link: string): string {
  const all = COLUMNS.filter(({ title }) => SHOWN.includes(title))
  const shown = ({ shape }: { shape: { name: string } }) => SHAPES.includes(shape.name)
  const there = all.filter((_, i) =>
    tableOf(results, all)
      .filter(shown)
      .some(({ times }) => times[i] !== null),
  )
  const { machine, engines, isa } = results
  const peak = engines.find(({ backend, threads }) => backend === 'native' && threads === 1)?.peak ?? Number.NaN
  const lines = tableOf(results, there)
    .filter(shown)
    .map(({ shape, times }) => {
      const cells = times.map((time) => (time === null ? '–' : number(time)))
      return `| ${shape.label} ${size(shape)} | ${cells.join(' | ')} |`
    })
  const held = isa ? `, everyone held to ${isa.toUpperCase()}` : ''
  return [
    `Milliseconds on ${machine.cores} cores of ${machine.cpu}${held}, a measured ${peak.toFixed(0)} GFLOP/s each`,
    `([the numbers](${link}); rivals at their best number of threads:`,
    `${versions(results, there)}):`,
    '',
    `| network (B, T, I, H) | ${there.map(({ title }) => title).join(' | ')} |`,
    `|---|${there.map(() => '---|').join('')}`,
    ...lines,
    '',
  ].join('\n')
}

/** The rivals of the columns with their versions, which a row's engine begins with. */
function versions({ rows }: Results, columns: readonly Column[]): string {
  const said = columns.flatMap(({ title, pick }) => {
    const own = rows.filter((row) => row.library === title && row.ms && pick(row))
    const numbers = [...new Set(own.flatMap(({ engine }) => /^[\d.]+/.exec(engine)?.[0] ?? []))]
    return numbers.length > 0 ? [`${title} ${numbers.join(' and ')}`] : []
  })
  return said.join(', ')
}

function bends(file: string): string {
  const result = JSON.parse(readFileSync(`${ROOT}${RESULTS}/${file}`, 'utf8')) as Scaling
  return `From [the numbers](results/${file}) ([figure](results/${file.replace('.json', '.svg')})):\n\n${paragraph(
    result,
  )
    .split('\n')
    .map((line) => `- ${line}`)
    .join('\n')}\n`
}

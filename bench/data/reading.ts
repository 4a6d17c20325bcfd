/**
 * CSV to typed columns: CPU seconds and memory of whole processes, ours and the rivals', on one file of 4 million rows
 * (a moment, a word, three numbers; 186 MB), the answers checked first; and claims.
 *
 * `node dist/bench/data/reading.js [--rows N] [--times N] [--only irnn] [--save]`: the least of N times each counts, in
 * turn; --save writes bench/results/data-reading-DATE.json, of 22 million rows (1 GB) data-reading-22000000-DATE.json.
 * A rival that is not there is a line: csv-parse comes with
 * `npm ci`, DuckDB with `npm --prefix bench ci --ignore-scripts`, pandas with the first python3 that has it.
 */
import { spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { writeAtomic } from '../../src/disk.node.ts'
import { rng } from '../../src/rng.ts'
import { commit, machine, today } from '../machine.ts'
import { type Answer, readingVerdicts } from './verdicts.ts'

const READERS: Readonly<Record<string, readonly string[]>> = {
  irnn: [process.execPath, fileURLToPath(new URL('ours.js', import.meta.url))],
  'DuckDB, doubles': [process.execPath, program('duckdb.mjs'), 'doubles'],
  'DuckDB, values': [process.execPath, program('duckdb.mjs'), 'values'],
  'csv-parse': [process.execPath, program('csv-parse.mjs')],
  pandas: ['python3', program('read_pandas.py')],
}

function program(name: string): string {
  return fileURLToPath(new URL(`../../../bench/data/readers/${name}`, import.meta.url))
}

function writeRows(file: string, rows: number): void {
  const random = rng(4)
  const fd = fs.openSync(file, 'w')
  const start = Date.UTC(2000, 0, 1)
  let text = 'time,store,sales,price,temperature\n'
  for (let r = 0; r < rows; r++) {
    const time = new Date(start + Math.floor(r / 200) * 900_000).toISOString()
    const store = `store${String(r % 200).padStart(3, '0')}`
    const numbers = `${random.below(10_000)},${(100 * random.next()).toFixed(2)},${(40 * random.next() - 5).toFixed(3)}`
    text += `${time.slice(0, 10)} ${time.slice(11, 19)},${store},${numbers}\n`
    if (text.length < 2 ** 20 && r < rows - 1) continue
    fs.writeSync(fd, text)
    text = ''
  }
  fs.closeSync(fd)
}

function run(name: string, file: string): Answer | string {
  const [command, ...args] = READERS[name]!
  const { stdout, stderr, status } = spawnSync(command!, [...args, file], { encoding: 'utf8' })
  if (status === 0) return JSON.parse(stdout) as Answer
  return stderr.split('\n').find((line) => /Error/.test(line)) ?? 'it ended without a word'
}

function agree(a: Answer, b: Answer): boolean {
  return a.rows === b.rows && a.sums.every((sum, i) => Math.abs(sum - b.sums[i]!) <= 1e-9 * Math.abs(sum))
}

function measure(file: string, times: number, only: string | undefined): Record<string, Answer | string> {
  const found: Record<string, Answer | string> = {}
  for (let n = 0; n < times; n++) {
    for (const name of only === undefined ? Object.keys(READERS) : [only]) {
      const before = found[name]
      if (typeof before === 'string') continue
      const answer = run(name, file)
      const ours = found.irnn as Answer | undefined
      const wrong = ours && typeof answer !== 'string' && !agree(ours, answer)
      if (typeof answer === 'string' || wrong) found[name] = wrong ? 'its answer is not ours' : (answer as string)
      else if (before === undefined || answer.cpu < before.cpu) found[name] = answer
    }
  }
  return found
}

function report(found: Record<string, Answer | string>): string[] {
  const lines = Object.entries(found).map(([name, answer]) =>
    typeof answer === 'string'
      ? `${name}: ${answer}`
      : `${name.padEnd(18)} ${answer.cpu.toFixed(2)} CPU s ${answer.memory.toFixed(0).padStart(5)} MB`,
  )
  for (const { text, held } of readingVerdicts(found)) lines.push(`${held ? 'held  ' : 'FAILED'} ${text}`)
  return lines
}

const ROWS = '4000000'

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: ROWS },
    times: { type: 'string', default: '3' },
    only: { type: 'string' },
    save: { type: 'boolean' },
  },
})
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'irnn-reading-'))
try {
  const file = path.join(folder, 'rows.csv')
  writeRows(file, Number(values.rows))
  const found = measure(file, Number(values.times), values.only)
  for (const line of report(found)) console.log(line)
  if (values.save) {
    const stored = { date: today(), commit: commit(), machine: machine(), rows: Number(values.rows), readers: found }
    const size = values.rows === ROWS ? '' : `${values.rows}-`
    const target = fileURLToPath(new URL(`../../../bench/results/data-reading-${size}${today()}.json`, import.meta.url))
    writeAtomic(target, `${JSON.stringify(stored, undefined, 2)}\n`)
  }
} finally {
  fs.rmSync(folder, { recursive: true })
}

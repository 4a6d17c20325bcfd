/** What pages are measured with: folders of runs, the commands that show and train them, Chromium's pages. */
import { type ChildProcess, spawn } from 'node:child_process'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { fileURLToPath } from 'node:url'
import { lockFolder } from '../../src/runs/lock.ts'
import { CONFIG, METRICS } from '../../src/runs/stored.ts'

const MAIN = fileURLToPath(new URL('../../cli/main.js', import.meta.url))

export interface Command {
  readonly child: ChildProcess
  /** Of its first line. */
  readonly first: Promise<string>
  /** All that it wrote to standard output. @throws Error where its exit code is not 0 */
  readonly ended: Promise<string>
}

export function command(...words: readonly string[]): Command {
  const child = spawn(process.execPath, [MAIN, ...words], { stdio: ['ignore', 'pipe', 'pipe'] })
  let [out, err] = ['', '']
  child.stderr.on('data', (data) => {
    err += data
  })
  const ended = new Promise<string>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => {
      if (code === 0) resolve(out)
      else reject(new Error(`irnn ${words.join(' ')}: exit code ${code}: ${err}`))
    })
  })
  ended.catch(() => {}) // who waits hears of it
  const first = new Promise<string>((resolve, reject) => {
    child.stdout.on('data', (data) => {
      out += data
      if (out.includes('\n')) resolve(out.slice(0, out.indexOf('\n')))
    })
    ended.then(() => reject(new Error(`irnn ${words.join(' ')}: it wrote nothing`)), reject)
  })
  first.catch(() => {})
  return { child, first, ended }
}

/** A record of a step as training writes it, without what charts do not need. */
function stepOf(iteration: number, loss: number): string {
  const spread = { mean: loss, min: loss / 2, max: 2 * loss }
  const norms = { mean: 1, min: 0.5, max: 2 }
  const record = { type: 'step', iteration, seconds: iteration / 1000, window: 1, loss: spread, gradNorm: norms }
  return `${JSON.stringify({ ...record, liveShare: 0.5, lr: 0.01 })}\n`
}

export interface LiveRun {
  /** Writes a record whose loss is 50 times or a 50th of the one before. Returns when it began, as Date. */
  append(): number
  /** Gives the folder back. */
  end(): void
}

/** A run at work, of so many records: this process holds its lock, and appends. */
export function liveRun(dir: string, like: string, records: number): LiveRun {
  makeRun(dir, like, records)
  const file = path.join(dir, METRICS)
  const release = lockFolder(dir)
  let last = records
  return {
    append() {
      last += 1
      const line = stepOf(10 * last, last % 2 === 0 ? 0.02 : 1)
      const began = Date.now()
      fs.appendFileSync(file, line)
      return began
    },
    end: release,
  }
}

/** A folder with the settings of another run and records of its own. */
export function makeRun(dir: string, like: string, records: number): void {
  fs.mkdirSync(dir, { recursive: true })
  const file = fs.openSync(path.join(dir, METRICS), 'w')
  const PART = 20_000
  for (let from = 0; from < records; from += PART) {
    const part = Array.from({ length: Math.min(PART, records - from) }, (_, i) => {
      const at = from + i + 1
      return stepOf(10 * at, 0.2 * Math.exp((-3 * at) / records) + 0.01 * (1 + Math.sin(at)))
    })
    fs.writeSync(file, part.join(''))
  }
  fs.closeSync(file)
  fs.copyFileSync(path.join(like, CONFIG), path.join(dir, CONFIG))
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

/** The least value that at least this share of them does not pass. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN
}

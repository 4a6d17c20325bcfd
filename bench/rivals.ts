/**
 * The rivals, each in a process of its own. They get every problem as a file: the same weights and the same input as
 * ours, and what they print is one JSON object a line (bench/rivals/problem.mjs says which). A rival that is not there
 * is one line; one whose answer is not ours is a row that failed.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import * as path from 'node:path'
import { checkAnswer } from './answers.ts'
import type { Answer } from './job.ts'
import type { Timing } from './measure.ts'
import { CELLS, type Problem } from './problems.ts'
import type { Isa, Row } from './results.ts'
import { HELD, type Rival } from './rivalList.ts'

export interface Task {
  readonly problem: Problem
  readonly truth: Answer
}

export interface Contest {
  readonly rows: readonly Row[]
  /** Why there are none. */
  readonly missing?: string
}

/** Runs one rival on those of the problems that it can, at each of its thread counts up to `cores`. */
export async function contest(
  rival: Rival,
  tasks: readonly Task[],
  {
    seconds,
    cores,
    isa,
    say,
  }: {
    seconds: number
    cores: number
    isa: Isa | undefined
    say: (row: Row) => void
  },
): Promise<Contest> {
  const mine = tasks.filter(({ problem }) => rival.problems.includes(problem.name))
  if (mine.length === 0) return { rows: [] }
  const folder = mkdtempSync(path.join(tmpdir(), 'irnn-bench-'))
  try {
    const command = rival.command(folder, isa)
    if (typeof command === 'string') return { rows: [], missing: command }
    const files = mine.map(({ problem }, index) => {
      const file = path.join(folder, `${index}.bin`)
      writeFileSync(file, encode(problem, index))
      return file
    })
    const rows: Row[] = []
    for (const threads of rival.threads.filter((n) => n <= cores)) {
      const env = environmentOf(process.env, threads, isa)
      const lines = await run([...command, String(threads), String(seconds), ...files], env, rival.timeout)
      for (const row of readLines(rival, lines, mine, threads)) {
        rows.push(row)
        say(row)
      }
    }
    return { rows }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const HEADER = 12
const MAGIC = 0x4e4e5249 // IRNN

/** Twelve words that say what it is, then x, y and the weights, all of four bytes. */
export function encode({ cell, T, B, I, H, K, inputGradient, x, y, weights }: Problem, index: number): Uint8Array {
  const floats = new Float32Array(HEADER + x.length + y.length + weights.length)
  new Int32Array(floats.buffer).set([MAGIC, index, CELLS.indexOf(cell), T, B, I, H, K, Number(inputGradient)])
  floats.set(x, HEADER)
  floats.set(y, HEADER + x.length)
  floats.set(weights, HEADER + x.length + y.length)
  return new Uint8Array(floats.buffer)
}

/**
 * A rival chooses its kernels itself: a shell with OPENBLAS_CORETYPE=Haswell halved PyTorch's products on a machine
 * with AVX-512 (238 instead of 437 GFLOP/s).
 */
export function withoutTuning(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(env).filter(
      ([name]) => !/^(OPENBLAS|GOTO|BLIS|MKL|DNNL|ONEDNN|OMP|GOMP|KMP|ATEN|XLA|TORCH|TORCHINDUCTOR|JAX)_/.test(name),
    ),
  )
}

/** What a rival's process gets: a shell's variables but those that tune, its threads, and what holds it to `isa`. */
export function environmentOf(env: NodeJS.ProcessEnv, threads: number, isa: Isa | undefined): NodeJS.ProcessEnv {
  const count = String(threads)
  const held = isa ? HELD[isa] : {}
  return { ...withoutTuning(env), OMP_NUM_THREADS: count, OPENBLAS_NUM_THREADS: count, ...held }
}

/** Its lines, and one that says how it ended where that was not well. */
async function run(command: readonly string[], env: NodeJS.ProcessEnv, timeout: number): Promise<string[]> {
  const child = spawn(command[0]!, command.slice(1), {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 1000 * timeout,
  })
  let printed = ''
  let errors = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-4000)
  })
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve) => {
    child.on('error', (error) => {
      errors += error.message
      resolve([1, null])
    })
    child.on('close', (code, signal) => resolve([code, signal]))
  })
  const lines = printed.split('\n').filter((line) => line.startsWith('{'))
  if (code === 0) return lines
  const last = errors.trim().split('\n').at(-1)
  const stopped = child.killed ? `stopped after ${timeout} s` : `ended by ${signal}: ${last}`
  const reason = signal ? stopped : last || `exit code ${code}`
  return [...lines, JSON.stringify({ ended: reason })]
}

interface Line {
  readonly version?: string
  readonly note?: string
  readonly problem?: number
  readonly pass?: Row['pass']
  readonly engine?: string
  readonly answer?: Answer
  readonly ms?: Timing
  readonly failed?: string
  readonly ended?: string
}

/** Rows from what a rival printed. Its answer is checked here: a time of something else is no time. */
export function readLines(
  { library, lossOnly = false }: Pick<Rival, 'library' | 'lossOnly'>,
  lines: readonly string[],
  tasks: readonly Task[],
  threads: number,
): Row[] {
  const rows: Row[] = []
  let about = ''
  for (const { version, note, problem, pass = 'training', engine = '', answer, ms, failed, ended } of lines.map(
    (line) => JSON.parse(line) as Line,
  )) {
    if (version) about = [version, note, lossOnly && 'only its loss is checked'].filter(Boolean).join(', ')
    const said = [about, engine].filter(Boolean).join(': ')
    if (ended) {
      const done = new Set(rows.map((row) => row.problem))
      for (const { problem } of tasks) {
        if (!done.has(problem.name))
          rows.push({ library, engine: said, threads, problem: problem.name, pass, failed: ended })
      }
    }
    if (problem === undefined) continue
    const {
      problem: { name },
      truth,
    } = tasks[problem]!
    const row: Row = { library, engine: said, threads, problem: name, pass }
    const wrong =
      failed ??
      (answer && ms
        ? checkAnswer(answer, pass === 'forward' || lossOnly ? { ...truth, gradNorm: null } : truth)
        : 'no answer')
    rows.push(wrong === null ? { ...row, ms: ms! } : { ...row, failed: wrong })
  }
  return rows
}

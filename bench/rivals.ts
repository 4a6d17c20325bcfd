/**
 * The rivals, each in a process of its own. They get every problem as a file: the same weights and the same input as
 * ours, and what they print is one JSON object a line (bench/rivals/problem.mjs says which). A rival that is not there
 * is one line; one whose answer is not ours is a row that failed.
 */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import * as path from 'node:path'
import { fileURLToPath } from 'node:url'
import { checkAnswer } from './answers.ts'
import type { Answer } from './job.ts'
import type { Timing } from './measure.ts'
import { CELLS, type Problem } from './problems.ts'
import type { Row } from './results.ts'

const BENCH = fileURLToPath(new URL('../../bench/', import.meta.url))
const INSTALL = 'npm --prefix bench ci --ignore-scripts'

export interface Rival {
  readonly library: string
  /** The problems it has what it takes for. */
  readonly problems: readonly string[]
  readonly threads: readonly number[]
  /** A command with its first arguments, or why there is none. @param folder for what has to be built */
  readonly command: (folder: string) => readonly string[] | string
  /** Seconds after which it is stopped. */
  readonly timeout: number
  /** Its gradient is known to be another, and not checked; why stands in its program. */
  readonly lossOnly?: boolean
}

const ALL = ['S1 trained', 'S1 dense', 'S2', 'S3', 'S3g', 'S4', 'S5', 'S6']

export const RIVALS: readonly Rival[] = [
  { library: 'PyTorch', problems: ALL, threads: [1, 2], command: python, timeout: 120 },
  { library: 'oneDNN', problems: ALL, threads: [1, 2], command: onednn, timeout: 60 },
  {
    library: 'TensorFlow.js',
    problems: ['S1 trained', 'S2', 'S5'],
    threads: [1, 2],
    command: npm('tfjs', '@tensorflow/tfjs-backend-wasm'),
    timeout: 60,
  },
  {
    library: 'jax-js',
    problems: ['S1 trained', 'S2', 'S3', 'S5', 'S6'],
    threads: [1],
    command: npm('jax', '@jax-js/jax', ['--stack-size=7000']),
    timeout: 90,
  },
  {
    library: 'brain.js',
    problems: ['S1 trained'],
    threads: [1],
    command: npm('brain', 'brain.js'),
    timeout: 60,
    lossOnly: true,
  },
  {
    library: 'onnxruntime',
    problems: ['S1 trained', 'S1 dense', 'S3', 'S3g', 'S5'],
    threads: [1, 2],
    command: npm('onnxruntime', 'onnxruntime-node'),
    timeout: 60,
  },
]

/** Problems for which rivals have a forward pass only, or one too. */
export const FORWARD: readonly string[] = ['S1 trained', 'S1 dense', 'S3', 'S3g', 'S5']

/** The first python3 with torch in it. */
function python(): readonly string[] | string {
  const tried = ['python3', '/usr/bin/python3']
  const found = tried.find((name) => spawnSync(name, ['-c', 'import torch, numpy']).status === 0)
  return found
    ? [found, path.join(BENCH, 'rivals/pytorch.py')]
    : `no torch in ${tried.join(' or ')} (Debian: python3-torch)`
}

function onednn(folder: string): readonly string[] | string {
  if (!existsSync('/usr/include/oneapi/dnnl/dnnl.hpp')) return 'no headers (Debian: libdnnl-dev)'
  const program = path.join(folder, 'onednn')
  const flags = [
    '-O3',
    '-march=native',
    '-std=c++17',
    '-fopenmp',
    path.join(BENCH, 'rivals/onednn.cc'),
    '-ldnnl',
    '-o',
    program,
  ]
  const { status, stderr } = spawnSync(process.env.CXX ?? 'g++', flags, { encoding: 'utf8' })
  if (status === 0) return [program]
  return `its program does not compile: ${stderr?.split('\n').find((line) => line.includes('error')) ?? 'no C++ compiler'}`
}

/** @param flags of Node: an unrolled loop of 784 steps makes jax-js recurse deeper than its stack is by default */
function npm(program: string, library: string, flags: readonly string[] = []): Rival['command'] {
  return () => {
    if (!existsSync(path.join(BENCH, 'node_modules', library))) return `not installed (${INSTALL})`
    return [process.execPath, ...flags, path.join(BENCH, `rivals/${program}.mjs`)]
  }
}

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
    say,
  }: {
    seconds: number
    cores: number
    say: (row: Row) => void
  },
): Promise<Contest> {
  const mine = tasks.filter(({ problem }) => rival.problems.includes(problem.name))
  if (mine.length === 0) return { rows: [] }
  const folder = mkdtempSync(path.join(tmpdir(), 'irnn-bench-'))
  try {
    const command = rival.command(folder)
    if (typeof command === 'string') return { rows: [], missing: command }
    const files = mine.map(({ problem }, index) => {
      const file = path.join(folder, `${index}.bin`)
      writeFileSync(file, encode(problem, index))
      return file
    })
    const rows: Row[] = []
    for (const threads of rival.threads.filter((n) => n <= cores)) {
      const lines = await run([...command, String(threads), String(seconds), ...files], threads, rival.timeout)
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
    Object.entries(env).filter(([name]) => !/^(OPENBLAS|GOTO|BLIS|MKL|DNNL|ONEDNN|OMP|GOMP|KMP|ATEN)_/.test(name)),
  )
}

/** Its lines, and one that says how it ended where that was not well. */
async function run(command: readonly string[], threads: number, timeout: number): Promise<string[]> {
  const env = { ...withoutTuning(process.env), OMP_NUM_THREADS: `${threads}`, OPENBLAS_NUM_THREADS: `${threads}` }
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
  const reason = signal ? `stopped after ${timeout} s` : errors.trim().split('\n').at(-1) || `exit code ${code}`
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

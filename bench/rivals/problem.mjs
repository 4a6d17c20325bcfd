/**
 * What the rivals' programs share. Each runs in a process of its own: `node NAME.mjs THREADS SECONDS FILE…`, where a file is
 * one problem (bench/rivals.ts writes it), and prints one JSON object a line: first which library this is, then for every
 * problem its answer and its times, or why it failed.
 */
import { readFileSync } from 'node:fs'

export const [threads, seconds] = process.argv.slice(2, 4).map(Number)
const CELLS = ['relu', 'lstm', 'gru', 'softmax']
const HEADER = 12
/** Runs longer than this are warmed up once, not twice. */
const WARM_UP_MS = 500
const GATES = { relu: 1, lstm: 4, gru: 3 }

export const problems = process.argv.slice(4).map(readProblem)

function readProblem(file) {
  const bytes = readFileSync(file)
  const words = new Int32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length))
  const floats = new Float32Array(words.buffer)
  const [, index, cell, T, B, I, H, K, inputGradient] = words
  let at = HEADER
  const take = (n) => {
    at += n
    return floats.slice(at - n, at)
  }
  const x = take(T * B * I)
  const y = take(B)
  const problem = { index, cell: CELLS[cell], T, B, I, H, K, inputGradient: inputGradient === 1, x, y }
  if (problem.cell === 'softmax') return { ...problem, headW: take(K * I), headB: take(K) }
  const G = GATES[problem.cell] * H
  const outputs = Math.max(K, 1)
  return {
    ...problem,
    Wxh: take(G * I),
    Whh: take(G * H),
    bx: take(G),
    bh: take(G),
    headW: take(outputs * H),
    headB: take(outputs),
  }
}

export function say(line) {
  console.log(JSON.stringify(line))
}

/**
 * Times the fastest of several ways to do an iteration. Each is a function, async or not, that returns its answer
 * { loss, gradNorm } when called with true; otherwise it need not find out.
 */
export async function race({ index }, pass, ways) {
  let chosen = null
  for (const [engine, run] of Object.entries(ways)) {
    try {
      const start = performance.now()
      const answer = await run(true)
      let ms = performance.now() - start
      // The first run compiles and allocates; where it takes long, it is not the only one that does.
      if (ms < WARM_UP_MS) await run(false)
      ms = await time(run)
      if (!chosen || ms < chosen.ms) chosen = { engine, run, ms, answer }
    } catch (error) {
      say({ problem: index, pass, engine, failed: error.message.split('\n')[0] })
    }
  }
  if (!chosen) return
  const times = [chosen.ms]
  const end = performance.now() + 1000 * seconds
  while (times.length < 2 || (performance.now() < end && times.length < 2000)) times.push(await time(chosen.run))
  times.sort((a, b) => a - b)
  const ms = { best: times[0], median: times[Math.floor((times.length - 1) / 2)], repeats: times.length }
  say({ problem: index, pass, engine: chosen.engine, answer: chosen.answer, ms })
}

async function time(run) {
  const start = performance.now()
  await run(false)
  return performance.now() - start
}

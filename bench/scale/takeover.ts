/**
 * `node dist/bench/scale/takeover.js [--save]`: how long it takes until a trial is stopped whose worker cannot reach
 * Redis, and until one goes on whose worker was killed. Linux, half a minute, mostly waiting. `--save` writes
 * results/takeover-DATE.json.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { MAIN } from '../../cli/sweep.ts'
import { writeAtomic } from '../../src/disk.node.ts'
import { commit, machine, today } from '../machine.ts'
import { claimLine } from '../report.ts'
import { hasRedis, startServer, until } from './server.ts'

const RESULTS = fileURLToPath(new URL('../../../bench/results/', import.meta.url))
/** Seconds. Workers look every sixth of it. */
const LEASE = 3
const CHECK = LEASE / 6

/** One trial that does not end by itself. */
const SWEEP = {
  task: 'adding',
  options: { length: 10, hidden: 4, 'train-size': 50, 'test-size': 20, iterations: 1e8, 'checkpoint-every': 500 },
  space: { lr: [0.001] },
}

const { values } = parseArgs({ options: { save: { type: 'boolean', default: false } } })
if (!hasRedis()) throw new Error('expected redis-server on the PATH: install it')
const home = fs.mkdtempSync(path.join(os.tmpdir(), 'irnn-takeover-'))
const server = await startServer({ dir: home })
const started: ChildProcess[] = []
try {
  const file = path.join(home, 'sweep.json')
  const dir = path.join(home, 'one')
  fs.writeFileSync(file, JSON.stringify(SWEEP))
  begin('sweep', file, '--dir', dir)
  await until(() => fs.existsSync(path.join(dir, 'sweep.json')))
  const first = worker(dir)
  await until(() => trialOf(first) && checkpoints(dir) > 0)
  const second = worker(dir)
  await new Promise((resolve) => setTimeout(resolve, 3000)) // it waits for a trial
  first.kill('SIGKILL')
  const before = records(dir)
  const takenOver = await seconds(() => trialOf(second))
  await until(() => records(dir).length > before.length)
  const resumed = records(dir).split('\n')[0] === before.split('\n')[0] // which has the id of a new run
  server.child.kill('SIGSTOP')
  const stopped = await seconds(() => !trialOf(second))
  server.child.kill('SIGCONT')
  const load = Number(os.loadavg()[0]!.toFixed(2)) // trials have the lowest priority: others make them save late
  const at = { date: today(), commit: commit(), machine: machine(), load }
  const result = { ...at, lease: LEASE, takenOver, resumed, stopped }
  console.log(result)
  for (const [text, measured, most] of [
    ['a killed worker: another one goes on with its trial', takenOver, LEASE + 2 * CHECK],
    ['Redis frozen: the trial is stopped', stopped, LEASE + 2],
  ] as const) {
    const holds = resumed && measured <= most
    console.log(claimLine({ text: `${text} within ${most} s`, holds, measured: `${measured} s` }))
    if (!holds) process.exitCode = 1
  }
  if (values.save) writeAtomic(path.join(RESULTS, `takeover-${today()}.json`), `${JSON.stringify(result, null, 1)}\n`)
} finally {
  for (const child of started) child.kill('SIGKILL')
  server.child.kill('SIGKILL')
  fs.rmSync(home, { recursive: true, force: true, maxRetries: 5 })
}

function begin(...args: readonly string[]): ChildProcess {
  const env = { ...process.env, IRNN_QUEUE: server.url }
  const child = spawn(process.execPath, [MAIN, ...args], { env, stdio: 'ignore' })
  started.push(child)
  return child
}

function worker(dir: string): ChildProcess {
  return begin('worker', '--sweep', path.basename(dir), '--dir', dir, '--slots', '1', '--lease', `${LEASE}`)
}

/** Whether it has a process that trains. */
function trialOf({ pid }: ChildProcess): boolean {
  return fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim() !== ''
}

function trials(dir: string): string[] {
  const within = path.join(dir, 'trials')
  return fs.existsSync(within) ? fs.readdirSync(within).map((id) => path.join(within, id)) : []
}

function checkpoints(dir: string): number {
  return trials(dir).filter((trial) => fs.existsSync(path.join(trial, 'checkpoint-last.safetensors'))).length
}

function records(dir: string): string {
  return fs.readFileSync(path.join(trials(dir)[0]!, 'metrics.jsonl'), 'utf8')
}

async function seconds(what: () => unknown): Promise<number> {
  const since = performance.now()
  await until(what)
  return Number(((performance.now() - since) / 1000).toFixed(1))
}

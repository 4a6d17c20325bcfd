/**
 * `node dist/bench/scale/chaos.js [--minutes 10] [--network] [--save]`: sweeps over a queue, its workers and Redis are
 * killed, frozen and emptied at random, held against the same sweep on one machine. Rounds of 40 trials, until the time
 * is over, at least one. Every trial must have the model of the undisturbed sweep, and its records must have one end.
 * `--network`: the second worker is in another network (ip netns, as root), whose link is cut instead. `--save` writes
 * results/chaos-DATE.json, or chaos-network-DATE.json.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Redis } from 'ioredis'
import { flagsOf, MAIN, resultLines } from '../../cli/sweep.ts'
import { writeAtomic } from '../../src/disk.node.ts'
import { type Rng, rng } from '../../src/rng.ts'
import { readRunFolder } from '../../src/runs/stored.ts'
import { folderOf, readSweepFolder } from '../../src/sweep/folder.ts'
import { commit, machine, today } from '../machine.ts'
import { makeNetwork, type Network } from './network.ts'
import { hasRedis, type RedisServer, startServer, until } from './server.ts'

const RESULTS = fileURLToPath(new URL('../../../bench/results/', import.meta.url))
/** Seconds; the default of 30 would leave a round little time. */
const LEASE = 3
const WORKERS = 3
const SWEEP = `task: adding
options:
  {length: 10, train-size: 100, test-size: 20, iterations: 1500, eval-every: 500, checkpoint-every: 50,
  optimizer: sgd, clip-kind: none}
space: {lr: [0.01, 0.02, 0.03, 0.04, 0.05], hidden: [4, 5, 6, 7]}
seeds: [1, 2]
`

/** What was done to them, and how often. */
type Tally = Record<string, number>

interface Round {
  readonly trials: number
  /** Trials whose line of results is that of the undisturbed sweep. */
  readonly same: number
  /** Trials whose records have one end. */
  readonly ends: number
  readonly seconds: number
  readonly code: number | null
  readonly faults: Tally
}

interface Setting {
  readonly home: string
  readonly server: RedisServer
  readonly network: Network | undefined
  readonly generator: Rng
  /** When all is left in peace, in ms since the epoch. */
  readonly end: number
}

class Workers {
  private readonly all: ChildProcess[] = []
  private open = true

  private readonly name: string
  private readonly setting: Setting

  constructor(name: string, setting: Setting) {
    this.name = name
    this.setting = setting
    for (let i = 0; i < WORKERS; i++) this.begin(i)
  }

  /** One that is killed is begun again, as what watches over workers would do. */
  private begin(i: number): void {
    const { home, server, network } = this.setting
    const dir = path.join(home, this.name)
    const args = [MAIN, 'worker', '--sweep', this.name, '--dir', dir, '--slots', '1', '--lease', `${LEASE}`]
    const [program, ...words] = [...(network && i > 0 ? network.within : []), process.execPath, ...args]
    const child = spawn(program!, words, { env: { ...process.env, IRNN_QUEUE: server.url }, stdio: 'ignore' })
    child.on('exit', () => this.open && this.begin(i))
    this.all[i] = child
  }

  some(generator: Rng): ChildProcess {
    return this.all[generator.below(this.all.length)]!
  }

  async end(): Promise<void> {
    this.open = false
    const ended = this.all.map((child) => new Promise((resolve) => child.on('exit', resolve)))
    for (const child of this.all) child.kill('SIGCONT')
    for (const child of this.all) child.kill('SIGKILL')
    await Promise.all(ended)
  }
}

type Fault = (workers: Workers, setting: Setting) => Promise<unknown>

const FAULTS: Readonly<Record<string, Fault>> = {
  'worker killed': async (workers, { generator }) => workers.some(generator).kill('SIGKILL'),
  'worker stopped': async (workers, { generator }) => workers.some(generator).kill('SIGTERM'),
  async 'worker frozen beyond its lease'(workers, { generator }) {
    const child = workers.some(generator)
    child.kill('SIGSTOP')
    await sleep(1000 * (LEASE + 2))
    child.kill('SIGCONT')
  },
  async 'Redis killed, back after 4 s'(_, { server }) {
    server.child.kill('SIGKILL')
    await sleep(4000)
    await server.start()
  },
  async 'Redis frozen beyond the lease'(_, { server }) {
    server.child.kill('SIGSTOP')
    await sleep(1000 * (LEASE + 2))
    server.child.kill('SIGCONT')
  },
  async 'Redis emptied'(_, { server: { port } }) {
    const redis = new Redis({ port, host: '127.0.0.1' })
    await redis.flushall()
    redis.disconnect()
  },
}
/** Of kinds of faults: most often a worker. */
const ODDS = [0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5]

async function harm(workers: Workers, setting: Setting, faults: Tally, over: AbortSignal): Promise<void> {
  const { network, generator, end } = setting
  const names = Object.keys(FAULTS)
  while (!over.aborted) {
    await sleep(2000 + generator.below(6000))
    if (over.aborted || Date.now() > end) return
    const name = network ? 'link cut for 8 s' : names[ODDS[generator.below(ODDS.length)]!]!
    faults[name] = (faults[name] ?? 0) + 1
    if (network) await network.cut(8000)
    else await FAULTS[name]!(workers, setting)
  }
}

async function round(name: string, setting: Setting, wanted: readonly string[]): Promise<Round> {
  const { home, server } = setting
  const dir = path.join(home, name)
  const since = performance.now()
  const args = [MAIN, 'sweep', path.join(home, 'sweep.yaml'), '--dir', dir]
  const sweep = spawn(process.execPath, args, { env: { ...process.env, IRNN_QUEUE: server.url }, stdio: 'ignore' })
  const code = new Promise<number | null>((resolve) => sweep.on('exit', resolve))
  await until(() => fs.existsSync(path.join(dir, 'sweep.json')))
  const workers = new Workers(name, setting)
  const faults: Tally = {}
  const over = new AbortController()
  const harming = harm(workers, setting, faults, over.signal)
  const ended = await code
  over.abort()
  await harming
  await workers.end()
  const lines = resultLines(dir, { json: true })
  const { trials } = readSweepFolder(dir, flagsOf)
  const ends = trials.filter((trial) => {
    const { events } = readRunFolder(folderOf(dir, trial))
    return events.filter(({ type }) => type === 'done').length === 1
  })
  return {
    trials: lines.length,
    same: lines.filter((line, i) => line === wanted[i]).length,
    ends: ends.length,
    seconds: Math.round((performance.now() - since) / 1000),
    code: ended,
    faults,
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '1' },
      seed: { type: 'string', default: '1' },
      network: { type: 'boolean', default: false },
      save: { type: 'boolean', default: false },
    },
  })
  if (!hasRedis()) throw new Error('expected redis-server on the PATH: install it')
  const home = fs.mkdtempSync(path.join(os.tmpdir(), 'irnn-chaos-'))
  const network = values.network ? makeNetwork() : undefined
  try {
    fs.writeFileSync(path.join(home, 'sweep.yaml'), SWEEP)
    const quiet = path.join(home, 'quiet')
    execFileSync(process.execPath, [MAIN, 'sweep', path.join(home, 'sweep.yaml'), '--dir', quiet], {
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    const wanted = resultLines(quiet, { json: true })
    const server = await startServer({ dir: home, host: network?.host })
    const end = Date.now() + Number(values.minutes) * 60_000
    const setting = { home, server, network, generator: rng(Number(values.seed), 'chaos'), end }
    const rounds: Round[] = []
    do {
      const one = await round(`round${rounds.length + 1}`, setting, wanted)
      rounds.push(one)
      console.log(
        `round ${rounds.length}: ${one.same} of ${one.trials} as undisturbed, ${one.ends} with one end, `,
        one,
      )
      if (values.save) {
        const file = path.join(RESULTS, `chaos-${network ? 'network-' : ''}${today()}.json`)
        const head = { date: today(), commit: commit(), machine: machine(), seed: Number(values.seed), lease: LEASE }
        writeAtomic(file, `${JSON.stringify({ ...head, workers: WORKERS, rounds }, null, 1)}\n`)
      }
    } while (Date.now() < end)
    server.child.kill('SIGKILL')
    const good = rounds.every(({ code, same, ends, trials }) => code === 0 && same === trials && ends === trials)
    console.log(good ? 'held: no trial lost, none ended twice, all models as undisturbed' : 'FAILED')
    process.exitCode = good ? 0 : 1
  } finally {
    network?.release()
    fs.rmSync(home, { recursive: true, force: true })
  }
}

await main()

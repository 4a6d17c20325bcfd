/**
 * Six processes at the lock of one run, which a dead process has left, all at once, again and again.
 * `node dist/test/endurance/races.js --races 1000 --save`; --save writes bench/results/races-DATE.json.
 *
 * A third of the races are undisturbed. In a third, the disk is slow: each call that changes something waits for up to
 * 2 ms. In a third it is slow, and two to four processes die in the race or as holders, at a call drawn by the seed.
 * They are then replaced, and all six go for the lock that the dead one has left. In each race
 * - one process has the run, whoever asks meanwhile is refused; where somebody died, at most one;
 * - it ends with the weights and records of the run that nobody raced for; whatever the dead have left of the lock is
 *   gone when the next one has had it.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, fork, spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { commit, machine, today } from '../../bench/machine.ts'
import { sha256, writeAtomic } from '../../src/disk.node.ts'
import { createBackend, createModel, modelParts, type RunOptions, train } from '../../src/index.ts'
import { createRunFolder, type RunConfig } from '../../src/node.ts'
import { type Rng, rng } from '../../src/rng.ts'
import { lockFolder } from '../../src/runs/lock.ts'
import { records } from '../support/recorded.ts'
import type { Death } from './dying.ts'
import { SPEC, TASK, TRAINING } from './raced.ts'
import type { Answer, Go } from './racer.ts'

const RACER = fileURLToPath(new URL('./racer.js', import.meta.url))
const RESULTS = fileURLToPath(new URL('../../../bench/results/', import.meta.url))
const SIX = 6
/** A claim is some 6 calls, all of a run some 100. */
const [CLAIM, RUN] = [6, 100]

export interface Outcome {
  readonly seed: number
  readonly races: number
  /** All starts of six processes: more than one a race where a holder died. */
  readonly rounds: number
  /** Processes that were refused, and that died: in the claim, and as holders. */
  readonly refused: number
  readonly died: { readonly claiming: number; readonly holding: number }
  /** SHA-256 of every run's model.safetensors. */
  readonly model: string
}

/** A process that lives until it is told to die, and is then replaced. */
class Racer {
  private child: ChildProcess | null = null

  async ready(): Promise<void> {
    if (this.child) return
    this.child = fork(RACER, { stdio: ['ignore', 'inherit', 'ignore', 'ipc'] })
    await new Promise((resolve) => this.child!.once('message', resolve))
  }

  /** Its answer; null if it died. */
  async asked(message: Go | 'on'): Promise<Answer | null> {
    const child = this.child!
    return new Promise((resolve) => {
      const died = () => {
        this.child = null
        resolve(null)
      }
      child.once('exit', died)
      child.once('message', (answer) => {
        child.off('exit', died)
        resolve(answer as Answer)
      })
      child.send(message)
    })
  }

  stop(): void {
    this.child?.kill('SIGKILL')
  }
}

/** Races so many times. @throws AssertionError where two have the lock, or a run does not end as it should */
export async function raced({ races, seed, home }: { races: number; seed: number; home: string }): Promise<Outcome> {
  const whole = await made(path.join(home, 'whole'), Number.POSITIVE_INFINITY)
  const left = await made(path.join(home, 'left'), 7)
  const random = rng(seed, 'races')
  const racers = Array.from({ length: SIX }, () => new Racer())
  const total = { rounds: 0, refused: 0, died: { claiming: 0, holding: 0 } }
  try {
    for (let race = 0; race < races; race++) {
      const dir = path.join(home, `race-${race}`)
      fs.cpSync(left, dir, { recursive: true })
      abandon(dir)
      const told = `seed ${seed}, race ${race}`
      for (let round = 0; !(await once(racers, plans(dir, race, round, random), total, told)); round++);
      same(dir, whole, told)
      fs.rmSync(dir, { recursive: true })
    }
  } finally {
    for (const racer of racers) racer.stop()
  }
  return { seed, races, ...total, model: sha256(fs.readFileSync(path.join(whole, 'model.safetensors'))) }
}

/** What each of the six does in a round. After three in which holders died, they live. */
function plans(dir: string, race: number, round: number, random: Rng): Go[] {
  const slow = race % 3 > 0
  const dying = race % 3 === 2 && round < 3 ? 2 + random.below(3) : 0
  return Array.from({ length: SIX }, (_, i) => {
    const when = (['before', 'middle', 'after'] as const)[random.below(3)]!
    const death: Death | null = i < dying ? { call: 1 + random.below(random.next() < 0.5 ? CLAIM : RUN), when } : null
    return { dir, death, slow: slow ? random.below(2 ** 31) : null }
  })
}

type Total = { -readonly [key in 'rounds' | 'refused']: number } & { died: { claiming: number; holding: number } }

/** All six at once. Returns whether the run is done. */
async function once(racers: readonly Racer[], plans: readonly Go[], total: Total, told: string): Promise<boolean> {
  await Promise.all(racers.map((racer) => racer.ready()))
  total.rounds += 1
  const answers = await Promise.all(racers.map((racer, i) => racer.asked(plans[i]!)))
  const holders: Racer[] = []
  let died = 0
  for (const [i, answer] of answers.entries()) {
    if (answer?.kind === 'held') holders.push(racers[i]!)
    else if (answer?.kind === 'refused') {
      assert.match(answer.message, /another process writes this run: wait for process \d+ on /, told)
      total.refused += 1
    } else if (answer === null && plans[i]!.death !== null) died += 1
    else assert.fail(`${told}: ${JSON.stringify(answer)}`)
  }
  total.died.claiming += died
  assert.ok(holders.length === 1 || (holders.length === 0 && died > 0), `${told}: ${holders.length} have the lock`)
  const ended = (await holders[0]?.asked('on')) ?? null
  if (holders.length > 0 && ended === null) total.died.holding += 1
  if (ended && ended.kind !== 'done') assert.fail(`${told}: ${JSON.stringify(ended)}`)
  return ended !== null
}

/** A run in `dir`, left after the event of an iteration. */
async function made(dir: string, until: number): Promise<string> {
  using backend = await createBackend({ threads: 1 })
  const model = createModel(SPEC, { backend, seed: 1 })
  const { name, threads, description } = backend
  const config: RunConfig = {
    version: '0.0.0',
    recipe: 'fast',
    seed: 1,
    task: { name: 'adding', options: TASK.options },
    model: model.spec,
    training: TRAINING,
    backend: { name, threads, description },
    machine: { node: process.version, platform: process.platform, arch: process.arch },
  }
  const folder = createRunFolder(dir, config)
  const options: RunOptions = { checkpoints: { every: 3 } }
  const run = train(model, TASK, { ...TRAINING, ...options })
  for await (const event of run) {
    if (event.iteration > until) break
    if (event.type === 'checkpoint') folder.saveCheckpoint('last', model, run.getState())
    else if (event.type === 'done') folder.append({ ...event, model: { sha256: folder.saveModel(modelParts(model)) } })
    else folder.append(event)
  }
  folder.close()
  return dir
}

/** Leaves the lock of a process that is gone, as 0.1.0 wrote it: without a name of its own. */
function abandon(dir: string): void {
  gone ??= spawnSync(process.execPath, ['--version']).pid
  fs.writeFileSync(path.join(dir, 'run.lock'), JSON.stringify({ host: os.hostname(), pid: gone, started: 'before 1' }))
}
let gone: number | undefined

function same(dir: string, whole: string, told: string): void {
  const bytes = (of: string) => fs.readFileSync(path.join(of, 'model.safetensors'))
  assert.deepEqual(bytes(dir), bytes(whole), told)
  assert.deepEqual(records(dir), records(whole), told)
  lockFolder(dir)()
  const names = (of: string) => fs.readdirSync(of).filter((name) => name !== 'checkpoint-previous.safetensors')
  assert.deepEqual(names(dir).toSorted(), names(whole).toSorted(), told)
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      races: { type: 'string', default: '1000' },
      seed: { type: 'string', default: '1' },
      save: { type: 'boolean', default: false },
    },
  })
  const home = fs.mkdtempSync(path.join(os.tmpdir(), 'irnn-races-'))
  const about = { date: today(), commit: commit(), machine: machine() }
  try {
    const outcome = await raced({ races: Number(values.races), seed: Number(values.seed), home })
    const { races, rounds, refused, died } = outcome
    console.log(
      `${races} races of ${SIX} in ${rounds} rounds: one holder each, to the same bits; ${refused} were refused, ` +
        `${died.claiming} died in the claim and ${died.holding} as holders`,
    )
    if (values.save)
      writeAtomic(`${RESULTS}races-${about.date}.json`, `${JSON.stringify({ ...about, ...outcome }, null, 1)}\n`)
  } finally {
    fs.rmSync(home, { recursive: true })
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()

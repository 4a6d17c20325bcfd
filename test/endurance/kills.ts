/**
 * Runs of the four tasks that are killed with SIGKILL again and again, resumed until they are done, and compared with
 * the run that nobody disturbed. `node dist/test/endurance/kills.js --kills 50 --save`: 50 for each task; --save writes
 * bench/results/kills-DATE.json.
 *
 * Half of the kills come from outside at a moment drawn by a seed, in a start or in training; half come in a call of
 * the file system (dying.ts), before it, in its middle or after it. After every one of them
 * - the run is readable, or has not begun: it has no config yet;
 * - its last good checkpoint is not behind one that the run has said to be on disk;
 * and where a process exits with 0, the folder holds the model of the undisturbed run, to the bit, with the same
 * records, the same file for TensorBoard and the same best checkpoint, and nothing else but a lock of the dead, which
 *   the next to lock the folder removes.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { commit, machine, today } from '../../bench/machine.ts'
import { sha256, writeAtomic } from '../../src/disk.node.ts'
import { type Rng, rng } from '../../src/rng.ts'
import { findCheckpoint } from '../../src/runs/checkpoint.ts'
import { lockFolder } from '../../src/runs/lock.ts'
import { readRunFolder } from '../../src/runs/stored.ts'
import { toEvent } from '../../src/train/events.ts'
import { board, records, tensors } from '../support/recorded.ts'
import type { Death } from './dying.ts'

const MAIN = fileURLToPath(new URL('../../cli/main.js', import.meta.url))
const DYING = new URL('./dying.js', import.meta.url).href
const SPEECH = fileURLToPath(new URL('../../../test/fixtures/runs-0.1.0/speech', import.meta.url))
const RESULTS = fileURLToPath(new URL('../../../bench/results/', import.meta.url))

const COMMON = '--hidden 8 --batch 4 --threads 1 --json'
/** Real digits, the Brown corpus, synthetic speech. Each run has some 80 checkpoints. */
const RUNS: Readonly<Record<string, string>> = {
  adding:
    '--length 12 --train-size 300 --test-size 100 --target 0 --iterations 3000 --eval-every 500 --checkpoint-every 37',
  mnist: '--train-size 64 --test-size 20 --target 1 --iterations 800 --eval-every 150 --checkpoint-every 11',
  words: '--vocabulary-size 300 --length 5 --iterations 700 --eval-every 250 --checkpoint-every 9',
  phones: `--data ${SPEECH} --iterations 400 --eval-every 90 --checkpoint-every 5 --schedule constant`,
}
export const TASKS: readonly string[] = Object.keys(RUNS)

/** How often a run is killed before it may end. */
const A_RUN = 5

export interface Tally {
  readonly task: string
  readonly seed: number
  readonly kills: number
  /** Runs that the kills were spread over; each ended as the undisturbed one. */
  readonly runs: number
  /** SHA-256 of every run's model.safetensors. */
  readonly model: string
  /** Where they died: "writeSync checkpoint-last.safetensors.tmp", "from outside". */
  readonly places: Readonly<Record<string, number>>
}

interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** After so many milliseconds of the start or of training, or at a call of the file system. */
type End = { readonly ms: number; readonly training: boolean } | Death

async function command(home: string, args: readonly string[], death?: End): Promise<Ended> {
  const dies = death && 'call' in death
  const env = { ...process.env, ...(dies && { IRNN_DIES_AT: String(death.call), IRNN_DIES_WHEN: death.when }) }
  const child = spawn(process.execPath, [...(dies ? ['--import', DYING] : []), MAIN, ...args], { cwd: home, env })
  let [out, err] = ['', '']
  child.stdout.on('data', (data) => {
    out += data
  })
  child.stderr.on('data', (data) => {
    err += data
  })
  const ended = new Promise<Ended>((resolve) => child.on('close', (code) => resolve({ code, out, err })))
  if (death && 'ms' in death) {
    if (death.training) await Promise.race([ended, new Promise((resolve) => child.stdout.once('data', resolve))])
    await delay(death.ms)
    child.kill('SIGKILL')
  }
  return ended
}

/** Most in training, as that is where runs spend their lives. */
function drawn(random: Rng, calls: number): End {
  if (random.next() < 0.5) {
    const when = (['before', 'middle', 'after'] as const)[random.below(3)]!
    return { call: 1 + random.below(calls), when }
  }
  const training = random.next() < 0.7
  return { ms: random.below(training ? 300 : 500), training }
}

/** The last iteration of which a run said that it is on disk. */
function promised({ out }: Ended): number {
  const saved = out.split('\n').flatMap((line) => toEvent(line) ?? [])
  return Math.max(0, ...saved.flatMap((event) => (event.type === 'checkpoint' ? [event.iteration] : [])))
}

/** How often, with which seed, in which folder; of each run a part. */
interface Killing {
  readonly kills: number
  readonly seed: number
  readonly home: string
  readonly part?: number
}

/** Kills a task's runs so many times. @throws AssertionError where one of them does not end as it should */
export async function killed(task: string, { kills, seed, home, part = 1 }: Killing) {
  const shorter = RUNS[task]!.replace(/(?<=--iterations )\d+/, (most) => String(Math.round(part * Number(most))))
  const args = ['train', task, ...`${shorter} ${COMMON}`.split(' ')]
  const data = task === 'phones' ? ['--data', SPEECH] : []
  const whole = path.join(home, `${task}-whole`)
  const calls = await undisturbed(home, args, whole)
  const random = rng(seed, `kills/${task}`)
  const places: Record<string, number> = {}
  let [done, runs] = [0, 0]
  while (done < kills) {
    const dir = path.join(home, `${task}-${runs++}`)
    let saved = 0
    for (let deaths = 0; ; deaths++) {
      const begun = fs.existsSync(path.join(dir, 'config.json'))
      const death = deaths < A_RUN && done < kills ? drawn(random, begun ? Math.ceil(calls / 2) : calls) : undefined
      const ended = await command(
        home,
        begun ? ['train', '--resume', dir, '--json', ...data] : [...args, '--out', dir],
        death,
      )
      const told = `${task}, seed ${seed}, run ${runs}, death ${deaths}: ${JSON.stringify(death)}: ${ended.err}`
      if (ended.code !== null) {
        assert.equal(ended.code, 0, told)
        same(dir, whole, told)
        break
      }
      done += 1
      const place = /^dies \w+ (.*)$/m.exec(ended.err)?.[1] ?? 'from outside'
      places[place] = (places[place] ?? 0) + 1
      saved = Math.max(saved, promised(ended))
      readable(dir, saved, told)
    }
    fs.rmSync(dir, { recursive: true })
  }
  const model = sha256(fs.readFileSync(path.join(whole, 'model.safetensors')))
  return { task, seed, kills: done, runs, model, places } satisfies Tally
}

/** Makes the run that is not killed. Returns how many calls of its file system could have been its last. */
async function undisturbed(home: string, args: readonly string[], dir: string): Promise<number> {
  const { code, err } = await command(home, [...args, '--out', dir], { call: Number.POSITIVE_INFINITY, when: 'before' })
  assert.equal(code, 0, err)
  return Number(/^outlives (\d+) calls$/m.exec(err)![1])
}

/** A run that was killed. */
function readable(dir: string, saved: number, told: string): void {
  if (!fs.existsSync(path.join(dir, 'config.json'))) {
    assert.equal(saved, 0, told)
    return
  }
  const { config, problems } = readRunFolder(dir)
  assert.deepEqual(problems, [], told)
  if (saved === 0) return
  const { found } = findCheckpoint(dir, config, () => null)
  assert.ok(found && found.checkpoint.state.iteration >= saved, `${told}\nsaved: ${saved}`)
}

/** A run that has ended. */
function same(dir: string, whole: string, told: string): void {
  const bytes = (of: string, name: string) => fs.readFileSync(path.join(of, name))
  assert.deepEqual(bytes(dir, 'model.safetensors'), bytes(whole, 'model.safetensors'), told)
  assert.deepEqual(records(dir), records(whole), told)
  assert.deepEqual(board(dir), board(whole), told)
  const best = (of: string) => tensors(path.join(of, 'checkpoint-best.safetensors'))
  assert.deepEqual(best(dir), best(whole), told)
  lockFolder(dir)()
  assert.deepEqual(fs.readdirSync(dir).toSorted(), fs.readdirSync(whole).toSorted(), told)
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      kills: { type: 'string', default: '50' },
      seed: { type: 'string', default: '1' },
      save: { type: 'boolean', default: false },
    },
  })
  const home = fs.mkdtempSync(path.join(os.tmpdir(), 'irnn-kills-'))
  process.env.IRNN_CACHE = path.join(home, 'cache')
  const about = { date: today(), commit: commit(), machine: machine() }
  try {
    const tallies: Tally[] = []
    for (const task of TASKS) {
      const tally = await killed(task, { kills: Number(values.kills), seed: Number(values.seed), home })
      tallies.push(tally)
      console.log(`${task}: ${tally.kills} kills of ${tally.runs} runs, each to the same bits`)
    }
    if (values.save)
      writeAtomic(`${RESULTS}kills-${about.date}.json`, `${JSON.stringify({ ...about, tallies }, null, 1)}\n`)
  } finally {
    fs.rmSync(home, { recursive: true })
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()

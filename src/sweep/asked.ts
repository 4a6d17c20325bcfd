/**
 * Trials that a sampler of Optuna asks for one by one, having been told what those before came to (TPE; Bergstra et al.
 * 2011). It runs in a Python that has Optuna. What it asked and was told stands in the sweep's folder, in that order:
 * a sweep that goes on asks and tells all of it again, and the sampler is where it was.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import * as path from 'node:path'
import { createInterface } from 'node:readline'
import { writeAtomic } from '../disk.node.ts'
import { InputError } from '../error.ts'
import { METRICS } from '../metric.ts'
import { ASKED, type Entry, entriesIn, trialAt } from './askedFile.ts'
import type { Axis, Sweep, Value } from './file.ts'
import { type Outcome, sorted } from './folder.ts'
import type { Trial } from './trials.ts'

/** Speaks JSON, a line each way: first what is to be asked, then "ask", or what a trial came to. */
const PROGRAM = `
import json, sys
try:
    import optuna
except ImportError as error:
    print(json.dumps({"error": str(error)}), flush=True)
    sys.exit()
optuna.logging.set_verbosity(optuna.logging.ERROR)
import warnings
warnings.simplefilter("ignore")
told = json.loads(sys.stdin.readline())
D = optuna.distributions
KINDS = {
    "choices": lambda v: D.CategoricalDistribution(v),
    "uniform": lambda v: D.FloatDistribution(*v),
    "log": lambda v: D.FloatDistribution(*v, log=True),
    "whole": lambda v: D.IntDistribution(*v),
}
space = {name: KINDS[kind](v) for name, kind, v in told["space"]}
study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=told["seed"], constant_liar=True))
S = optuna.trial.TrialState
print(json.dumps({}), flush=True)
for line in sys.stdin:
    message = json.loads(line)
    if "ask" in message:
        print(json.dumps(study.ask(space).params), flush=True)
    elif message["value"] is None:
        study.tell(message["told"], state=S.FAIL)
    else:
        study.tell(message["told"], message["value"])
`

export interface Asked {
  readonly n: number
  readonly trial: Trial
}

export interface Sampler {
  /** What was asked for before and has not come to an end, then new ones; undefined: these were all. */
  next(): Promise<Asked | undefined>
  tell(n: number, outcome: Outcome): Promise<void>
  close(): void
}

/**
 * @param python what starts Python
 * @throws InputError, one line, when there is no Python with Optuna, or it asks for other trials than before
 */
export async function openSampler(dir: string, sweep: Sweep, python: string): Promise<Sampler> {
  const entries = entriesIn(dir)
  const child = spawn(python, ['-c', PROGRAM], { stdio: ['pipe', 'pipe', 'inherit'] })
  child.stdin.on('error', () => {}) // said where an answer is missing
  const answer = answersOf(child, python)
  const send = (message: unknown) => child.stdin.write(`${JSON.stringify(message)}\n`)
  const ask = async () => {
    send({ ask: true })
    return rounded(await answer())
  }
  const waiting: Asked[] = []
  let count = 0
  try {
    const space = Object.entries(sweep.space).map(([name, axis]) => [name, ...kindOf(axis)])
    send({ space, seed: sweep.seed })
    await answer() // that it has begun
    for (const one of entries) {
      if ('told' in one) {
        send(one)
        waiting.splice(0, waiting.length, ...waiting.filter(({ n }) => n !== one.told))
        continue
      }
      if (sorted(await ask()) !== sorted(one.asked)) throw new InputError(`${dir}: ${OTHER}`)
      waiting.push({ n: count++, trial: trialAt(sweep, one.asked) })
    }
  } catch (error) {
    child.kill()
    throw error
  }
  // One thing after the other: the file has them in the order in which Optuna heard them.
  let last: Promise<unknown> = Promise.resolve()
  const then = <T>(work: () => T | Promise<T>): Promise<T> => {
    const done = last.then(work)
    last = done.catch(() => {})
    return done
  }
  const keep = (one: Entry) => {
    entries.push(one)
    writeAtomic(path.join(dir, ASKED), entries.map((each) => `${JSON.stringify(each)}\n`).join(''))
  }
  return {
    async next() {
      if (waiting.length > 0 || count >= (sweep.trials ?? 0)) return waiting.shift()
      const n = count++
      return then(async () => {
        const asked = await ask()
        keep({ asked })
        return { n, trial: trialAt(sweep, asked) }
      })
    },
    tell: (n, outcome) =>
      then(() => {
        const told = { told: n, value: worthOf(outcome) }
        keep(told)
        send(told)
      }),
    close() {
      child.stdin.end()
    },
  }
}

const OTHER =
  'expected the Optuna that this sweep was begun with but it asks for other trials now: install that version, or ' +
  'name another --dir'

/** Lower is better; null: it has none. */
function worthOf(outcome: Outcome): number | null {
  if (outcome.kind !== 'done' || !Number.isFinite(outcome.score)) return null
  const { measure, score } = outcome
  return (typeof measure === 'string' ? METRICS[measure] : measure).lowerIsBetter ? score : -score
}

function kindOf(axis: Axis): [string, readonly Value[]] {
  if ('uniform' in axis) return ['uniform', axis.uniform]
  if ('log' in axis) return ['log', axis.log]
  if ('whole' in axis) return ['whole', axis.whole]
  return ['choices', axis]
}

/** Six digits, as those that are drawn without Optuna. */
function rounded(point: Record<string, Value>): Record<string, Value> {
  const short = (one: Value) => (typeof one === 'number' ? Number(one.toPrecision(6)) : one)
  return Object.fromEntries(Object.entries(point).map(([name, one]) => [name, short(one)]))
}

/** Its answers one by one, in order. */
function answersOf(child: ChildProcess, python: string): () => Promise<Record<string, Value>> {
  const heard: string[] = []
  const asking: ((line: string | null) => void)[] = []
  let ended = false
  const end = () => {
    ended = true
    for (const ask of asking.splice(0)) ask(null)
  }
  child.on('error', end)
  createInterface({ input: child.stdout! })
    .on('line', (line) => {
      const ask = asking.shift()
      if (ask) ask(line)
      else heard.push(line)
    })
    .on('close', end)
  return async () => {
    const line = heard.shift() ?? (ended ? null : await new Promise<string | null>((resolve) => asking.push(resolve)))
    const said = line === null ? { error: 'it ended' } : JSON.parse(line)
    if (!('error' in said)) return said
    throw new InputError(
      `--sampler optuna: expected a Python with Optuna but ${python} says: ${said.error}: pip install optuna, or ` +
        'name another one as IRNN_PYTHON',
    )
  }
}

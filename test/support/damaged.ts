/**
 * A process that gives commands damaged configs and records, and sends what it found; its arguments are a task and a
 * folder. It is one of its own because commands write to its standard streams.
 */
import * as fs from 'node:fs'
import * as path from 'node:path'
import { fileURLToPath } from 'node:url'
import { evalRun } from '../../cli/eval.ts'
import { infoRun } from '../../cli/info.ts'
import { hearPhones } from '../../cli/phones.ts'
import { resumeRun } from '../../cli/resume.ts'
import { sampleRun } from '../../cli/sample.ts'
import { InputError } from '../../src/error.ts'

const RUNS = fileURLToPath(new URL('../../../test/fixtures/runs-0.1.0', import.meta.url))
const SPEECH = path.join(RUNS, 'speech')

export interface Found {
  /** How many times a command refused a config in one line. */
  readonly refused: number
  /** Everything else that a config led to but an answer: what was damaged, and what came. */
  readonly failures: readonly string[]
}

type Json = { [key: string]: unknown }
interface Damage {
  /** "training.optimizer: null" */
  readonly what: string
  readonly value: unknown
}

const WRONG: readonly unknown[] = [undefined, null, 'x', -1.5, true, [], {}, { kind: 'x' }, '\x1b[31m\n']

/** What was stored with each field, at any depth, deleted and replaced by each of these. */
function* damages(stored: Json): Generator<Damage> {
  for (const fields of fieldsOf(stored)) {
    for (const wrong of WRONG) {
      const copy = structuredClone(stored)
      const inner = fields.slice(0, -1).reduce((at, name) => at[name] as Json, copy)
      const last = fields.at(-1)!
      if (wrong === undefined) delete inner[last]
      else inner[last] = wrong
      yield { what: `${fields.join('.')}: ${JSON.stringify(wrong)}`, value: copy }
    }
  }
  for (const value of [null, 5, 'x', [], {}]) yield { what: 'all of it', value }
}

function* fieldsOf(value: Json): Generator<string[]> {
  for (const [name, inner] of Object.entries(value)) {
    yield [name]
    if (typeof inner === 'object' && inner !== null) {
      for (const rest of fieldsOf(inner as Json)) yield [name, ...rest]
    }
  }
}

/** Commands by the task of the run; those that compute go on from a copy. */
const SOUND = path.join(SPEECH, 'TEST', 'DR1', 'MAAA0', 'SX2.WAV')
const drawn = { prompt: '', temperature: 1, words: 1, seed: 1 }
const COMMANDS: Readonly<Record<string, readonly ((dir: string) => Promise<number>)[]>> = {
  adding: [infoRun, (dir) => evalRun(dir, [], {}), (resume) => resumeRun({ resume, pauseAt: 1 })],
  mnist: [infoRun],
  phones: [infoRun, (run) => hearPhones(SOUND, { run }), (dir) => evalRun(dir, [], { data: SPEECH, json: true })],
  words: [infoRun, (dir) => infoRun(dir, { json: true }), (dir) => sampleRun(dir, drawn)],
}

const [task, home] = process.argv.slice(2) as [string, string]
process.env.IRNN_CACHE = path.join(home, 'cache')
let said = ''
for (const stream of [process.stdout, process.stderr]) {
  stream.write = (text: unknown) => {
    said += String(text)
    return true
  }
}
const dir = path.join(home, task)
fs.cpSync(path.join(RUNS, task), dir, { recursive: true })
const failures: string[] = []
let refused = 0
let n = 0

async function tryAll(what: string): Promise<void> {
  n += 1
  for (const [i, command] of COMMANDS[task]!.entries()) {
    if (i > 0 && (n + i) % 8 !== 0) continue // they take longer; 8 and the 9 wrong values have no common divisor
    said = ''
    try {
      await command(dir)
      const bad = /undefined|NaN|\[object|(?!\n)\p{Cc}/u.exec(said)
      if (bad) failures.push(`${what}, command ${i}: ${JSON.stringify(said)}`)
    } catch (error) {
      const { message, stack } = error as Error
      if (!(error instanceof InputError)) failures.push(`${what}, command ${i}: ${stack}`)
      else if (/\n|\[object|undefined at/.test(message)) failures.push(`${what}, command ${i}: ${message}`)
      else refused += 1
    }
  }
}

const config = path.join(dir, 'config.json')
const text = fs.readFileSync(config, 'utf8')
for (const { what, value } of damages(JSON.parse(text))) {
  fs.writeFileSync(config, JSON.stringify(value))
  await tryAll(`config.json: ${what}`)
}
fs.writeFileSync(config, text)
const records = path.join(dir, 'metrics.jsonl')
const lines = fs.readFileSync(records, 'utf8').trimEnd().split('\n')
for (const { what, value } of damages(JSON.parse(lines.at(-1)!))) {
  fs.writeFileSync(records, `${[...lines.slice(0, -1), JSON.stringify(value)].join('\n')}\n`)
  await tryAll(`metrics.jsonl: ${what}`)
}
process.send!({ refused, failures } satisfies Found)

/** Phones of speech on the command line: train, score with a table of confusions, and listen to a file or a stream. */
import * as fs from 'node:fs'
import type { BackendName } from '../src/backend/backend.ts'
import { createBackend } from '../src/backend/choose.ts'
import { explaining } from '../src/disk.node.ts'
import { InputError, shown } from '../src/error.ts'
import { FEATURES } from '../src/features/speech.ts'
import { loadModel, type Model } from '../src/model/model.ts'
import { readRunFolder } from '../src/runs/stored.ts'
import { createTask } from '../src/tasks/known.ts'
import { loadSpeech } from '../src/tasks/phones/load.node.ts'
import { createPhoneScore, type PhoneErrors } from '../src/tasks/phones/score.ts'
import { PHONE_STATES, THIRDS } from '../src/tasks/phones/targets.ts'
import { PHONES } from '../src/tasks/phones/timit.ts'
import { recipe } from '../src/tasks/recipes.ts'
import type { EvalEvent } from '../src/train/events.ts'
import { type Heard, listen } from './listen.ts'
import type { TrainFlags } from './settings.ts'
import { trainTask } from './train.ts'
import { duration, grouped, significant } from './words.ts'

/** Where speech and its targets come from. */
export interface SpeechSourceFlags {
  data?: string
  alignments?: string[]
  skipBad?: boolean
}

export interface PhonesFlags extends TrainFlags, SpeechSourceFlags {}

/** Runs `irnn train phones`. Returns the exit code. */
export async function trainPhones(flags: PhonesFlags): Promise<number> {
  const { cell, seed, bidirectional = false } = flags
  const chosen = recipe('phones', flags.recipe, cell)
  const layers = flags.layers ?? chosen.layers
  const task = createTask('phones', { seed }, { speech: loadSpeech({ ...flags, say }) })
  const name = `phones-${bidirectional ? 'bi-' : ''}${cell}-${layers}-seed${seed}`
  return trainTask({ task, recipe: chosen, name, title: `phones, ${task.head.size} states` }, flags)
}

interface PhonesRun {
  readonly model: Model
  /** Of its task. */
  readonly options: object
  /** Utterances at a time. */
  readonly batch: number
  readonly activationCheckpointing?: boolean | undefined
}

/** What `irnn eval` says of a run of phones beside its loss: three error rates, and who was taken for whom. */
export async function evalPhones(
  { model, options, batch, activationCheckpointing = false }: PhonesRun,
  flags: SpeechSourceFlags,
): Promise<{ test: EvalEvent['test']; phones: PhoneErrors }> {
  const speech = loadSpeech({ ...flags, say })
  const task = createTask('phones', options, { speech })
  const B = Math.min(batch, task.testSize)
  const plan = model.plan({ T: task.T, B, training: false, activationCheckpointing })
  const score = createPhoneScore(speech.set)
  let sum = 0
  let count = 0
  try {
    for (const minibatch of task.test(B)) {
      plan.forward(minibatch)
      score.add(minibatch, plan.logits)
      const loss = plan.loss(minibatch, { reduction: 'sum', gradient: false })
      sum += loss.loss
      count += loss.count
    }
  } finally {
    plan.dispose()
  }
  const phones = score.result()
  return { test: { loss: sum / count, frameError: phones.states }, phones }
}

/** The rates, and of the 39 phones what each was taken for most often. */
export function phoneErrorLines(phones: PhoneErrors): string[] {
  const { frames, states, phones48, phones39, confusion } = phones
  const percent = (share: number) => `${(100 * share).toFixed(2)} %`
  return [
    `frame error over states ${percent(states)}, 48 phones ${percent(phones48)}, 39 phones ${percent(phones39)}, ${grouped(frames)} frames`,
    'of each phone its frames, the share that was right, and what the others were taken for:',
    ...confusion.labels.flatMap((label, row) => confusionLine(label, row, confusion) ?? []),
  ]
}

const SHOWN = 5

function confusionLine(label: string, row: number, { labels, counts }: PhoneErrors['confusion']): string | null {
  const own = counts.subarray(row * labels.length, (row + 1) * labels.length)
  const all = own.reduce((sum, n) => sum + n, 0)
  if (all === 0) return null
  const share = (n: number) => `${((100 * n) / all).toFixed(1).padStart(5)} %`
  const others = [...own]
    .map((n, column) => ({ n, as: labels[column]! }))
    .filter(({ n, as }) => n > 0 && as !== label)
    .sort((a, b) => b.n - a.n)
    .slice(0, SHOWN)
  return `  ${label.padEnd(4)}${grouped(all).padStart(8)} ${share(own[row]!)}  ${others.map(({ n, as }) => `${as} ${share(n).trim()}`).join(', ')}`.trimEnd()
}

export interface ListenFlags {
  run: string
  frames?: boolean
  best?: boolean
  backend?: BackendName
  json?: boolean
}

/** Runs `irnn phones FILE`: every phone on a line as soon as it is over. Returns the exit code. */
export async function hearPhones(file: string, flags: ListenFlags): Promise<number> {
  const { run: dir, frames = false, best = false, backend: name, json = false } = flags
  const stored = readRunFolder(dir)
  const { task, model: spec } = stored.config
  if (task.name !== 'phones')
    throw new InputError(`${dir}: expected a run of phones but it is one of ${task.name}: name another with --run`)
  if (task.options.targets !== THIRDS.kind) {
    throw new InputError(
      `${dir}: expected states of phones but it was trained on ${shown(task.options.targets)}, which do not say what phone a state is: train on segments`,
    )
  }
  if ((spec as { rnn?: { bidirectional?: boolean } }).rnn?.bidirectional) {
    throw new InputError(
      `${dir}: expected a network of one direction but it reads both: it cannot answer before the end: train one without --bidirectional`,
    )
  }
  const what = file === '-' ? 'standard input' : file
  if (file !== '-' && !fs.existsSync(file)) throw new InputError(`${file}: there is no such file`)
  const piped = !(file === '-' ? fs.fstatSync(0) : fs.statSync(file)).isFile()
  const input = received(file === '-' ? process.stdin : fs.createReadStream(file), what)
  const backend = await createBackend({ name, threads: 1 })
  const model = stored.readModel(best ? 'best' : 'final', (source) => loadModel(source, { backend }))
  if (model.spec.head.size !== THIRDS.states || !('size' in model.spec.input) || model.spec.input.size !== FEATURES) {
    throw new InputError(`${dir}: expected a network of ${FEATURES} inputs and ${THIRDS.states} states: train it anew`)
  }
  const {
    frames: count,
    seconds,
    work,
  } = await listen(input, what, model, {
    piped,
    onFrame: frames ? (heard) => write(frameLine(heard, json)) : undefined,
    onPhone: frames ? undefined : ({ start, end, phone }) => write(phoneLine({ start, end, phone }, json)),
  })
  const factor = work > 0 ? seconds / work : 0
  const machine = backend.description
  process.stderr.write(
    `${grouped(count)} frames, ${duration(seconds)} of speech in ${significant(work)} s: ${significant(factor)} times real time, ` +
      `${significant((1e6 * work) / Math.max(1, count))} µs a frame of 10,000, answered 65 ms after it begins; ${machine}\n`,
  )
  model.dispose()
  return 0
}

/** @throws InputError where the system refuses to read, a folder for one */
async function* received(input: AsyncIterable<Uint8Array>, what: string): AsyncIterable<Uint8Array> {
  try {
    yield* input
  } catch (error) {
    explaining(what, 'cannot be read', () => {
      throw error
    })
  }
}

function say(line: string): void {
  process.stderr.write(`${line}\n`)
}

function write(line: string): void {
  process.stdout.write(`${line}\n`)
}

interface Span {
  readonly start: number
  readonly end: number
  readonly phone: number
}

function phoneLine({ start, end, phone }: Span, json: boolean): string {
  if (json) return JSON.stringify({ type: 'phone', start, end, phone: PHONES[phone] })
  return `${start.toFixed(2)}  ${end.toFixed(2)}  ${PHONES[phone]}`
}

function frameLine({ time, state, probability }: Heard, json: boolean): string {
  const phone = PHONES[THIRDS.phoneOf[state]!]
  const third = state % PHONE_STATES
  if (json) return JSON.stringify({ type: 'frame', time, phone, third, probability: Number(probability.toFixed(4)) })
  return `${time.toFixed(2)}  ${phone!.padEnd(4)}  ${third + 1}/${PHONE_STATES}  ${probability.toFixed(3)}`
}

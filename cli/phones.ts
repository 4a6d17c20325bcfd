/** `irnn phones FILE`: hears phones in a file or a stream. */
import * as fs from 'node:fs'
import type { Command } from 'commander'
import type { BackendName } from '../src/backend/backend.ts'
import { createBackend } from '../src/backend/choose.ts'
import { explaining } from '../src/disk.node.ts'
import { InputError, shown } from '../src/error.ts'
import { FEATURES } from '../src/features/speech.ts'
import { loadModel } from '../src/model/modelFile.ts'
import { duration, grouped, significant } from '../src/numbers.ts'
import { readRunFolder } from '../src/runs/stored.ts'
import { type Heard, listen } from '../src/tasks/phones/listen.ts'
import { PHONE_STATES, THIRDS } from '../src/tasks/phones/targets.ts'
import { PHONES } from '../src/tasks/phones/timit.ts'
import { BACKEND, BEST, JSON_LINES, withFlags } from './options.ts'
import { print, say } from './say.ts'

export interface ListenFlags {
  run: string
  frames?: boolean
  best?: boolean
  backend?: BackendName
  json?: boolean
}

/** @param finish takes the exit code */
export function listenCommand(program: Command, finish: (code: number) => void): void {
  const command = program
    .command('phones')
    .description('hear the phones of a recording, or of standard input, as they are spoken')
    .argument('<file>', 'SPHERE or RIFF of 16 kHz, 16 bits, one channel; - for standard input')
  withFlags(command, [
    { flag: '--run <dir>', required: true, help: 'folder of a run of irnn train phones, of one direction' },
    { flag: '--frames', help: 'a line for every frame: its time, phone, third and probability' },
    BEST,
    BACKEND,
    JSON_LINES,
  ]).action(async (file: string, flags: ListenFlags) => finish(await hearPhones(file, flags)))
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
      `${dir}: expected states of phones but it was trained on ${shown(task.options.targets)}, which do not say what ` +
        'phone a state is: train on segments',
    )
  }
  if ((spec as { rnn?: { bidirectional?: boolean } }).rnn?.bidirectional) {
    throw new InputError(
      `${dir}: expected a network of one direction but it reads both: it cannot answer before the end: train one ` +
        'without --bidirectional',
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
    onFrame: frames ? (heard) => print(frameLine(heard, json)) : undefined,
    onPhone: frames ? undefined : ({ start, end, phone }) => print(phoneLine({ start, end, phone }, json)),
  })
  const factor = work > 0 ? seconds / work : 0
  const machine = backend.description
  say(
    `${grouped(count)} frames, ${duration(seconds)} of speech in ${significant(work)} s: ${significant(factor)} ` +
      'times real time, ' +
      `${significant((1e6 * work) / Math.max(1, count))} µs a frame of 10,000, answered 65 ms after it begins; ` +
      `${machine}`,
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

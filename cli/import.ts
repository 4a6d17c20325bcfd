/** `irnn import FILE --out DIR`: a model that PyTorch trained, as the folder of a run. */
import * as path from 'node:path'
import type { Backend } from '../src/backend/backend.ts'
import { createBackend } from '../src/backend/choose.ts'
import { ownText, readingFile, readText } from '../src/disk.node.ts'
import { InputError } from '../src/error.ts'
import { type Flag, kindOf, oneOf } from '../src/flag.ts'
import { looksLikeOnnx } from '../src/formats/onnx/decode.ts'
import { decode, type Source, sourceOf } from '../src/formats/safetensors.ts'
import type { Cell } from '../src/layers/cells.ts'
import type { Model } from '../src/model/model.ts'
import { describeModel, loadModel, type ModelDescription, modelMetadata, modelParts } from '../src/model/modelFile.ts'
import { onnxStateDict, withSaid } from '../src/model/onnx/import.ts'
import { CELLS } from '../src/model/spec.ts'
import { type SpecParts, type StateDictOptions, stateDictOf } from '../src/model/stateDict.ts'
import { grouped } from '../src/numbers.ts'
import { sumOf } from '../src/runs/checksum.ts'
import { NO_TASK, type RunConfig, readRunFolder, type StoredRun } from '../src/runs/stored.ts'
import { refuseFolder, writeRunFolder } from '../src/runs/whole.ts'
import * as z from '../src/schema.ts'
import { TASKS } from '../src/tasks/tasks.node.ts'
import type { DoneEvent } from '../src/train/events.ts'
import { trainSpec } from '../src/train/options.ts'
import { VERSION } from '../src/version.ts'
import type { IrnnCommand } from './command.ts'
import { JSON_RESULT, withFlags } from './options.ts'
import { print, say } from './say.ts'

export interface ImportFlags {
  readonly out: string
  readonly names?: Readonly<Record<string, string>>
  readonly cell?: Cell
  readonly head?: 'last' | 'every'
  readonly kind?: 'classification' | 'regression'
  readonly spec?: string
  readonly like?: string
  readonly overwrite?: boolean
  readonly json?: boolean
}

const pairs = kindOf<Record<string, string>>(
  z.record(z.string(), z.string()),
  "pairs of a name in the file and one of irnn's, with commas between, say gru.=rnn.,fc.=head.",
  { parse: (text) => Object.fromEntries(text.split(',').map((pair) => pair.split('=').map((part) => part.trim()))) },
)

const FLAGS: readonly Flag[] = [
  { flag: '--out <dir>', required: true, help: 'folder of the run, new or empty' },
  {
    flag: '--names <list>',
    value: pairs,
    help: 'which tensors are which, where several could be: gru.=rnn.,fc.=head.',
  },
  { flag: '--cell <cell>', value: oneOf(...CELLS), help: 'of an nn.RNN: relu or tanh, which its shapes do not say' },
  {
    flag: '--head <steps>',
    value: oneOf('last', 'every'),
    help: 'what the head reads: the last step of a sequence, or every step (default: last)',
  },
  {
    flag: '--kind <kind>',
    value: oneOf('classification', 'regression'),
    help: 'what the head answers: a score for each class (default), or values (default for one output)',
  },
  { flag: '--spec <file>', help: 'a spec, or parts of one, as JSON, where the flags above do not say enough' },
  {
    flag: '--like <dir>',
    help: 'a run whose spec and task the model has: irnn eval then scores it on the same test set',
  },
  { flag: '--overwrite', help: 'replace the run that is in the folder' },
  JSON_RESULT,
]

export function importCommand(program: IrnnCommand, finish: (code: number) => void): void {
  const command = program
    .command('import')
    .description('make the folder of a run of a model from elsewhere: an nn.RNN, nn.LSTM or nn.GRU with a linear head')
    .argument('<file>', 'its state dict as safetensors, or an ONNX file')
  withFlags(command, FLAGS).action(async (file: string, flags: ImportFlags) => finish(await importFile(file, flags)))
}

/** Returns the exit code. */
export async function importFile(file: string, flags: ImportFlags): Promise<number> {
  const { out, overwrite = false, json = false } = flags
  refuseFolder(out, overwrite)
  // One thread: models are read and written, no more.
  const backend = await createBackend({ threads: 1 })
  try {
    const like = flags.like === undefined ? null : likeOf(flags.like, flags, backend)
    const { imported, model, description, notes } = readingFile(file, (source) =>
      spokenAsFlags(file, () => {
        const said = like?.how ?? { spec: saidOf(flags) }
        const held = isOnnx(source) ? heldInOnnx(source, said, flags) : { source, how: said, notes: [] }
        const { how: whole, taken } = wholeSpec(held.source, {
          ...held.how,
          ...(flags.names && { names: flags.names }),
        })
        const description = describeModel(held.source, whole)
        const imported = { file: path.basename(file), sha256: sumOf(source) }
        const model = loadModel(held.source, { backend, ...whole })
        return {
          imported,
          description,
          model,
          notes: [...held.notes, ...taken, ...(held.source === source ? cautions(model) : [])],
        }
      }),
    )
    const config = configOf(imported, model, like?.run.config)
    writeRunFolder(out, config, { overwrite, files: like?.files ?? {}, say }, (folder) => {
      const sha256 = folder.saveModel(modelParts(model, like?.metadata))
      folder.append({ ...NO_TRAINING, model: { sha256 } })
    })
    const { spec, origins, left } = description
    if (json) {
      const found = { spec, origins: Object.fromEntries(origins), left, notes }
      print(JSON.stringify({ type: 'import', dir: out, ...imported, ...found }))
    } else {
      for (const line of linesOf(file, description)) print(line)
      for (const note of notes) print(`  !        ${note}`)
      print(`${out}: model.safetensors, config.json; next: irnn info ${out}`)
    }
    return 0
  } finally {
    backend.dispose()
  }
}

function isOnnx(source: Source): boolean {
  const first = new Uint8Array(Math.min(8, source.size))
  source.read(0, first)
  return looksLikeOnnx(first)
}

/** An ONNX file as a state dict, with what its graph says. */
function heldInOnnx(source: Source, said: StateDictOptions, { names }: ImportFlags): Held {
  if (names)
    throw new InputError('--names: expected none for an ONNX file, whose graph says which is which: leave it out')
  const bytes = new Uint8Array(source.size)
  source.read(0, bytes)
  const { file, spec, notes } = onnxStateDict(bytes)
  return { source: sourceOf(file), how: { ...said, spec: withSaid(spec, said.spec ?? {}) }, notes }
}

interface Held {
  /** safetensors */
  readonly source: Source
  readonly how: StateDictOptions
  readonly notes: readonly string[]
}

/** What ends the records of a run: nothing was trained here. */
const NO_TRAINING: DoneEvent = {
  type: 'done',
  iteration: 0,
  seconds: 0,
  reason: 'iterations',
  stopped: false,
  test: null,
}

function configOf(imported: RunConfig['imported'] & object, model: Model, like: RunConfig | undefined): RunConfig {
  const { spec, backend } = model
  const { name, threads, description } = backend
  return {
    version: VERSION,
    title: `${imported.file}: ${spec.rnn.cell}, ${spec.rnn.hidden} units`,
    recipe: NO_TASK,
    seed: 0,
    task: like?.task ?? { name: NO_TASK, options: {} },
    model: spec,
    training: like?.training ?? trainSpec({ iterations: 1 }),
    checkpointEvery: null,
    backend: { name, threads, description },
    machine: { node: process.version, platform: process.platform, arch: process.arch },
    imported,
  }
}

/** Another run: what its models are, and what belongs to them. */
interface Like {
  readonly run: StoredRun
  /** Its spec, and the statistics of its inputs, which PyTorch's modules do not hold. */
  readonly how: StateDictOptions
  readonly metadata: Readonly<Record<string, string>>
  readonly files: Readonly<Record<string, string>>
}

function likeOf(dir: string, flags: ImportFlags, backend: Backend): Like {
  const also = (['spec', 'cell', 'head', 'kind'] as const).find((name) => flags[name] !== undefined)
  if (also) throw new InputError(`--${also}: expected none beside --like, whose spec says it: leave one of them out`)
  const run = readRunFolder(dir)
  const held = run.readModel('final', (source) => {
    const model = loadModel(source, { backend })
    const { spec, normalisation } = model
    model.dispose()
    const how = { spec, ...(normalisation && { normalisation }) }
    return { how, metadata: Object.fromEntries(modelMetadata(source)) }
  })
  const names = TASKS.find(({ name }) => name === run.config.task.name)?.files ?? []
  const files = names.map((name): [string, string] => [name, ownText(path.join(dir, name))])
  return { run, ...held, files: Object.fromEntries(files) }
}

/** What flags say of a spec. */
function saidOf({ spec, cell, head, kind }: ImportFlags): SpecParts {
  const parts = spec === undefined ? {} : partsOf(spec)
  return {
    ...parts,
    ...(cell && { rnn: { ...parts.rnn, cell } }),
    ...((head || kind) && { head: { ...parts.head, ...(head && { steps: head }), ...(kind && { kind }) } }),
  }
}

function partsOf(file: string): SpecParts {
  const text = readText(file)
  try {
    const parts: unknown = JSON.parse(text)
    if (typeof parts === 'object' && parts !== null && !Array.isArray(parts)) return parts
  } catch {}
  throw new InputError(`${file}: expected a spec, or parts of one, as a JSON object, but it is none: correct it`)
}

/**
 * What is taken where neither shapes nor flags say it. The weights and the logits of a step are the same either way, so
 * this decides only what is reported of them.
 */
const TAKEN = {
  steps: { head: { steps: 'last' }, note: 'taken to read the last step of a sequence: --head every if it reads all' },
  kind: { head: { kind: 'classification' }, note: 'taken to answer classes: --kind regression if it answers values' },
} as const

/** The spec with what is taken, and a line for each of that. @throws InputError if the cell is not said */
function wholeSpec(source: Source, how: StateDictOptions): { how: StateDictOptions; taken: readonly string[] } {
  const { tensors, metadata } = decode(source)
  if (metadata.has('irnn') && Object.keys(how.spec ?? {}).length === 0) return { how: {}, taken: [] }
  if (metadata.has('irnn')) return { how, taken: [] } // which loadModel refuses
  const { unsaid } = stateDictOf(tensors, how)
  // Another cell gives other numbers in silence, so this is asked for.
  if (unsaid.includes('cell')) {
    throw new InputError('model file: its shapes do not say which cell it is: add --cell relu or --cell tanh')
  }
  const taken = (['steps', 'kind'] as const).filter((name) => unsaid.includes(name)).map((name) => TAKEN[name])
  const head = Object.assign({}, how.spec?.head, ...taken.map((one) => one.head))
  return { how: { ...how, spec: { ...how.spec, head } }, taken: taken.map(({ note }) => `the head is ${note}`) }
}

/** Runs `work`; what it finds wrong is said of the file and of the flags that say names and spec. */
function spokenAsFlags<T>(file: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof InputError)) throw error
    const message = error.message
      .replace(/^(model|safetensors|ONNX) file: /, `${file}: `)
      .replace(/^(names|spec): /, '--$1: ')
      .replace(/names: (\{.*?\})/g, (_, map: string) => {
        const pairs = [...map.matchAll(/'(.*?)': '(.*?)'/g)].map(([, from, to]) => `${from}=${to}`)
        return `--names ${pairs.join(',')}`
      })
    throw new InputError(message)
  }
}

/** What was found and what it is taken for, a line each. */
function linesOf(file: string, { spec, origins, left }: ModelDescription): string[] {
  const { rnn, head, input } = spec
  const from = (name: string) => origins.get(name)!.slice(0, -name.slice(name.indexOf('.') + 1).length) || 'its top'
  const layers = `${rnn.layers} layer${rnn.layers > 1 ? 's' : ''}${rnn.bidirectional ? ', both directions' : ''}`
  const values = 'size' in input ? [`${input.size} value${input.size > 1 ? 's' : ''} a step`] : []
  const tokens =
    'vocabulary' in input ? [`tokens of ${grouped(input.vocabulary)}, from ${from('embedding.weight')}`] : []
  const answer = head.kind === 'regression' ? `${head.size} value${head.size > 1 ? 's' : ''}` : `${head.size} classes`
  const biases = ['rnn.bias_ih_l0', 'head.bias'].filter((name) => !origins.has(name))
  const steps = head.steps === 'last' ? 'after the last step' : 'at every step'
  return [
    path.basename(file),
    `  network  ${rnn.cell}, ${rnn.hidden} units, ${layers}, from ${from('rnn.weight_hh_l0')}`,
    `  reads    ${[...values, ...tokens].join(' and ')}`,
    ...(spec.projection
      ? [`  then     a linear layer of ${spec.projection.size}, from ${from('projection.weight')}`]
      : []),
    `  answers  ${answer} ${steps}, from ${from('head.weight')}`,
    ...(biases.length > 0 ? [`  biases   none in the file for ${biases.join(', ')}: they are 0`] : []),
    ...(left.length > 0 ? [`  left     ${left.join(', ')}: no part of the model`] : []),
  ]
}

/** What a graph would say and a state dict does not. */
function cautions({ spec: { rnn, head } }: Model): string[] {
  return rnn.bidirectional && head.steps === 'last' ? [BOTH_ENDS] : []
}

const BOTH_ENDS =
  'the head reads the end of each direction, torch.cat([h[-2], h[-1]], 1), not output[:, -1], which has one step of ' +
  'the backward direction'

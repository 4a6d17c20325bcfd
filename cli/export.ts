/** `irnn export RUN --onnx FILE`: the model of a run, or of a model's file, for other runtimes. */
import * as fs from 'node:fs'
import type { Command } from 'commander'
import type { Backend } from '../src/backend/backend.ts'
import { createBackend } from '../src/backend/choose.ts'
import { onnxOptionsOf } from '../src/data/onnx.ts'
import { schemaFrom } from '../src/data/run.node.ts'
import { SCHEMA } from '../src/data/save.node.ts'
import { explaining, kindOf, readingFile, writeAtomic } from '../src/disk.node.ts'
import { InputError, shown } from '../src/error.ts'
import { type Flag, names } from '../src/flag.ts'
import { decodeOnnx } from '../src/formats/onnx/decode.ts'
import type { OnnxValue } from '../src/formats/onnx/model.ts'
import type { Source } from '../src/formats/safetensors.ts'
import type { Model } from '../src/model/model.ts'
import { loadModel, modelMetadata } from '../src/model/modelFile.ts'
import { checkOnnx } from '../src/model/onnx/check.ts'
import { exportOnnx, type OnnxOptions, refuseOther, settingsOf } from '../src/model/onnx/export.ts'
import { grouped } from '../src/numbers.ts'
import { MODEL, readRunFolder } from '../src/runs/stored.ts'
import { BEST, JSON_RESULT, withFlags } from './options.ts'
import { print, say } from './say.ts'

/** Minibatches that `--check` tries, beside the one that every file is tried with. */
const CHECKED = [1, 2, 7, 20].flatMap((T) => [1, 4].map((B) => ({ T, B })))
/** What a file may go without. */
const LEFT_OUT = ['lengths', 'state']

interface ExportFlags {
  readonly onnx: string
  readonly check?: boolean
  readonly batchFirst?: boolean
  readonly without?: readonly string[]
  readonly overwrite?: boolean
  readonly best?: boolean
  readonly json?: boolean
}

const FLAGS: readonly Flag[] = [
  { flag: '--onnx <file>', required: true, help: 'the file to write, whose name ends in .onnx' },
  { flag: '--check', help: 'hold the file against the model on more random input, and say how far it is off' },
  { flag: '--batch-first', help: 'x [B,T,I] and logits [B,T,K], in place of [T,B,I] and [T,B,K]' },
  { flag: '--without <names>', value: names, help: `a file without ${LEFT_OUT.join(', ')}, or both, with a comma` },
  { flag: '--overwrite', help: 'replace the file' },
  BEST,
  JSON_RESULT,
]

/** @param finish takes the exit code */
export function exportCommand(program: Command, finish: (code: number) => void): void {
  const command = program
    .command('export')
    .description('write the model of a run as ONNX, for onnxruntime and other programs')
    .argument('<run>', "folder of a run of irnn train or irnn fit, or a model's file, model.safetensors")
  withFlags(command, FLAGS).action(async (run: string, flags: ExportFlags) => finish(await exportRun(run, flags)))
}

/** Returns the exit code. */
async function exportRun(run: string, flags: ExportFlags): Promise<number> {
  const { onnx: file, check = false, json = false, without = [] } = flags
  refuseFile(file, flags.overwrite === true)
  const unknown = without.find((name) => !LEFT_OUT.includes(name))
  if (unknown !== undefined) {
    throw new InputError(`--without: expected some of ${LEFT_OUT.join(', ')} but received ${shown(unknown)}`)
  }
  const backend = await createBackend({ threads: 1 })
  const { model, options } = opened(run, backend, flags)
  try {
    const given = { ...options, batchFirst: flags.batchFirst, lengths: kept('lengths'), state: kept('state') }
    const bytes = exportOnnx(model, given)
    const off = check ? checkOnnx(model, settingsOf(model.spec, given), bytes, CHECKED) : null
    if (off) refuseOther(off)
    explaining(file, 'cannot be written', () => writeAtomic(file, [bytes]))
    report(file, bytes, off, json)
    return 0
  } finally {
    model.dispose()
  }

  function kept(name: string): boolean {
    return !without.includes(name)
  }
}

/** The model of a folder or a file, and what a fit says of it. */
function opened(run: string, backend: Backend, { best = false }: ExportFlags): { model: Model; options: OnnxOptions } {
  const read = (source: Source, name: string) => {
    const text = modelMetadata(source).get(SCHEMA)
    const options = text === undefined ? {} : onnxOptionsOf(schemaFrom(text, `${run}: schema`))
    return { name, options, model: loadModel(source, { backend }) }
  }
  const stats = explaining(run, 'cannot be read', () => fs.statSync(run, { throwIfNoEntry: false }))
  const isFile = stats?.isDirectory() === false
  if (isFile && best) throw new InputError('--best: expected the folder of a run beside it but received a file')
  const made = isFile
    ? readingFile(run, (source) => naming(run, () => read(source, MODEL)))
    : readRunFolder(run).readModel(best ? 'best' : 'final', read)
  if (!best && made.name !== MODEL) say(`${run}: it has no ${MODEL}: exporting ${made.name}`)
  return made
}

/** What is wrong with a file, with the file's name. */
function naming<T>(file: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw error instanceof InputError ? new InputError(`${file}: ${error.message}`) : error
  }
}

/** @throws InputError unless the file can be written there: before anything is read */
function refuseFile(file: string, overwrite: boolean): void {
  if (!/\.onnx$/i.test(file)) {
    throw new InputError(`--onnx: expected a name that ends in .onnx but received ${shown(file)}`)
  }
  const stats = explaining(file, 'cannot be written', () => fs.lstatSync(file, { throwIfNoEntry: false }))
  if (!stats || (stats.isFile() && overwrite)) return
  if (stats.isFile()) throw new InputError(`${file}: it exists: name another file, or add --overwrite`)
  throw new InputError(`${file}: cannot be written: it is ${kindOf(stats)}: name another file`)
}

function report(file: string, bytes: Uint8Array, off: Readonly<Record<string, number>> | null, json: boolean): void {
  const { opset, graph } = decodeOnnx(bytes)
  const { inputs, outputs } = graph
  if (json) {
    print(JSON.stringify({ type: 'export', file, bytes: bytes.length, opset, inputs, outputs, check: off }))
    return
  }
  print(`${file}: ${grouped(bytes.length)} bytes, opset ${opset}`)
  print(`  in    ${inputs.map(spoken).join(', ')}`)
  print(`  out   ${outputs.map(spoken).join(', ')}`)
  const shares = Object.entries(off ?? {}).map(([name, share]) => `${name} ${share.toExponential(0)}`)
  const by = off
    ? ` ${CHECKED.length} more times; at most off, as a share of the largest number: ${shares.join(', ')}`
    : ''
  print(`  check run on random input, and held against the model${by}`)
}

function spoken({ name, type, shape }: OnnxValue): string {
  return `${name} [${shape}]${type === 'float32' ? '' : ` ${type}`}`
}

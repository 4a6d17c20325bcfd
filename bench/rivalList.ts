/** Who the rivals are, what each can do, and how its program is called. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import * as path from 'node:path'
import { fileURLToPath } from 'node:url'
import { environment, INSTALL, pythonOf } from './environments.ts'
import type { Isa } from './results.ts'

const BENCH = fileURLToPath(new URL('../../bench/', import.meta.url))

export interface Rival {
  readonly library: string
  /** The problems it has what it takes for. */
  readonly problems: readonly string[]
  readonly threads: readonly number[]
  /**
   * A command with its first arguments, or why there is none.
   * @param folder for what has to be built
   * @param isa the instruction set that everyone is held to
   */
  readonly command: (folder: string, isa: Isa | undefined) => readonly string[] | string
  /** Seconds after which it is stopped. */
  readonly timeout: number
  /** Its gradient is known to be another, and not checked; why stands in its program. */
  readonly lossOnly?: boolean
}

const ALL = ['S1 trained', 'S1 dense', 'S2', 'S3', 'S3g', 'S4', 'S5', 'S6']

export const RIVALS: readonly Rival[] = [
  { library: 'PyTorch', problems: ALL, threads: [1, 2], command: pytorch, timeout: 900 },
  { library: 'JAX', problems: ALL, threads: [1, 2], command: jax, timeout: 900 },
  { library: 'oneDNN', problems: ALL, threads: [1, 2], command: newOnednn, timeout: 300 },
  { library: 'oneDNN', problems: ALL, threads: [1, 2], command: debianOnednn, timeout: 300 },
  {
    library: 'TensorFlow.js',
    problems: ['S1 trained', 'S2', 'S5'],
    threads: [1, 2],
    command: npm('tfjs', '@tensorflow/tfjs-backend-wasm'),
    timeout: 300,
  },
  {
    library: 'jax-js',
    problems: ['S1 trained', 'S2', 'S3', 'S5', 'S6'],
    threads: [1],
    command: npm('jax', '@jax-js/jax', ['--stack-size=7000']),
    timeout: 300,
  },
  {
    library: 'brain.js',
    problems: ['S1 trained'],
    threads: [1],
    command: npm('brain', 'brain.js'),
    timeout: 300,
    lossOnly: true,
  },
  {
    library: 'onnxruntime',
    problems: ['S1 trained', 'S1 dense', 'S3', 'S3g', 'S5'],
    threads: [1, 2],
    command: onnxruntime,
    timeout: 300,
  },
]

/** Problems for which rivals have a forward pass only, or one too. */
export const FORWARD: readonly string[] = ['S1 trained', 'S1 dense', 'S3', 'S3g', 'S5']

/** Its environment's Python, else the first python3 with torch in it. */
function pytorch(): readonly string[] | string {
  const program = path.join(BENCH, 'rivals/pytorch.py')
  const folder = environment('pytorch')
  if (folder) return [pythonOf(folder), program]
  const tried = ['python3', '/usr/bin/python3']
  const found = tried.find((name) => spawnSync(name, ['-c', 'import torch, numpy']).status === 0)
  return found ? [found, program] : `not installed (${INSTALL}), and no torch in ${tried.join(' or ')}`
}

function jax(): readonly string[] | string {
  const folder = environment('jax')
  return folder ? [pythonOf(folder), path.join(BENCH, 'rivals/jax_scan.py')] : `not installed (${INSTALL})`
}

function newOnednn(folder: string, isa: Isa | undefined): readonly string[] | string {
  const home = environment('onednn')
  if (!home) return `not installed (${INSTALL})`
  const lib = path.join(home, 'lib')
  return onednn(folder, isa, ['-I', path.join(home, 'include'), '-L', lib, `-Wl,-rpath,${lib}`])
}

function debianOnednn(folder: string, isa: Isa | undefined): readonly string[] | string {
  if (!existsSync('/usr/include/oneapi/dnnl/dnnl.hpp')) return 'no headers (Debian: libdnnl-dev)'
  return onednn(folder, isa, [])
}

/** @param where flags that say where the library is */
function onednn(folder: string, isa: Isa | undefined, where: readonly string[]): readonly string[] | string {
  const program = path.join(folder, 'onednn')
  const flags = [
    '-O3',
    isa === 'avx2' ? '-march=haswell' : '-march=native',
    '-std=c++17',
    '-fopenmp',
    ...where,
    path.join(BENCH, 'rivals/onednn.cc'),
    '-ldnnl',
    '-o',
    program,
  ]
  const { status, stderr } = spawnSync(process.env.CXX ?? 'g++', flags, { encoding: 'utf8' })
  if (status === 0) return [program]
  const why = stderr?.split('\n').find((line) => line.includes('error')) ?? 'no C++ compiler'
  return `its program does not compile: ${why}`
}

/** @param flags of Node: an unrolled loop of 784 steps makes jax-js recurse deeper than its stack is by default */
function npm(program: string, library: string, flags: readonly string[] = []): Rival['command'] {
  return () => {
    if (!existsSync(path.join(BENCH, 'node_modules', library))) return `not installed (${INSTALL})`
    return [process.execPath, ...flags, path.join(BENCH, `rivals/${program}.mjs`)]
  }
}

function onnxruntime(folder: string, isa: Isa | undefined): readonly string[] | string {
  if (isa) return 'it has no switch for instruction sets'
  return npm('onnxruntime', 'onnxruntime-node')(folder, isa)
}

/**
 * What holds libraries to an instruction set. Those in JavaScript need nothing: vectors of WebAssembly have 128 bits.
 * oneDNN has two names for it, by version, and is also what multiplies inside XLA's Eigen. XLA's newer products, those of
 * YNNPACK, ask the processor alone and are left out: a product of 1024³ ran at 204 GFLOP/s where AVX2 ends at 134.
 */
export const HELD: Readonly<Record<Isa, Readonly<Record<string, string>>>> = {
  avx2: {
    ATEN_CPU_CAPABILITY: 'avx2',
    MKL_ENABLE_INSTRUCTIONS: 'AVX2',
    OPENBLAS_CORETYPE: 'Haswell',
    ONEDNN_MAX_CPU_ISA: 'AVX2',
    DNNL_MAX_CPU_ISA: 'AVX2',
    XLA_FLAGS: '--xla_cpu_max_isa=AVX2 --xla_cpu_experimental_ynn_fusion_type=',
  },
}

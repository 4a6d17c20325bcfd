// Runs the tests of the kernels in ways that the usual build cannot show.
//
//   node scripts/check-kernels.mjs address   with AddressSanitizer and UndefinedBehaviorSanitizer
//   node scripts/check-kernels.mjs thread    with ThreadSanitizer
//   node scripts/check-kernels.mjs aarch64   compiled for 64-bit Arm, under an emulator: Debian's packages
//                                            g++-aarch64-linux-gnu and qemu-user-static
//   node scripts/check-kernels.mjs addon     not the kernels but what binds them to Node, napi.cc, as `address`
//   node scripts/check-kernels.mjs no-avx    WebAssembly as V8 compiles it for x64 processors without AVX: all tests
//                                            that compute in their own process
//
// In the first three, kernels are compiled into a program of their own, test/kernels/host.cc, which the tests call in
// place of every backend. Several names run one after the other. Where the compiler, its libraries or the emulator are
// missing, a line says so, and that is no failure.
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { isAbsolute, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { COMMON, compiler, TARGETS } from './build.mjs'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const OUT = join(ROOT, 'build', 'checks')
/** Optimised a little, so that tests take seconds; lines of the source, but no variables, in reports. */
const SANITIZED = [...COMMON, '-O1', '-g1', '-fno-sanitize-recover=undefined']
const ADDRESS = '-fsanitize=address,undefined'
/** Leaks are not looked for: kernels allocate nothing, and Node ends without giving back what it has. */
const OPTIONS = { ASAN_OPTIONS: 'detect_leaks=0', TSAN_OPTIONS: 'halt_on_error=1', UBSAN_OPTIONS: 'print_stacktrace=1' }
/** Rooms whose tests compute, and hardly start a process, which would not get V8's flags. */
const COMPUTING = ['backend', 'features', 'layers', 'model', 'tasks', 'train']
const NUMBERS = ['backend/kernels', 'backend/sparse', 'model/golden', 'model/loss', 'model/stepper']

const WAYS = {
  address: {
    prepare: () => sanitizedHost('address', ADDRESS, 'AddressSanitizer and UndefinedBehaviorSanitizer'),
    tests: NUMBERS,
  },
  thread: {
    prepare: () => sanitizedHost('thread', '-fsanitize=thread', 'ThreadSanitizer'),
    tests: ['backend/threads'],
  },
  aarch64: { prepare: aarch64Host, tests: [...NUMBERS, 'backend/math', 'backend/threads'] },
  'no-avx': { prepare: onX64, tests: [...COMPUTING.flatMap(testsIn), 'earlier'], flags: ['--no-enable-avx'] },
  addon: { prepare: sanitizedAddon, tests: ['backend/bind', 'backend/gather', 'backend/native', 'backend/threads'] },
}

/** What a way needs is missing on this machine. */
class Missing extends Error {}

function run(command, args, options = {}) {
  const settings = { cwd: ROOT, encoding: 'utf8', maxBuffer: 1 << 28, ...options }
  const { status, stdout, stderr, error } = spawnSync(command, args, settings)
  return { ok: status === 0, output: error?.message ?? `${stdout}${stderr}`.trim() }
}

function must(command, args, options) {
  const { ok, output } = run(command, args, options)
  if (!ok) throw new Error(output)
  return output
}

/** @throws Missing unless a program that does nothing can be made with these flags, and runs */
function tryOut(command, flags, emulator, name) {
  const program = join(OUT, `${name}-nothing`)
  const made = run(command, [...flags, '-x', 'c++', '-', '-o', program], { input: 'int main() {}' })
  const [first, ...rest] = [...emulator, program]
  const ran = made.ok ? run(first, rest) : made
  if (!ran.ok) throw new Missing(ran.output.split('\n')[0])
}

/** Compiles host.cc; the environment in which tests call it. */
function host(name, { command, flags, emulator, description }) {
  tryOut(command, flags, emulator, name)
  const program = join(OUT, name)
  must(command, [...flags, '-pthread', join('test', 'kernels', 'host.cc'), '-o', program])
  return { IRNN_KERNEL_HOST: JSON.stringify({ command: [...emulator, program], description }) }
}

/** The instruction set whose kernels are checked on this machine: AVX2 where there is one, the baseline elsewhere. */
function setHere() {
  if (process.arch !== 'x64') return { set: 'baseline', units: 'NEON' }
  const flags = process.platform === 'linux' ? /^flags.*/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[0] : ''
  return / avx2( |$)/.test(flags) ? { set: 'avx2', units: 'AVX2+FMA' } : { set: 'baseline', units: 'SSE4.2' }
}

async function sanitizedHost(name, sanitizers, title) {
  const { set, units } = setHere()
  const flags = [...SANITIZED, sanitizers, ...(TARGETS[process.arch]?.[set] ?? []), `-DIRNN_TARGET=irnn_${set}`]
  const { command } = await compiler()
  return { env: host(name, { command, flags, emulator: [], description: `${units} with ${title}` }) }
}

function aarch64Host() {
  const flags = [...COMMON, ...TARGETS.arm64.baseline, '-DIRNN_TARGET=irnn_baseline', '-static']
  const emulator = ['qemu-aarch64-static']
  const description = 'NEON of aarch64 under qemu'
  return { env: host('aarch64', { command: 'aarch64-linux-gnu-g++', flags, emulator, description }) }
}

/** A copy of the package whose add-on has a sanitized napi.cc, and the kernels of the usual build. */
async function sanitizedAddon() {
  const { command } = await compiler()
  const sets = Object.keys(TARGETS[process.arch] ?? {})
  if (process.platform !== 'linux' || sets.length === 0) throw new Missing('expected Linux on x64 or arm64')
  tryOut(command, [...SANITIZED, ADDRESS], [], 'addon')
  const libraries = ['libasan.so', 'libubsan.so'].map((name) => must(command, [`-print-file-name=${name}`]))
  if (!libraries.every((path) => isAbsolute(path))) throw new Missing(`no shared ${libraries.join(', ')}`)
  must(process.execPath, [join('scripts', 'build.mjs'), 'native'])
  const root = join(OUT, 'package')
  const wasm = readdirSync(join(ROOT, 'build')).filter((file) => file.endsWith('.wasm'))
  for (const path of ['dist', 'package.json', ...wasm.map((file) => join('build', file))]) {
    cpSync(join(ROOT, path), join(root, path), { recursive: true })
  }
  const include = createRequire(import.meta.url)('node-api-headers').include_dir
  const defines = sets.map((set) => `-DIRNN_HAS_${set.toUpperCase()}`)
  const objects = sets.map((set) => join(ROOT, 'build', 'objects', `irnn_${set}.o`))
  const binding = [...SANITIZED, ADDRESS, '-fPIC', `-I${include}`, ...defines, join(ROOT, 'kernels', 'napi.cc')]
  must(command, [...binding, ...objects, '-shared', '-pthread', '-o', join(root, 'build', 'irnn.node')])
  return { env: { LD_PRELOAD: libraries.join(' ') }, root }
}

function onX64() {
  if (process.arch !== 'x64') throw new Missing('expected an x64 processor')
  return { env: {} }
}

/** The tests of a room, by their names without the ending. */
function testsIn(room) {
  const names = readdirSync(join(ROOT, 'test', room), { recursive: true })
  return names.filter((name) => name.endsWith('.test.ts')).map((name) => join(room, name.slice(0, -'.test.ts'.length)))
}

/** Prepares, then runs the tests of one way. Returns the line to say; @throws Error if a test fails */
async function check(name) {
  const start = performance.now()
  const seconds = () => ((performance.now() - start) / 1000).toFixed(0)
  const { prepare, tests, flags = [] } = WAYS[name]
  const { env, root = ROOT } = await prepare()
  const prepared = seconds()
  const files = tests.map((test) => join(root, 'dist', 'test', `${test}.test.js`))
  const options = [...flags, '--enable-source-maps', '--test', '--test-reporter=spec', '--test-concurrency=2']
  const output = must(process.execPath, [...options, ...files], { env: { ...process.env, ...OPTIONS, ...env } })
  const count = /^ℹ pass (\d+)/m.exec(output)?.[1]
  return `${count} tests pass, ${seconds()} s, ${prepared} s of them to compile`
}

async function main(names) {
  const wrong = names.find((name) => !(name in WAYS))
  if (names.length === 0 || wrong) {
    throw new Error(`check-kernels: expected some of ${Object.keys(WAYS).join(', ')} but received ${wrong ?? 'none'}`)
  }
  mkdirSync(OUT, { recursive: true })
  must(process.execPath, [join('scripts', 'build.mjs'), 'typescript'])
  for (const name of names) {
    try {
      console.log(`irnn: kernels, ${name}: ${await check(name)}`)
    } catch (error) {
      if (!(error instanceof Missing)) throw new Error(`kernels, ${name}: ${error.message}`)
      console.log(`irnn: kernels, ${name}: not checked here: ${error.message}`)
    }
  }
}

main(process.argv.slice(2)).catch((error) => {
  console.error(`irnn: ${error.message}`)
  process.exitCode = 1
})

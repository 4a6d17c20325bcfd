/** Where the native add-on comes from: the platform's package, else the build, else there is none and wasm serves. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import * as fs from 'node:fs'
import { createRequire } from 'node:module'
import * as os from 'node:os'
import * as path from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { PLATFORMS } from '../../src/backend/addon.node.ts'
import { VERSION } from '../../src/version.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const ADDON = path.join(ROOT, 'build', 'irnn.node')
const skip = !fs.existsSync(ADDON) && 'no add-on was built here'
const musl = process.platform === 'linux' && fs.readFileSync('/proc/self/maps', 'utf8').includes('/ld-musl-')
const here = `${musl ? 'linuxmusl' : process.platform}-${process.arch}`
const other = PLATFORMS.find((platform) => platform !== here)!

const home = fs.mkdtempSync(path.join(os.tmpdir(), 'irnn-addon-'))
after(() => fs.rmSync(home, { recursive: true }))
const link = (from: string, to: string) => fs.symlinkSync(from, to, 'junction')
fs.mkdirSync(path.join(home, 'node_modules'))
const irnn = path.join(home, 'node_modules', 'irnn')
fs.cpSync(path.join(ROOT, 'dist', 'src'), path.join(irnn, 'dist', 'src'), { recursive: true })
fs.cpSync(path.join(ROOT, 'package.json'), path.join(irnn, 'package.json'))
fs.mkdirSync(path.join(irnn, 'build'))
for (const name of fs.readdirSync(path.join(ROOT, 'build')).filter((name) => name.endsWith('.js'))) {
  link(path.join(ROOT, 'build', name), path.join(irnn, 'build', name))
}

type Manifest = { name: string; version: string; irnn?: { bytes: number; sha256: string } }

/** Puts a platform's package beside the package, and the add-on where a clone builds it if `built`. */
function install(platform: string | null, change = (_: Manifest, bytes: Buffer): Buffer => bytes, built = false): void {
  const build = path.join(irnn, 'build', 'irnn.node')
  fs.rmSync(build, { force: true })
  if (built) fs.cpSync(ADDON, build)
  fs.rmSync(path.join(home, 'node_modules', '@irnn'), { recursive: true, force: true })
  if (platform === null) return
  const folder = path.join(home, 'node_modules', '@irnn', platform)
  fs.mkdirSync(folder, { recursive: true })
  const addon = fs.readFileSync(ADDON)
  const digest = createHash('sha256').update(addon).digest('hex')
  const manifest = { name: `@irnn/${platform}`, version: VERSION, irnn: { bytes: addon.length, sha256: digest } }
  fs.writeFileSync(path.join(folder, 'irnn.node'), change(manifest, addon))
  fs.writeFileSync(path.join(folder, 'package.json'), JSON.stringify(manifest))
}

/** What a program gets by default, and what it gets if it wants the native backend: its description, or the error. */
function described(): readonly [free: string, named: string] {
  const code = `import { createBackend } from 'irnn'
    for (const name of [undefined, 'native']) {
      const said = createBackend({ name, threads: 1 }).then(({ description }) => description, String)
      console.log(await said)
    }`
  const args = ['--input-type=module', '-e', code]
  const { stdout, stderr, status, signal } = spawnSync(process.execPath, args, { cwd: home, encoding: 'utf8' })
  assert.deepEqual([stderr, status, signal], ['', 0, null])
  const [free, named] = stdout.split('\n')
  return [free!, named!]
}

const again = `run "npm install @irnn/${here}@${VERSION}"`
const wasm = (why: string) => new RegExp(`^wasm, [^,]+, 1 thread \\(no native add-on: ${why}\\)$`)

test('the version in the code is that of package.json', () => {
  assert.equal(VERSION, JSON.parse(fs.readFileSync(path.join(ROOT, 'package.json'), 'utf8')).version)
})

test('the package of the platform comes first, then the build', { skip }, () => {
  install(here, undefined, true)
  assert.match(described()[0], new RegExp(`^native, [^,]+, 1 thread \\(@irnn/${here}\\)$`))
  install(null, undefined, true)
  assert.match(described()[0], /^native, [^,]+, 1 thread \(built here\)$/)
})

/** [what is wrong, how, what is said] */
const UNFIT: readonly [string, (manifest: Manifest, addon: Buffer) => Buffer, string][] = [
  [
    'of another version',
    (manifest, addon) => {
      manifest.version = '0.0.9'
      return addon
    },
    `@irnn/${here} is version 0.0.9, not ${VERSION}`,
  ],
  ['cut off', (_, addon) => addon.subarray(0, addon.length / 2), `@irnn/${here} is damaged`],
  [
    'changed in one bit',
    (_, addon) => {
      addon[addon.length >> 1]! ^= 1
      return addon
    },
    `@irnn/${here} is damaged`,
  ],
  [
    'without its checksum',
    (manifest, addon) => {
      delete manifest.irnn
      return addon
    },
    `@irnn/${here} is damaged`,
  ],
]
for (const [wrong, change, said] of UNFIT) {
  test(`a platform's package ${wrong} is said to be so, and another serves`, { skip }, () => {
    install(here, change)
    const [free, named] = described()
    assert.match(free, wasm(`${said}: ${again}`))
    const error = `InputError: backend native: expected its add-on but ${said}: ${again}, or use --backend wasm`
    assert.equal(named, error)
    install(here, change, true)
    assert.match(described()[0], new RegExp(`^native, [^,]+, 1 thread \\(built here, for ${said}\\)$`))
  })
}

test('what is no add-on of Node is one line, though its checksum is right', { skip }, () => {
  install(here, (manifest) => {
    const text = Buffer.from('no add-on')
    manifest.irnn = { bytes: text.length, sha256: createHash('sha256').update(text).digest('hex') }
    return text
  })
  assert.match(described()[0], wasm(`@irnn/${here}: .+`))
})

test('without its package, and with that of another platform, one line says so', { skip }, () => {
  install(null)
  assert.match(described()[0], wasm(`@irnn/${here} is not installed: ${again}`))
  install(other)
  assert.match(
    described()[0],
    wasm(`@irnn/${here} is not installed, only @irnn/${other}, which is for another system: ${again}`),
  )
})

test('the add-on names the instruction sets that the system says the processor has', {
  skip: skip || (here !== 'linux-x64' && 'not Linux on x64'),
}, () => {
  const flags = /^flags.*/m.exec(fs.readFileSync('/proc/cpuinfo', 'utf8'))![0].split(' ')
  const has = (...names: string[]) => names.every((name) => flags.includes(name))
  const sets = { avx512: has('avx512f', 'avx512vl', 'avx512dq'), avx2: has('avx2', 'fma'), baseline: has('sse4_2') }
  const wanted = Object.entries(sets).flatMap(([set, there]) => (there ? [set] : []))
  assert.deepEqual(createRequire(import.meta.url)(ADDON).instructionSets, wanted)
})

/** Builds that are older than the code, or not there: said in a line; where nobody named one, another serves. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { gunzipSync, gzipSync } from 'node:zlib'
import { otherThanCode } from '../../src/backend/contract.ts'
import { KERNELS } from '../../src/backend/reference/index.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const home = fs.mkdtempSync(path.join(os.tmpdir(), 'irnn-builds-'))
after(() => fs.rmSync(home, { recursive: true }))
const counts = Object.fromEntries(Object.entries(KERNELS).map(([name, { length }]) => [name, length]))
const { gemm: _, ...without } = counts

test('a table of kernels is of this code if it has all, with the same number of arguments', () => {
  assert.equal(otherThanCode(counts), null)
  assert.equal(otherThanCode({ ...counts, later: 3 }), null)
  assert.equal(otherThanCode(undefined), 'it is older than the code')
  assert.equal(otherThanCode(without), 'it is older than the code: it has no gemm')
  assert.equal(otherThanCode({ ...counts, gemm: 8 }), 'it is of other code: its gemm takes 8 arguments, not 9')
})

/** A copy of the program, with what `change` leaves of the built kernels. */
function copied(change: (build: string) => void): string {
  const dir = fs.mkdtempSync(path.join(home, 'copy-'))
  for (const part of ['dist/src', 'dist/cli', 'dist/experiments', 'dist/corpora', 'build', 'kernels', 'package.json']) {
    fs.cpSync(path.join(ROOT, part), path.join(dir, part), {
      recursive: true,
      filter: (name) => !/^build.(?!irnn)|\.map$/.test(path.relative(ROOT, name)),
    })
  }
  fs.symlinkSync(path.join(ROOT, 'node_modules'), path.join(dir, 'node_modules'))
  change(path.join(dir, 'build'))
  return dir
}

function train(
  dir: string,
  flags: readonly string[],
  preload = '',
): { code: number | null; err: string; made: boolean } {
  const out = path.join(dir, `run-${flags.join('')}`)
  const before = preload === '' ? [] : ['--import', `data:text/javascript,${encodeURIComponent(preload)}`]
  const main = path.join(dir, 'dist', 'cli', 'main.js')
  const task = ['train', 'adding', '--length', '5', '--hidden', '4', '--batch', '2', '--iterations', '1', '--out', out]
  const { status, stderr } = spawnSync(process.execPath, [...before, main, ...task, ...flags], { encoding: 'utf8' })
  return { code: status, err: stderr, made: fs.existsSync(out) }
}

/** Makes Node load an add-on that exports this. */
const addon = (exports: object) => `process.dlopen = (module) => { module.exports = ${JSON.stringify(exports)} }`
const STALE: readonly [exports: object, wrong: RegExp][] = [
  [{ instructionSets: ['avx2', 'baseline'] }, /it is older than the code/],
  [{ instructionSets: ['baseline'], argumentCounts: without }, /it is older than the code: it has no gemm/],
  [{ instructionSets: ['baseline'], argumentCounts: { ...counts, gemm: 8 } }, /it is of other code: its gemm takes 8/],
  [{}, /it is older than the code/],
]

const whole = copied((build) => fs.writeFileSync(path.join(build, 'irnn.node'), '')) // an add-on to be replaced
test('an add-on of other code leaves the work to wasm, or is refused where it was named', () => {
  for (const [exports, wrong] of STALE) {
    const named = train(whole, ['--backend', 'native'], addon(exports))
    assert.deepEqual([named.code, named.made], [2, false], named.err)
    assert.match(named.err, wrong)
    assert.match(named.err, /^irnn: backend native: expected its add-on but .*: build it with "npm run build"[^\n]*\n$/)
  }
  const free = train(whole, [], addon(STALE[1]![0]))
  assert.equal(free.code, 0, free.err)
  assert.match(
    free.err,
    /; wasm, .* \(no native add-on: it is older than the code: it has no gemm: .*npm run build.*\)\n/,
  )
})

test('a file that is no add-on is one line', () => {
  const { code, err, made } = train(whole, ['--backend', 'native', '--seed', '2'])
  assert.deepEqual([code, made], [2, false], err)
  assert.match(err, /^irnn: backend native: expected its add-on but [^\n]*: build it with "npm run build"[^\n]*\n$/)
})

const rename = (build: string, from: string, to: string) => {
  const file = path.join(build, 'irnn-simd128.js')
  const [, head, text] = /^(.*export default ')([^']*)'/s.exec(fs.readFileSync(file, 'utf8'))!
  const module = gunzipSync(Buffer.from(text!, 'base64')).toString('latin1').replace(from, to)
  fs.writeFileSync(file, `${head}${gzipSync(Buffer.from(module, 'latin1')).toString('base64')}'\n`)
}
const list = `const { availableBackends, createEngine } = await import('./dist/src/backend/choose.js')
  console.log((await availableBackends()).map(({ name, instructionSet }) => instructionSet ?? name).join())
  for (const options of OPTIONS) {
    try { console.log((await createEngine(options)).description) } catch (error) { console.log(String(error)) }
  }`

function listed(dir: string, options: readonly object[]): string[] {
  const text = list.replace('OPTIONS', JSON.stringify(options))
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', text], {
    cwd: dir,
    encoding: 'utf8',
  })
  assert.equal(stderr, '')
  return stdout.trimEnd().split('\n')
}

test('wasm instruction sets that are not built are not offered', () => {
  const wasm = { name: 'wasm', threads: 1 }
  const one = copied((build) => fs.rmSync(path.join(build, 'irnn-relaxed-simd.js')))
  const [sets, , relaxed] = listed(one, [wasm, { ...wasm, instructionSet: 'relaxed-simd' }])
  assert.match(sets!, /^reference,simd128\b/)
  assert.match(
    relaxed!,
    /^InputError: instruction set: expected one of simd128, .* but received "relaxed-simd": "npm run build" builds all/,
  )
  const none = copied((build) => {
    for (const name of fs.readdirSync(build)) fs.rmSync(path.join(build, name))
  })
  const [left, ...refused] = listed(none, [wasm, {}, { name: 'native' }])
  assert.equal(left, 'reference')
  assert.match(
    refused[0]!,
    /^InputError: backend wasm: expected its modules in build\/ but they were not built: run "npm run build"$/,
  )
  assert.match(refused[1]!, /^InputError: backend wasm: .* not built/)
  assert.match(refused[2]!, /^InputError: backend native: expected its add-on but it was not built: build it with/)
})

test('a wasm module of other code is refused before it is used', () => {
  const old = copied((build) => rename(build, 'dense_step', 'dense_stop'))
  for (const threads of [1, 2]) {
    const [, refused] = listed(old, [{ name: 'wasm', threads, instructionSet: 'simd128' }])
    assert.match(
      refused!,
      /^InputError: backend wasm: it is older .*: it has no dense_step: build it with "npm run build wasm"$/,
    )
  }
})

/** Bundles as programs make them: what a page weighs, and that a bundle runs where nothing else of the package is. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import vm from 'node:vm'
import { gzipSync } from 'node:zlib'
import { type BuildOptions, build, type OutputFile } from 'esbuild'
import {
  adam,
  adding,
  createBackend,
  createModel,
  irnn,
  regression,
  saveModel,
  train,
  wasmModule,
} from '../src/index.ts'

const temporary = fs.mkdtempSync(path.join(os.tmpdir(), 'irnn-bundle-'))
after(() => fs.rmSync(temporary, { recursive: true }))

const INDEX = fileURLToPath(new URL('../src/index.js', import.meta.url))
const PROGRAM = `
  import { adam, adding, createBackend, createModel, irnn, regression, train } from ${JSON.stringify(INDEX)}
  async function main() {
    const backend = await createBackend()
    const task = adding({ T: 10, train: 100, test: 20 })
    const model = createModel({ input: 2, rnn: irnn(8), head: regression(1) }, { backend })
    const run = { batch: 10, iterations: 5, optimizer: adam({ lr: 0.01 }) }
    for await (const { type, test } of train(model, task, run)) {
      if (type === 'done') console.log(backend.description + '\\n' + test.mse + '\\n' + model.step([1, 0]).logits)
    }
  }
  main()`

async function bundle(options: BuildOptions): Promise<readonly OutputFile[]> {
  const stdin = { contents: PROGRAM, resolveDir: temporary }
  const made = await build({ stdin, bundle: true, write: false, outdir: temporary, logLevel: 'silent', ...options })
  return made.outputFiles ?? []
}

test('a page that trains and runs a model is at most 300 kB, gzip 110 kB, with the kernels that it loads', async () => {
  const files = await bundle({ minify: true, splitting: true, format: 'esm', platform: 'browser' })
  const named = (pattern: RegExp) => files.filter((file) => pattern.test(path.basename(file.path)))
  assert.equal(named(/^irnn-simd128/).length, 1)
  assert.equal(named(/^irnn-relaxed-simd/).length, 1)
  const loaded = files.filter((file) => !/^(irnn-simd128|reference)/.test(path.basename(file.path)))
  const sum = (size: (bytes: Uint8Array) => number) => loaded.reduce((total, file) => total + size(file.contents), 0)
  const [bytes, packed] = [sum(({ length }) => length), sum((data) => gzipSync(data, { level: 9 }).length)]
  assert.ok(bytes <= 300_000, `${bytes} bytes`)
  assert.ok(packed <= 110_000, `${packed} bytes gzipped`)
})

test('a bundle for Node has its kernels with it and trains to the same bits, as a module and in CommonJS', async () => {
  const backend = await createBackend({ name: 'wasm' })
  const model = createModel({ input: 2, rnn: irnn(8), head: regression(1) }, { backend })
  const task = adding({ T: 10, train: 100, test: 20 })
  let mse: unknown
  for await (const event of train(model, task, { batch: 10, iterations: 5, optimizer: adam({ lr: 0.01 }) })) {
    if (event.type === 'done') mse = event.test?.mse
  }
  const { logits } = model.step([1, 0])
  for (const [format, name] of [
    ['esm', 'program.mjs'],
    ['cjs', 'program.cjs'],
  ] as const) {
    const [file] = await bundle({ format, platform: 'node' })
    fs.writeFileSync(path.join(temporary, name), file!.contents)
    const out = execFileSync(process.execPath, [name], { cwd: temporary, encoding: 'utf8' })
    const [description, ...numbers] = out.trim().split('\n')
    assert.match(
      description!,
      /^wasm, .* \(no native add-on: the package irnn is not installed where the program is\)$/,
    )
    assert.deepEqual(numbers, [String(mse), String(logits)])
  }
})

test('a model streams where there is nothing but the language and WebAssembly, as in an audio worklet', async () => {
  const contents = `
    import { createBackendSync, loadModel } from ${JSON.stringify(INDEX)}
    globalThis.answer = (wasm, model, xs) => {
      const stepper = loadModel(model, { backend: createBackendSync({ wasm }) }).stepper()
      return xs.map((x) => [...stepper.step(x)])
    }`
  const [file] = await bundle({ stdin: { contents, resolveDir: temporary }, format: 'iife', platform: 'browser' })
  const scope = vm.createContext({})
  vm.runInContext(file!.text, scope)
  const backend = await createBackend({ name: 'wasm', threads: 1, instructionSet: 'simd128' })
  const model = createModel({ input: 2, rnn: irnn(8), head: regression(1) }, { backend })
  const stepper = model.stepper()
  const xs = [Float32Array.of(1, 0), Float32Array.of(0.5, -1)]
  const expected = xs.map((x) => [...stepper.step(x)])
  const kernels = await wasmModule({ instructionSet: 'simd128' })
  assert.equal(JSON.stringify(scope.answer(kernels, saveModel(model), xs)), JSON.stringify(expected))
})

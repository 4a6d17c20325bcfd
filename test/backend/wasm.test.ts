/**
 * What only the wasm backend has: a memory that can be full, modules to choose from, and a platform that may lack
 * things.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Floats } from '../../src/backend/backend.ts'
import { createBackend, createBackendSync, createEngine, wasmBytes, wasmModule } from '../../src/backend/choose.ts'
import { fusesMultiplyAdd } from '../../src/backend/relaxed.ts'

test('after a full memory the arrays are whole and kernels work', async () => {
  const backend = await createEngine({ name: 'wasm', threads: 1 })
  const x = backend.floats(1000).fill(2)
  backend.fma_peak(1, 1) // scratch slot 0 has something small
  const taken: Floats[] = []
  for (let n = 2 ** 28; n >= 16; ) {
    try {
      taken.push(backend.floats(n).subarray(0, 1))
    } catch {
      n /= 2
    }
  }
  for (let i = 0; i < 200; i++) {
    assert.throws(() => backend.fma_peak(2 ** 20, 0), /^RangeError: wasm memory: expected room for 16 MiB but/)
  }
  assert.throws(() => backend.fma_peak(2 ** 27, 0), /^RangeError: wasm memory: expected room for 2048 MiB but/)
  const last = taken.at(-1)!
  last.fill(3)
  backend.free(taken[1]!)
  const fresh = backend.floats(1000).fill(5)
  assert.equal(backend.fma_peak(1, 1), 96)
  assert.equal(backend.sum_of_squares(1000, x), 4000)
  assert.ok(fresh.every((value) => value === 5))
  assert.equal(last[0], 3)
})

test('the same on threads', async () => {
  const backend = await createEngine({ name: 'wasm', threads: 2 })
  for (let i = 0; i < 200; i++) {
    assert.throws(() => backend.fma_peak(2 ** 28 - 1, 0), /^RangeError: wasm memory: expected room for 4096 MiB but/)
  }
  assert.equal(backend.fma_peak(2, 1), 192)
})

test('relaxed SIMD where it is there and rounds once, else plain SIMD, and either on request', async (t) => {
  const plain = { name: 'wasm', threads: 1, instructionSet: 'simd128' } as const
  const relaxed = { ...plain, instructionSet: 'relaxed-simd' } as const
  const best = await createEngine({ name: 'wasm', threads: 1 })
  assert.equal(best.instructionSet, fusesMultiplyAdd() ? 'relaxed-simd' : 'simd128')
  assert.equal((await createEngine(plain)).description, 'wasm, SIMD128, 1 thread')
  if (fusesMultiplyAdd()) assert.equal((await createEngine(relaxed)).description, 'wasm, relaxed SIMD, 1 thread')
  await assert.rejects(createEngine({ ...plain, instructionSet: 'avx2' }), {
    name: 'InputError',
    message:
      /^instruction set: expected one of (relaxed-simd, )?simd128, which run here and are built, but received "avx2": /,
  })
  const without = async (): Promise<void> => {
    assert.equal((await createEngine({ name: 'wasm', threads: 1 })).instructionSet, 'simd128')
    await assert.rejects(createEngine(relaxed), {
      message: /^instruction set: expected one of simd128, which run here and are built, but received "relaxed-simd": /,
    })
  }
  const { validate: really } = WebAssembly
  const validate = t.mock.method(WebAssembly, 'validate', (bytes: Uint8Array<ArrayBuffer>) => {
    return really(bytes) && !String(bytes).includes('253,133,2') // relaxed_madd
  })
  await without()
  validate.mock.mockImplementation(() => false)
  await assert.rejects(createEngine(plain), {
    name: 'InputError',
    message: /^backend wasm: expected WebAssembly with SIMD but there is none here: .*"reference" }\), which is slow$/,
  })
  validate.mock.restore()
  // A processor without FMA: the product is rounded before the sum.
  const f = (a: number, c: number): number => Math.fround(Math.fround(a * a) + c)
  t.mock.method(
    WebAssembly,
    'Instance',
    class {
      exports = { f }
    } as never,
  )
  await without()
})

test('the relaxed module has no relaxed instruction but multiply-add: the others may lose NaN', () => {
  const bytes = readFileSync(new URL('../../../build/irnn-relaxed-simd.wasm', import.meta.url))
  const found = new Set<string>() // f32x4.relaxed_madd is fd 85 02, others are fd 80 02 … fd 94 02
  for (let at = bytes.indexOf(0xfd); at >= 0; at = bytes.indexOf(0xfd, at + 1)) {
    const [, opcode, page] = bytes.subarray(at, at + 3)
    if (page === 2 && opcode! >= 0x80 && opcode! <= 0x94) found.add(opcode!.toString(16))
  }
  assert.deepEqual([...found], ['85'], 'see select() in kernels/simd.h')
})

test('wasmBytes gives the file of each instruction set, of plain SIMD by default, and a backend runs it', async () => {
  for (const instructionSet of ['simd128', 'relaxed-simd'] as const) {
    const file = readFileSync(new URL(`../../../build/irnn-${instructionSet}.wasm`, import.meta.url))
    assert.deepEqual(Buffer.from(await wasmBytes({ instructionSet })), file)
  }
  const bytes = await wasmBytes()
  assert.deepEqual(bytes, await wasmBytes({ instructionSet: 'simd128' }))
  const backend = await createBackend({ wasm: bytes, threads: 1 })
  assert.match(backend.description, /^wasm, SIMD128, 1 thread/)
  await assert.rejects(wasmBytes({ instructionSet: 'simd12' as 'simd128' }), {
    name: 'InputError',
    message: 'instruction set: expected simd128 or relaxed-simd but received "simd12"; did you mean simd128?',
  })
})

test('a runtime that compiles no code of a program takes the kernels as a module of plain SIMD', async (t) => {
  const plain = await wasmModule({ instructionSet: 'simd128' })
  const relaxed = fusesMultiplyAdd() && (await wasmModule({ instructionSet: 'relaxed-simd' }))
  const { customSections } = WebAssembly.Module
  const refusing = class {
    static readonly customSections = customSections
    constructor() {
      throw new WebAssembly.CompileError('WebAssembly.Module(): Wasm code generation disallowed by embedder')
    }
  }
  t.mock.method(WebAssembly, 'Module', refusing as never)
  assert.match((await createBackend({ wasm: plain })).description, /^wasm, SIMD128, 1 thread/)
  assert.match(createBackendSync({ wasm: plain }).description, /^wasm, SIMD128, 1 thread/)
  if (!relaxed) return
  await assert.rejects(createBackend({ wasm: relaxed }), {
    name: 'InputError',
    message: 'wasm: expected a module for simd128, which runs here, but received one for "relaxed-simd"',
  })
})

test('where 128 MiB are refused, 64 serve', async (t) => {
  const { Memory } = WebAssembly
  const most = 127 * 16 // pages
  const small = class extends Memory {
    constructor(descriptor: WebAssembly.MemoryDescriptor) {
      if (descriptor.initial > most) throw new RangeError('could not allocate memory')
      super(descriptor)
    }
  }
  t.mock.method(WebAssembly, 'Memory', small as never)
  const backend = await createEngine({ name: 'wasm', threads: 1 })
  assert.equal(backend.floats(2 ** 20).length, 2 ** 20)
  assert.throws(
    () => backend.floats(2 ** 24),
    /^RangeError: wasm memory: expected room for 64 MiB but .* of 6\d MiB has/,
  )
})

/** Runs a script as a page would, by the browser's platform file. */
function asPage(script: string): string {
  const platform = new URL('../../src/backend/platform.browser.js', import.meta.url).href
  const hooks = `export const resolve = (name, context, next) =>
    next(name === '#platform' ? '${platform}' : name, context)`
  const before = `
    import { register } from 'node:module'
    register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(hooks)}`)})
    globalThis.navigator ??= { hardwareConcurrency: 2 }
    globalThis.Worker = class {}
    const { createBackend } = await import('${new URL('../../src/index.js', import.meta.url).href}')`
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', before + script], {
    encoding: 'utf8',
  })
  assert.equal(stderr, '')
  return stdout
}

test('a page that is not cross-origin isolated has one thread, and says why', () => {
  const printed = asPage(`
    const backend = await createBackend()
    console.log(backend.description, backend.sum_of_squares(3, backend.floats(3).fill(2)))
    await createBackend({ threads: 2 }).catch((error) => console.log(error.name, error.message))`)
  const [description, error] = printed.trim().split('\n')
  assert.match(description!, /^wasm, (SIMD128|relaxed SIMD), 1 thread \(the page is not cross-origin isolated: /)
  assert.match(description!, /: .*\) \(no native add-on: this is not Node\) 12$/)
  assert.match(
    error!,
    /^InputError threads: expected 1 but received 2: the page is not cross-origin isolated: it needs the headers/,
  )
})

test('where workers cannot start, one thread runs and says why', () => {
  const printed = asPage(`
    globalThis.crossOriginIsolated = true
    globalThis.Worker = class { postMessage() { queueMicrotask(() => this.onerror({ message: 'no' })) } terminate() {} }
    for (const options of [{ name: 'wasm' }, { threads: 3 }]) {
      const backend = await createBackend(options)
      console.log(backend.description, backend.sum_of_squares(3, backend.floats(3).fill(2)))
    }`)
  const [usual, three] = printed.trim().split('\n')
  assert.match(usual!, /^wasm, .*, 1 thread \(threads: expected \d but the system gave 1 \(no\): use fewer, .*\) 12$/)
  assert.match(three!, /^wasm, .*, 1 thread \(threads: expected 3 but the system gave 1 \(no\): use fewer, .*\).* 12$/)
})

/**
 * On x64 without AVX, V8's baseline compiler takes other instructions. It computed one of them wrong (kernels/lanes.h):
 * gradients of sparse recurrences were off by up to 10^27. The table of kernels did not see it, because its inputs have
 * too few zeros to leave out.
 */
test('the kernels are right on a processor without AVX, too', { skip: process.arch !== 'x64' }, () => {
  for (const name of ['./sparse.test.js', '../model/golden.test.js']) {
    const file = fileURLToPath(new URL(name, import.meta.url))
    const { NODE_TEST_CONTEXT: _, ...env } = process.env // else it reports to this test's runner
    const { status, stdout } = spawnSync(process.execPath, ['--no-enable-avx', file], { env, encoding: 'utf8' })
    assert.equal(status, 0, stdout.match(/^ *not ok .*/gm)?.join('\n'))
    assert.match(stdout, /^# fail 0$/m)
  }
})

/** The build script, on a tree with the script, kernels of one line, and the real compilers. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const compiler = process.env.CXX ?? (process.platform === 'darwin' ? 'clang++' : 'g++')
const skip =
  (process.arch !== 'x64' && 'the instruction sets below are those of x64') ||
  (spawnSync(compiler, ['--version']).status !== 0 && 'there is no C++ compiler')

/** An add-on that says which sets it holds, and what number each of them was compiled with. */
const BINDING = `#include <node_api.h>
#include "answer.h"
#define SET(name) namespace irnn_##name { extern int answer(); }
SET(avx512) SET(avx2) SET(baseline)
static void put(napi_env env, napi_value to, const char* name, int answer) {
  napi_value number;
  napi_create_int32(env, answer, &number);
  napi_set_named_property(env, to, name, number);
}
NAPI_MODULE_INIT() {
#if defined(IRNN_HAS_AVX512)
  put(env, exports, "avx512", irnn_avx512::answer());
#endif
#if defined(IRNN_HAS_AVX2)
  put(env, exports, "avx2", irnn_avx2::answer());
#endif
#if defined(IRNN_HAS_BASELINE)
  put(env, exports, "baseline", irnn_baseline::answer());
#endif
  return exports;
}
`
const WASM = `#define IRNN_TARGET irnn_wasm
#include "all.cc"
extern "C" __attribute__((export_name("answer"))) int answer() { return irnn_wasm::answer(); }
`

const folder = mkdtempSync(join(tmpdir(), 'irnn-build-'))
after(() => rmSync(folder, { recursive: true, force: true }))

function write(name: string, text: string): void {
  writeFileSync(join(folder, 'kernels', name), text)
}

/** Another number for the kernels to return. The header is included by an included file: both count as sources. */
const edit = (answer: number): void => write('answer.h', `#define ANSWER ${answer}\n`)

mkdirSync(join(folder, 'kernels'))
for (const name of ['build.mjs', 'build-wasm.mjs', 'build-web.mjs', 'web-play.mjs'])
  cpSync(join(ROOT, 'scripts', name), join(folder, 'scripts', name))
cpSync(join(ROOT, 'package.json'), join(folder, 'package.json'))
symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
write('napi.cc', BINDING)
write('wasm.cc', WASM)
write('all.cc', '#include "answer.h"\nnamespace IRNN_TARGET { int answer() { return ANSWER; } }\n')
edit(1)

function build(...args: string[]): { status: number | null; lines: string } {
  const { status, stderr } = spawnSync(process.execPath, [join(folder, 'scripts', 'build.mjs'), ...args], {
    encoding: 'utf8',
  })
  return { status, lines: stderr }
}

/** The add-on that was built, loaded under a name of its own: Node loads a file once. */
let copies = 0
function addon(): Record<string, number> {
  const copy = join(folder, `copy-${copies++}.node`)
  cpSync(join(folder, 'build', 'irnn.node'), copy)
  return { ...(createRequire(import.meta.url)(copy) as Record<string, number>) }
}

describe('the build script', () => {
  test('refuses what is no part, and an instruction set that its part does not have', () => {
    for (const args of [['kernels'], ['avx2'], ['typescript', 'avx2'], ['native', 'simd128']]) {
      const { status, lines } = build(...args)
      assert.equal(status, 1)
      assert.match(lines, new RegExp(`^irnn: build failed: argument: expected .* but received ${args.at(-1)}\n$`))
    }
    assert.ok(!existsSync(join(folder, 'build')))
  })

  test('one instruction set after an edit: older ones are left out of the add-on, and said to be', { skip }, () => {
    assert.deepEqual(build('native'), { status: 0, lines: '' })
    assert.deepEqual(addon(), { avx512: 1, avx2: 1, baseline: 1 })
    edit(2)
    const { status, lines } = build('native', 'avx2')
    assert.equal(status, 0)
    assert.match(lines, /^irnn: build\/irnn\.node has avx2 only; without avx512, baseline, .*\n$/)
    assert.deepEqual(addon(), { avx2: 2 })
  })

  test('sets that are up to date stay in the add-on', { skip }, () => {
    assert.equal(build('native', 'baseline').status, 0)
    assert.deepEqual(addon(), { avx2: 2, baseline: 2 })
    edit(1) // avx512 was compiled from just this, and is up to date again
    build('native', 'avx2')
    assert.deepEqual(addon(), { avx512: 1, avx2: 1 })
    assert.deepEqual(build('native'), { status: 0, lines: '' })
    assert.deepEqual(addon(), { avx512: 1, avx2: 1, baseline: 1 })
  })

  test('the add-on goes where the kernels do not compile', { skip }, () => {
    write('answer.h', '#define ANSWER undeclared\n')
    assert.match(build('native', 'avx2').lines, /native kernels not built, WebAssembly serves: .*undeclared/s)
    assert.ok(!existsSync(join(folder, 'build', 'irnn.node')))
    edit(1)
    build('native')
    assert.deepEqual(addon(), { avx512: 1, avx2: 1, baseline: 1 })
  })

  test('of WebAssembly, older modules of the other instruction sets are deleted', () => {
    const there = (file: string): boolean => existsSync(join(folder, 'build', file))
    assert.deepEqual(build('wasm'), { status: 0, lines: '' })
    assert.deepEqual(build('wasm', 'simd128'), { status: 0, lines: '' })
    assert.ok(there('irnn-relaxed-simd.wasm') && there('irnn-relaxed-simd.js'))
    edit(3)
    assert.match(build('wasm', 'simd128').lines, /build\/irnn-relaxed-simd\.wasm was older than its sources/)
    assert.ok(there('irnn-simd128.wasm') && there('irnn-simd128.js'))
    assert.ok(!there('irnn-relaxed-simd.wasm') && !there('irnn-relaxed-simd.js'))
  })
})

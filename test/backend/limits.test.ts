/** A machine that refuses memory or threads ends no program: fewer threads with a line, an error at the call. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Engine } from '../../src/backend/backend.ts'
import { availableBackends, createEngine } from '../../src/backend/choose.ts'
import { startThread } from '../../src/backend/platform.node.ts'
import type { Thread, Work } from '../../src/backend/threads.ts'
import { wasmBackend } from '../../src/backend/wasm.ts'
import { embeddedWasm, withSharedMemory } from '../../src/backend/wasmFile.ts'
import { ended, noLimits, script } from '../support/scarce.ts'

const CHOOSE = new URL('../../src/backend/choose.js', import.meta.url).href
const MAIN = fileURLToPath(new URL('../../cli/main.js', import.meta.url))
const all = await availableBackends()
const native = all.some(({ name }) => name === 'native')
const skip = noLimits ?? (native ? false : 'there is no native backend here')
/** It says how many there are, how many were wanted, and what to do. */
const FEWER =
  /^(native|wasm), [^,]+, (\d+) threads? \(threads: expected (\d+) but the system gave \2( \(.+\))?: use fewer, /

test('native: threads that the system has no memory for are fewer threads, and the same bits', { skip }, async () => {
  const { out, err, code } = script(
    `limit(150) // a thread has a stack of 8 MiB
    const backend = await createEngine({ name: 'native', threads: 200 })
    unlimit()
    const x = backend.floats(200_000).fill(0.1)
    console.log(JSON.stringify([backend.description, backend.threads, backend.sum_of_squares(200_000, x)]))`,
    { '{ createEngine }': CHOOSE },
  )
  assert.deepEqual([err, code], ['', 0])
  const [description, threads, sum] = JSON.parse(out) as [string, number, number]
  const [, , had, wanted] = FEWER.exec(description) ?? []
  assert.deepEqual([had, wanted], [String(threads), '200'], description)
  assert.ok(threads < 30, description)
  const one = await createEngine({ name: 'native', threads: 1 })
  assert.equal(sum, one.sum_of_squares(200_000, one.floats(200_000).fill(0.1)))
})

// Root is above the limit, so the command runs as another user. Node itself has 11 threads.
const root = process.getuid?.() === 0 && spawnSync(process.execPath, [MAIN, '--version'], { uid: 65533 }).status === 0
for (const { name } of all.filter(({ name }, i) => all.findIndex((other) => other.name === name) === i)) {
  if (name === 'reference') continue
  const why = noLimits ?? (root ? false : 'needs root, and files that others may read')
  test(`${name}: threads beyond the limit on processes are fewer threads, or none`, { skip: why }, () => {
    for (const most of [11, 12, 16, 20]) {
      const text = `const { createBackend } = await import('${CHOOSE}')
        const { readFile } = await import('node:fs/promises')
        const { description } = await createBackend({ name: '${name}', threads: 64 })
        for (let i = 0; i < 8; i++) await readFile('/dev/null') // on threads of Node's own, which it needs to go on
        console.log(description)`
      const { out, err, code, signal } = ended(
        spawnSync(
          'bash',
          ['--norc', '-c', `ulimit -u ${most}; exec "$0" --input-type=module -e "$1"`, process.execPath, text],
          {
            uid: 65533,
            gid: 65533,
            cwd: '/',
          },
        ),
      )
      assert.deepEqual([code, signal, err], [0, null, ''], `at most ${most}`)
      assert.match(out, FEWER)
    }
  })
}

/** The wasm backend on the workers of Node, but for those from number `refused` on. */
async function withRefused(refused: number, how: (work: Work) => Thread): Promise<Engine> {
  const start = (work: Work, died: (why: string) => void) =>
    work.worker >= refused ? how(work) : startThread(work, died)
  const module = await WebAssembly.compile(withSharedMemory((await embeddedWasm('simd128'))!))
  return wasmBackend({ module, instructionSet: 'simd128', threads: 4, reason: '', remedy: '', start })
}

const REFUSALS: Readonly<Record<string, (work: Work) => Thread>> = {
  'not made at all': () => {
    throw new Error('EAGAIN')
  },
  'ended before they answer': () => ({ ready: Promise.reject(new Error('EAGAIN')), stop: async () => {} }),
}

for (const [title, how] of Object.entries(REFUSALS))
  test(`wasm: workers that are ${title} are fewer threads, and the same bits`, async () => {
    const whole = await createEngine({ name: 'wasm', instructionSet: 'simd128', threads: 1 })
    const n = 100_000
    const values = Float32Array.from({ length: n }, (_, i) => Math.sin(i))
    const answer = (backend: Engine) => {
      const x = backend.floats(n)
      x.set(values)
      backend.tanh_forward(n, x, x)
      return [backend.sum_of_squares(n, x), ...x.slice(0, 1000)]
    }
    for (const refused of [1, 2, 3]) {
      const backend = await withRefused(refused, how)
      assert.equal(backend.threads, refused)
      const [, , had, wanted, why] = FEWER.exec(backend.description) ?? []
      assert.deepEqual([had, wanted, why], [String(refused), '4', ' (EAGAIN)'], backend.description)
      assert.deepEqual(answer(backend), answer(whole))
      backend.dispose()
    }
  })

const ROOM = /^RangeError: (native|reference) memory: expected room for \d+ MiB but the system has less: use a smaller/

/** Calls whose working memory, 16 MiB or more, is not there; [kernel, arguments], the first array is the result. */
const STARVED = `
  const N = 2048, half = N / 2
  const kept = [] // what is collected would be room
  const f = (n) => kept[kept.push(engine.floats(n).fill(0.01)) - 1]
  const calls = {
    dense_backward: () =>
      [1024, 1, 2 * N, 1, f(2048 * N), f(2 * N), f(1024), f(2 * N), null, null, null, 3],
    rnn_forward: () => [1, 1, 1, N, 0, 0, null, f(1), f(N), f(N * N), null, null, f(2 * N)],
    lstm_forward: () =>
      [1, 1, 1, half, 0, null, f(1), f(N * 2), f(N * N), null, null, f(N), f(N), f(2 * N)],
    gru_forward: () =>
      [1, 1, 1, half, 0, null, f(1), f(3 * half), f(3 * half * half), null, null, f(N), f(2 * N)],
    rnn_backward: () =>
      [1, 1, 1, N, 0, 0, null, 0, f(1), f(N), f(N * N), f(2 * N), f(N), null, f(N), f(N), f(N * N), null, null, null, 0,
       null, null, 3, 1],
    softmax_cross_entropy: () =>
      [2 ** 20, 1, 2, null, f(2 ** 21), engine.ints(2 ** 20), null, 1, null, engine.doubles(3)],
  }
  const arrays = (args) => args.filter((arg) => ArrayBuffer.isView(arg))
  const bits = (args) => arrays(args).map((a) => createHash('sha256').update(new Uint8Array(a.buffer, a.byteOffset,
    a.byteLength)).digest('hex'))`

// The instruction sets have one binding (kernels/napi_call.h); the best stands for all.
for (const { instructionSet } of all.filter(({ name }) => name === 'native').slice(0, 1)) {
  test(`native ${instructionSet}: working memory that is not there is an error at the call`, { skip }, () => {
    const { out, err, code, signal } = script(
      `const options = { name: 'native', threads: 2, instructionSet: '${instructionSet}' }
      let engine = await createEngine(options)
      ${STARVED}
      for (const [kernel, make] of Object.entries(calls)) {
        const expected = make()
        engine[kernel](...expected)
        const args = make()
        engine.dispose() // gives its working memory back
        engine = await createEngine(options)
        const bound = engine.bind(kernel, ...args)
        limit(12)
        for (const call of [() => engine[kernel](...args), bound]) {
          try { call(); console.log(kernel, 'was not refused') } catch (error) { console.log(String(error)) }
        }
        unlimit()
        const again = make()
        engine[kernel](...again)
        console.log(bits(again).join() === bits(expected).join() ? 'same' : kernel + ': other bits')
      }`,
      { '{ createEngine }': CHOOSE, '{ createHash }': 'node:crypto' },
    )
    assert.deepEqual([err, code, signal], ['', 0, null])
    const lines = out.trimEnd().split('\n')
    assert.equal(lines.length, 3 * 6)
    for (const [i, line] of lines.entries()) assert.match(line, i % 3 < 2 ? ROOM : /^same$/)
  })
}

for (const name of ['native', 'reference'])
  test(`${name}: arrays that the system has no room for are an error in one line`, {
    skip: name === 'native' ? skip : (noLimits ?? false),
  }, () => {
    const { out, err, code } = script(
      `const engine = await createEngine({ name: '${name}' })
      const refused = (make) => { try { make(); console.log('made') } catch (error) { console.log(String(error)) } }
      limit(200)
      for (const make of ['floats', 'ints', 'doubles']) {
        refused(() => engine[make](10 ** 8))
        refused(() => engine[make](2 ** 52))
      }
      console.log(engine.floats(10).length)`,
      { '{ createEngine }': CHOOSE },
    )
    assert.deepEqual([err, code], ['', 0])
    const lines = out.trimEnd().split('\n')
    assert.equal(lines.pop(), '10')
    assert.equal(lines.length, 6)
    for (const line of lines) assert.match(line, ROOM)
  })

test('a model that does not fit is refused before there is a folder', { skip: noLimits ?? false }, () => {
  const out = fileURLToPath(new URL(`./no-such-run-${process.pid}`, import.meta.url))
  const command = 'ulimit -v 1500000; exec "$0" "$1" train adding --hidden 20000 --iterations 1 --out "$2"'
  const { err, code } = ended(spawnSync('bash', ['--norc', '-c', command, process.execPath, MAIN, out]))
  assert.equal(code, 1, err)
  assert.match(err, /^irnn: \w+ memory: expected [^\n]+\n$/)
  assert.throws(() => readFileSync(out), { code: 'ENOENT' })
})

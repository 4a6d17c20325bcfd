/** Workers of the wasm backend: what a crash, a death, a drop and the end of the process do. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import type { Worker } from 'node:worker_threads'
import type { Engine, Floats } from '../../src/backend/backend.ts'
import { availableBackends, createEngine } from '../../src/backend/choose.ts'

const BLOCK = 16384 // elements a piece of `scale` has (kernels/parallel.h)
const PIECES = 8

/** The last `pieces` blocks of the memory, and beyond it by as many as `over`. */
function lastBlocks(backend: Engine, over: number): Floats {
  const end = backend.floats(1).buffer.byteLength
  return { byteOffset: end - 4 * BLOCK * (PIECES - over) } as Floats
}

test('a crash of a piece on any thread is an error of its kernel, and the backend goes on', async () => {
  const backend = await createEngine({ name: 'wasm', threads: 3 })
  const x = backend.floats(PIECES * BLOCK).fill(1)
  const seen = new Set<string>()
  const end = performance.now() + 10_000
  for (let i = 0; seen.size < 3 && performance.now() < end; i++) {
    try {
      // A worker takes the one piece that lies outside, or this thread.
      backend.scale(PIECES * BLOCK, 1, lastBlocks(backend, 1))
      assert.fail('it must not return')
    } catch (error) {
      seen.add(String(error))
    }
    backend.scale(PIECES * BLOCK, 2, x)
    assert.ok(x.every((value) => value === 2 ** ((i % 100) + 1)))
    if (i % 100 === 99) x.fill(1)
  }
  const trap = 'RuntimeError: memory access out of bounds'
  const crash = 'Error: wasm threads: a kernel crashed on thread'
  for (const message of seen) assert.ok(message === trap || /^(1|2): /.test(message.slice(crash.length + 1)), message)
  assert.ok(seen.has(`${crash} 1: ${trap}`) || seen.has(`${crash} 2: ${trap}`), [...seen].join('\n'))
})

test('a worker that died is an error of the next kernel', async () => {
  const workers: Worker[] = []
  const note = (worker: Worker): void => void workers.push(worker)
  process.on('worker', note)
  const backend = await createEngine({ name: 'wasm', threads: 3 })
  process.off('worker', note)
  assert.equal(workers.length, 2)
  const x = backend.floats(4)
  backend.scale(4, 1, x)
  await workers[1]!.terminate()
  assert.throws(
    () => backend.scale(4, 1, x),
    /^Error: wasm threads: worker 2 of 2 has died \(exit code 1\): make the backend anew, or with threads: 1$/,
  )
})

function script(text: string): { stdout: string; stderr: string; status: number | null } {
  const index = new URL('../../src/index.js', import.meta.url).href
  const whole = `import { createBackend } from '${index}'\n${text}`
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--expose-gc', '--input-type=module', '-e', whole], {
    encoding: 'utf8',
    timeout: 120_000,
  })
  return { stdout, stderr, status }
}

test('workers do not keep the process alive, asleep or awake', () => {
  const text = `const backend = await createBackend({ name: 'wasm', threads: 3 })
    await new Promise((resolve) => setTimeout(resolve, SLEEP))
    console.log(backend.fma_peak(3, 1))`
  for (const sleep of [0, 100]) {
    assert.deepEqual(script(text.replace('SLEEP', String(sleep))), { stdout: '288\n', stderr: '', status: 0 })
  }
})

test('workers end when their backend is dropped, and live while one of its kernels does', () => {
  const { stdout, stderr, status } = script(`
    let running = 0
    process.on('worker', (worker) => { running++; worker.on('exit', () => running--) })
    const settle = async (until) => {
      for (let i = 0; i < 200 && !until(); i++) {
        gc()
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
      console.log(running)
    }
    let kept = (await createBackend({ name: 'wasm', threads: 3 })).fma_peak
    let turns = 0
    await settle(() => ++turns > 20)
    console.log(kept(3, 1))
    kept = null
    await settle(() => running === 0)`)
  assert.deepEqual({ stdout, stderr, status }, { stdout: '2\n288\n0\n', stderr: '', status: 0 })
})

test('workers end when their backend is disposed of, though it is kept', () => {
  const { stdout, stderr, status } = script(`
    let running = 0
    process.on('worker', (worker) => { running++; worker.on('exit', () => running--) })
    const backend = await createBackend({ name: 'wasm', threads: 3 })
    const { fma_peak } = backend
    console.log(running)
    backend.dispose()
    try { fma_peak(3, 1) } catch ({ message }) { console.log(message) }
    for (let i = 0; i < 200 && running > 0; i++) await new Promise((resolve) => setTimeout(resolve, 10))
    console.log(running)`)
  const message = 'wasm threads: the backend is disposed of: make the backend anew, or with threads: 1'
  assert.deepEqual({ stdout, stderr, status }, { stdout: `2\n${message}\n0\n`, stderr: '', status: 0 })
})

const status = '/proc/self/status'
const built = new Set((await availableBackends()).map(({ name }) => name as string))
for (const [name, end] of [
  ['wasm', 'disposed of'],
  ['wasm', 'dropped'],
  ['native', 'disposed of'],
] as const) {
  const skip = !existsSync(status) ? `there is no ${status}` : !built.has(name) && `there is no ${name} backend here`
  test(`${name}: many backends one after the other, ${end}, take the room of a few`, { skip }, () => {
    const { stdout, stderr } = script(`
      import { readFileSync } from 'node:fs'
      for (let i = 0; i < 40; i++) {
        const backend = await createBackend({ name: '${name}', threads: 2 })
        ${end === 'dropped' ? '' : 'backend.dispose()'}
      }
      const text = readFileSync('${status}', 'utf8')
      console.log(/VmSize:\\s+(\\d+)/.exec(text)[1], /Threads:\\s+(\\d+)/.exec(text)[1])`)
    assert.equal(stderr, '')
    const [kilobytes, threads] = stdout.split(' ').map(Number) as [number, number]
    // A wasm backend takes 11 GB; 40 that stay took 452 GB and 51 threads.
    assert.ok(kilobytes < 150e6 && threads < 30, `${kilobytes} kB, ${threads} threads`)
  })
}

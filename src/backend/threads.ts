/**
 * Threads of the wasm backend: each is a worker that instantiates the same module on the same shared memory and lives
 * in `pool_work` (kernels/wasm.cc), which hands out the pieces of a kernel. Nothing but a thread's start goes by
 * messages.
 */

/** What a worker gets to become a thread. */
export interface Work {
  readonly module: WebAssembly.Module
  readonly memory: WebAssembly.Memory
  /** 1, 2, …; the thread that calls the kernels is 0. */
  readonly worker: number
  /**
   * Where this worker may write: REPORT bytes to say why it crashed, and its stack above them, which grows downwards.
   */
  readonly room: number
}

/** A worker. */
export interface Thread {
  /** Resolves when it works; rejects when it cannot. */
  readonly ready: Promise<void>
  /** Ends it, also in its sleep; resolves, where the platform tells, once it is over. */
  stop(): Promise<unknown>
}

const STACK = 65536
const REPORT = 256
export const ROOM: number = REPORT + STACK
const PATIENCE_MS = 20_000

/** What kernels/wasm.cc exports beside the kernels, and its workers do not need alone. */
export interface PoolExports {
  readonly __stack_pointer: WebAssembly.Global
  pool_start(workers: number, maySleep: number): void
  pool_finish(): void
  pool_crashed(): number
}

/**
 * What runs in a worker, as text: a function that takes the work, and calls `ready` when it begins. It works until the
 * worker is terminated. As a file it would have to be found beside the program's, where bundlers do not put it; and
 * what they make of a function (names that are kept, coverage that is counted) does not run alone.
 */
export const SERVE = `({ module, memory, worker, room }, ready) => {
  const scratch = () => {
    throw new Error('a piece of a kernel asked for scratch memory')
  }
  const { exports } = new WebAssembly.Instance(module, { env: { memory, scratch } })
  ready()
  for (;;) {
    exports.__stack_pointer.value = room + ${ROOM}
    try {
      exports.pool_work()
    } catch (error) {
      const text = new TextEncoder().encode(String(error).slice(0, ${REPORT} / 3 - 1)) // UTF-8: at most 3 bytes a unit
      new Uint8Array(memory.buffer, room, ${REPORT}).fill(0).set(text)
      exports.pool_crash(worker)
    }
  }
}`

/**
 * The workers of one backend, as the thread that calls the kernels sees them. They end when they are stopped, or when
 * this object is collected.
 */
export interface Pool {
  /** @throws Error when a worker has died: it may have had a piece in hand */
  check(): void
  /** After a kernel threw: waits until no worker runs a piece of it any more, and returns the error to throw. */
  settle(error: unknown): unknown
  /** Ends the workers; `check` throws from then on. */
  stop(): void
}

const collected = new FinalizationRegistry(stopAll)

function stopAll(threads: readonly Thread[]): void {
  for (const { stop } of threads) void stop()
}

/** The workers that started. */
export interface Started {
  readonly pool: Pool
  readonly workers: number
  /** Why the others did not; empty if there are none. */
  readonly refused: string
}

/**
 * One worker for each of `rooms`, or as many as the system gives: work does not depend on their number.
 * @param start is the platform's: it makes a worker that serves, and calls `died` when that ends
 */
export async function startPool(
  start: (work: Work, died: (why: string) => void) => Thread,
  exports: PoolExports,
  { module, memory, rooms }: { module: WebAssembly.Module; memory: WebAssembly.Memory; rooms: readonly number[] },
): Promise<Started> {
  // Apart from the pool, which a worker's listeners must not keep alive.
  const health = { death: '', working: new Set<number>() }
  const all: Thread[] = []
  let refused = ''
  try {
    for (const [i, room] of rooms.entries()) {
      const work = { module, memory, worker: i + 1, room }
      all.push(
        start(work, (why) => {
          if (health.working.has(i)) health.death ||= `worker ${i + 1} of ${health.working.size} has died (${why})`
        }),
      )
    }
  } catch (error) {
    refused = (error as Error).message
  }
  const lacks = await Promise.all(all.map(lackOf))
  for (const [i, lack] of lacks.entries()) if (lack === '') health.working.add(i)
  refused ||= lacks.find((lack) => lack !== '') ?? ''
  // One that is late must not begin to work: it would be ended with a piece in hand.
  await Promise.all(all.filter((_, i) => !health.working.has(i)).map(({ stop }) => stop()))
  const threads = all.filter((_, i) => health.working.has(i))
  exports.pool_start(threads.length, maySleep(memory) ? 1 : 0)
  const pool: Pool = {
    check() {
      if (health.death) throw new Error(`wasm threads: ${health.death}: make the backend anew, or with threads: 1`)
    },
    settle(error) {
      exports.pool_finish()
      const worker = exports.pool_crashed()
      if (worker === 0) return error
      const report = new Uint8Array(memory.buffer, rooms[worker - 1], REPORT).slice()
      return new Error(
        `wasm threads: a kernel crashed on thread ${worker}: ${new TextDecoder().decode(report).replace(/\0+$/, '')}`,
      )
    },
    stop() {
      health.death ||= 'the backend is disposed of'
      stopAll(threads)
    },
  }
  collected.register(pool, threads)
  return { pool, workers: threads.length, refused }
}

/** Why a worker is not ready, after some patience; empty if it is. */
async function lackOf({ ready }: Thread): Promise<string> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const patience = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`there was no answer in ${PATIENCE_MS / 1000} s`)), PATIENCE_MS)
  })
  try {
    await Promise.race([ready, patience])
    return ''
  } catch (error) {
    return (error as Error).message
  } finally {
    clearTimeout(timer)
  }
}

/**
 * Atomics.wait throws where it is not allowed: on the main thread of a page, which spins instead until a kernel is
 * done.
 */
function maySleep(memory: WebAssembly.Memory): boolean {
  try {
    Atomics.wait(new Int32Array(memory.buffer), 0, 0, 0)
    return true
  } catch {
    return false
  }
}

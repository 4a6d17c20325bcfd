/**
 * A backend whose kernels run in a program of their own, test/kernels/host.cc, which says how calls are sent: under an
 * emulator, or built with sanitizers. Arrays are copied there and back at every call.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Engine, Floats } from '../../src/backend/backend.ts'
import { referenceBackend } from '../../src/backend/reference/index.ts'

type Numbers = Floats | Int32Array
type Argument = number | null | Numbers

/** As `Kind` in host.cc. */
const [NUMBER, NIL, FLOATS, INTS, DOUBLES, SAME] = [0, 1, 2, 3, 4, 5]
const NAME_BYTES = 32

/** The program, and the pipes to and from it. */
class Host {
  private readonly process: ChildProcess
  private readonly calls: number
  private readonly answers: number

  constructor(command: readonly string[], threads: number) {
    const folder = mkdtempSync(join(tmpdir(), 'irnn-host-'))
    const pipes = [join(folder, 'calls'), join(folder, 'answers')] as const
    execFileSync('mkfifo', pipes)
    const [program, ...args] = [...command, String(threads), ...pipes]
    this.process = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit'] })
    this.process.unref()
    // Either open waits until the program has opened the other end, in the same order.
    this.calls = openSync(pipes[0], 'w')
    this.answers = openSync(pipes[1], 'r')
    rmSync(folder, { recursive: true })
  }

  /** Runs a kernel, and puts what it made into the arrays. Returns its number. */
  call(kernel: string, args: readonly Argument[]): number {
    const arrays: Numbers[] = []
    const header = new Float64Array(NAME_BYTES / 8 + 1 + 2 * args.length)
    Buffer.from(header.buffer).write(kernel)
    header.set(
      [args.length, ...args.flatMap((argument, i) => this.described(argument, args.slice(0, i), arrays))],
      NAME_BYTES / 8,
    )
    const returned = new Float64Array(1)
    try {
      for (const array of [header, ...arrays]) this.write(array)
      for (const array of [returned, ...arrays]) this.read(array)
    } catch (error) {
      throw new Error(`${kernel}: the program with the kernels ended; it says why above (${(error as Error).message})`)
    }
    return returned[0]!
  }

  /** Kind and value of an argument; its array, if it is new, joins `arrays`. */
  private described(argument: Argument, before: readonly Argument[], arrays: Numbers[]): [number, number] {
    if (argument === null) return [NIL, 0]
    if (typeof argument === 'number') return [NUMBER, argument]
    const same = before.findIndex((other) => {
      return typeof other === 'object' && other?.buffer === argument.buffer && other.byteOffset === argument.byteOffset
    })
    if (same >= 0) return [SAME, same]
    arrays.push(argument)
    const kind = argument instanceof Int32Array ? INTS : argument instanceof Float64Array ? DOUBLES : FLOATS
    return [kind, argument.length]
  }

  private write(array: Numbers): void {
    const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength)
    for (let at = 0; at < bytes.length; ) at += writeSync(this.calls, bytes, at)
  }

  private read(array: Numbers): void {
    const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength)
    for (let at = 0; at < bytes.length; ) {
      const count = readSync(this.answers, bytes, at, bytes.length - at, null)
      if (count === 0) throw new Error('no answer')
      at += count
    }
  }

  close(): void {
    closeSync(this.calls)
    closeSync(this.answers)
  }
}

export interface HostOptions {
  /** The words of the command that starts the program. */
  readonly command: readonly string[]
  /** The instruction set, as backends describe themselves, and what is special. */
  readonly description: string
}

/** Kernels of another program, on arrays of this process. A program that ended is started again for the next call. */
export function hostedBackend({ command, description }: HostOptions, threads: number): Engine {
  const { ints, doubles, free, gather, life, dispose, ...reference } = referenceBackend()
  let host: Host | null = null
  const call = (kernel: string, args: readonly Argument[]): number => {
    host ??= new Host(command, threads)
    try {
      return host.call(kernel, args)
    } catch (error) {
      host.close()
      host = null
      throw error
    }
  }
  const own = {
    name: 'native' as const,
    description: `${description}, ${threads} threads`,
    threads,
    floats: (n: number) => new Float32Array(n),
    ints,
    doubles,
    free,
    gather,
    life,
    dispose,
    bind:
      (kernel: string, ...args: Argument[]) =>
      () =>
        call(kernel, args),
  }
  const kernels = Object.keys(reference).filter((name) => !(name in own))
  const entries = kernels.map((name) => [name, (...args: Argument[]) => call(name, args)])
  return { ...Object.fromEntries(entries), ...own } as Engine
}

/**
 * Lets a process die of SIGKILL at a call of the file system that changes something, before it, in its middle or after
 * it; the middle of a write is half of its bytes. On standard error the process says where. Writes to the standard
 * streams do not count.
 *
 * Preloaded (`node --import`), it lets the process die as IRNN_DIES_AT and IRNN_DIES_WHEN say, and a process that lives
 * on says how many calls it has outlived.
 */
import builtin from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { basename } from 'node:path'

const CALLS = [
  'openSync',
  'writeSync',
  'writeFileSync',
  'fsyncSync',
  'ftruncateSync',
  'renameSync',
  'linkSync',
  'rmSync',
  'mkdirSync',
  'closeSync',
] as const

type Call = (...args: unknown[]) => unknown

export interface Death {
  /** The number of the call, from 1 on. */
  readonly call: number
  readonly when: 'before' | 'middle' | 'after'
}

/** Names of the files that are open. */
const open = new Map<number, string>()
let death: Death | null = null
let count = 0
let pause = (): number => 0
/** A call that another one makes is part of that. */
let inside = false
let replaced = false

/**
 * From now on calls are counted, from 1 on, and the process dies as it is told, if at all.
 * @param wait milliseconds to wait before the next call: a slow disk
 */
export function dieAt(next: Death | null, wait: () => number = () => 0): void {
  if (!replaced) replaceAll()
  replaced = true
  death = next
  pause = wait
  count = 0
}

function replaceAll(): void {
  const target = builtin as unknown as Record<(typeof CALLS)[number], Call>
  for (const name of CALLS) {
    const original = target[name]
    target[name] = (...args) => {
      const [first] = args
      if (inside || (typeof first === 'number' && first <= 2)) return original(...args)
      inside = true
      try {
        sleep(pause())
        if (++count === death?.call) die(death, `${name} ${fileOf(first)}`, original, args)
        const result = original(...args)
        if (name === 'openSync') open.set(result as number, basename(String(first)))
        return result
      } finally {
        inside = false
      }
    }
  }
  syncBuiltinESMExports()
}

function fileOf(file: unknown): string {
  return typeof file === 'number' ? (open.get(file) ?? 'a file') : basename(String(file))
}

function sleep(ms: number): void {
  if (ms > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

function die({ when }: Death, where: string, original: Call, args: readonly unknown[]): void {
  builtin.writeSync(2, `dies ${when} ${where}\n`)
  if (when === 'after') original(...args)
  const [fd, bytes, from, length, position] = args
  if (when === 'middle' && where.startsWith('writeSync') && bytes instanceof Uint8Array)
    original(fd, bytes, from, Math.floor(Number(length) / 2), position)
  process.kill(process.pid, 'SIGKILL')
  sleep(Number.POSITIVE_INFINITY) // the signal is on its way
}

const { IRNN_DIES_AT, IRNN_DIES_WHEN = 'before' } = process.env
if (IRNN_DIES_AT !== undefined) {
  dieAt({ call: Number(IRNN_DIES_AT), when: IRNN_DIES_WHEN as Death['when'] })
  process.on('exit', () => builtin.writeSync(2, `outlives ${count} calls\n`))
}

/**
 * Preloaded into a process (`node --import`), this kills it with SIGKILL at a call of the file system that changes
 * something: in the call number IRNN_DIES_AT, before it, in its middle or after it (IRNN_DIES_WHEN). The middle of a
 * write is half of its bytes. On standard error the process says where it dies, or how many calls it has outlived.
 * Writes to the standard streams do not count.
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

const { IRNN_DIES_AT, IRNN_DIES_WHEN = 'before' } = process.env

/** Names of the files that are open. */
const open = new Map<number, string>()
let count = 0
/** A call that another one makes is part of that. */
let inside = false

if (IRNN_DIES_AT !== undefined) replaceAll(Number(IRNN_DIES_AT))

function replaceAll(at: number): void {
  const target = builtin as unknown as Record<(typeof CALLS)[number], Call>
  for (const name of CALLS) {
    const original = target[name]
    target[name] = (...args) => {
      const [first] = args
      if (inside || (typeof first === 'number' && first <= 2)) return original(...args)
      inside = true
      try {
        if (++count === at) die(`${name} ${fileOf(first)}`, original, args)
        const result = original(...args)
        if (name === 'openSync') open.set(result as number, basename(String(first)))
        return result
      } finally {
        inside = false
      }
    }
  }
  syncBuiltinESMExports()
  process.on('exit', () => builtin.writeSync(2, `outlives ${count} calls\n`))
}

function fileOf(file: unknown): string {
  return typeof file === 'number' ? (open.get(file) ?? 'a file') : basename(String(file))
}

function die(where: string, original: Call, args: readonly unknown[]): void {
  builtin.writeSync(2, `dies ${IRNN_DIES_WHEN} ${where}\n`)
  if (IRNN_DIES_WHEN === 'after') original(...args)
  const [fd, bytes, from, length, position] = args
  if (IRNN_DIES_WHEN === 'middle' && where.startsWith('writeSync') && bytes instanceof Uint8Array)
    original(fd, bytes, from, Math.floor(Number(length) / 2), position)
  process.kill(process.pid, 'SIGKILL')
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0) // the signal is on its way
}

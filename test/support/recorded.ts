/** What a run has left in its folder, without what measures time: to compare it with another run. */
import * as fs from 'node:fs'
import * as path from 'node:path'
import { decode } from '../../src/formats/safetensors.ts'
import { isMeasured } from '../../src/runs/records.ts'
import { decodeEvent } from '../../src/train/events.ts'

/** The records of metrics.jsonl, but for those which say that the run was taken up again. */
export function records(dir: string): object[] {
  const lines = fs.readFileSync(path.join(dir, 'metrics.jsonl'), 'utf8').split('\n').slice(0, -1)
  return lines
    .map(decodeEvent)
    .filter(isMeasured)
    .map((event) => {
      const { seconds: _, ...rest } = event
      return 'iterationsPerSecond' in rest ? { ...rest, iterationsPerSecond: 0 } : rest
    })
}

/** Steps, tags and values of TensorBoard's file, read along its frames. */
export function board(dir: string): string[] {
  const file = fs.readFileSync(path.join(dir, 'events.out.tfevents'))
  const found: string[] = []
  for (let start = 0; start < file.length; ) {
    const n = Number(file.readBigUInt64LE(start))
    const message = file.subarray(start + 12, start + 12 + n)
    start += 16 + n
    // Behind the wall time: field 2, the step, and field 5, the summary; the first message has the version in field 3.
    if (message[9] !== 0x10) {
      found.push(message.subarray(11).toString('latin1'))
      continue
    }
    const step = varint(message, 10)
    const summary = varint(message, step.end + 1)
    for (let at = summary.end; at < n; ) {
      const value = varint(message, at + 1)
      const tag = varint(message, value.end + 1)
      const name = message.toString('latin1', tag.end, tag.end + tag.value)
      const scalar = message.readFloatLE(tag.end + tag.value + 1)
      if (!name.startsWith('speed/')) found.push(`${step.value} ${name} ${scalar}`)
      at = value.end + value.value
    }
  }
  return found
}

/** Seven bits a byte, lowest first. */
function varint(bytes: Uint8Array, at: number): { value: number; end: number } {
  let value = 0
  for (let i = 0; ; i++) {
    value += (bytes[at + i]! & 127) * 128 ** i
    if (bytes[at + i]! < 128) return { value, end: at + i + 1 }
  }
}

/** Names and numbers of a checkpoint, or of a model. */
export function tensors(file: string): (readonly [string, ArrayLike<number>])[] {
  return [...decode(fs.readFileSync(file)).tensors].map(([name, tensor]) => [name, tensor.read()] as const)
}

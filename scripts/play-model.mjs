// The network with which the playground reads digits, in half precision: page/play/reader.safetensors is what the
// model.safetensors of a run of pixel MNIST holds, each weight rounded to 16 bits. It was made by
//
//   npx irnn train mnist --seed 1 --out runs/reader
//   node scripts/play-model.mjs runs/reader/model.safetensors page/play/reader.safetensors
//
// and scores 96.8 % on the test set before rounding, 96.7 % after it.
import { readFileSync, writeFileSync } from 'node:fs'

/** The bits of the nearest half-precision number; ties go to the even one. What is too small becomes 0. */
function half(value) {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0
  const size = Math.abs(value)
  if (size >= 65520) throw new Error(`expected weights below 65520, which 16 bits hold, but one is ${value}`)
  if (size === 0) return sign
  const exponent = Math.max(-14, Math.floor(Math.log2(size)))
  const step = 2 ** (exponent - 10)
  let steps = Math.floor(size / step)
  const rest = size / step - steps
  if (rest > 0.5 || (rest === 0.5 && steps % 2 === 1)) steps += 1
  return sign + (steps < 1024 ? steps : (exponent + 14) * 1024 + steps)
}

const { decodeSafetensors } = await import(new URL('../dist/src/index.js', import.meta.url))
const [from, to] = process.argv.slice(2)
if (to === undefined) throw new Error('usage: node scripts/play-model.mjs MODEL.safetensors OUT.safetensors')
const { tensors, metadata } = decodeSafetensors(readFileSync(from))
const header = { __metadata__: Object.fromEntries(metadata) }
const parts = []
let offset = 0
for (const [name, { shape, read }] of tensors) {
  const data = Uint16Array.from(read(), half)
  header[name] = { dtype: 'F16', shape, data_offsets: [offset, offset + data.byteLength] }
  parts.push(Buffer.from(data.buffer))
  offset += data.byteLength
}
const text = JSON.stringify(header)
const padded = Buffer.from(text.padEnd(Math.ceil(text.length / 8) * 8))
const length = Buffer.alloc(8)
length.writeBigUInt64LE(BigInt(padded.length))
writeFileSync(to, Buffer.concat([length, padded, ...parts]))

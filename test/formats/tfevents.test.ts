// The bytes of TensorBoard's files against those of other writers: messages by Google's protobuf for Python from
// TensorFlow's event.proto, checksums by the npm package @node-rs/crc32, and the published vectors of CRC-32C.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crc32c, encodeFileVersion, encodeScalars } from '../../src/formats/tfevents.ts'
import { refused } from '../support/refused.ts'

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

test('CRC-32C: the vectors of RFC 3720, B.4', () => {
  assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa)
  assert.equal(crc32c(new Uint8Array(32).fill(255)), 0x62a8ab43)
  assert.equal(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e)
  assert.equal(crc32c(Uint8Array.from({ length: 32 }, (_, i) => 31 - i)), 0x113fdb5c)
  assert.equal(crc32c(new TextEncoder().encode('123456789')), 0xe3069283)
})

test('records are byte for byte what another writer makes', () => {
  assert.equal(
    hex(encodeFileVersion(1700000000.25)),
    '1800000000000000a37f4b220900001040fc54d9411a0d627261696e2e4576656e743a32338d2fe9',
  )
  assert.equal(
    hex(encodeScalars(1700000001.5, 5_000_000_000, { 'train/loss': 0.25, 'test/accuracy': Number.NaN })),
    '3a000000000000001295eae20900006040fc54d9411080e497d0122a290a110a0a747261696e2f6c6f7373150000803e0a140a0d746573742f6163' +
      '637572616379150000c07f5123cb86',
  )
})

test('a step that is none is refused: no record could hold it', () => {
  for (const step of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
    refused(() => encodeScalars(0, step, { a: 1 }), /^events: step: expected a whole number >= 0 but received /)
  }
})

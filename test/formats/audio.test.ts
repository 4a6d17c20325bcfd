// Sound: SPHERE and RIFF in both byte orders give the samples back; what is not 16-bit PCM of one channel at 16 kHz, or
// not whole, is refused in one line that says what came and what to do.
import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import { test } from 'node:test'
import vm from 'node:vm'
import fc from 'fast-check'
import { InputError } from '../../src/error.ts'
import { headerReader, pcm16, soundStream, speech } from '../../src/formats/audio.ts'
import { latin1 } from '../../src/formats/latin1.ts'
import { encodeSphere } from '../../src/formats/sphere.ts'
import { riff, samplesOf, sphere } from '../support/speech.ts'

function refused(bytes: Uint8Array, pattern: RegExp): void {
  assert.throws(
    () => speech(bytes, 'f.WAV'),
    (error: Error) =>
      error instanceof InputError && pattern.test(error.message) && /^f\.WAV: [^\n]*$/.test(error.message),
    String(pattern),
  )
}

const fixture = (name: string) =>
  new Uint8Array(fs.readFileSync(new URL(`../../../test/fixtures/cases/${name}`, import.meta.url)))
const samples = Int16Array.of(0, 1, -1, 255, 256, -256, 32767, -32768, 12345)
const text = (content: string) => new TextEncoder().encode(content)

test('SPHERE and RIFF, low or high byte first, give the samples back', () => {
  for (const bigEndian of [false, true]) {
    assert.deepEqual(speech(sphere(samples, { bigEndian }), 'f'), samples)
    assert.deepEqual(speech(riff(samples, { bigEndian }), 'f'), samples)
    assert.deepEqual(speech(riff(samples, { bigEndian, tag: 0xfffe }), 'f'), samples)
  }
})

test('what encodeSphere writes is read again, and any samples', () => {
  fc.assert(
    fc.property(fc.int16Array({ maxLength: 50 }), (samples) => {
      const file = encodeSphere(samples)
      assert.equal(file.length, 1024 + 2 * samples.length)
      assert.deepEqual(speech(file, 'f'), samples)
    }),
  )
})

test('bytes that start inside a larger buffer are read from there', () => {
  for (const file of [sphere(samples), riff(samples)]) {
    const larger = new Uint8Array(file.length + 5).fill(77)
    larger.set(file, 5)
    assert.deepEqual(speech(larger.subarray(5), 'f'), samples)
  }
})

test('bytes behind the samples are not sound', () => {
  assert.deepEqual(speech(Uint8Array.of(...riff(samples), 1, 2, 3, 4), 'f'), samples)
  assert.deepEqual(speech(Uint8Array.of(...sphere(samples), 1, 2, 3, 4), 'f'), samples)
})

/**
 * The header of these bytes, which are given a few at a time, and what follows it; null if they do not hold all of it.
 */
function headerOf(bytes: Uint8Array, piece = bytes.length) {
  const reader = headerReader('f')
  for (let at = 0; at < bytes.length; at += piece) {
    const found = reader.push(bytes.subarray(at, at + piece))
    if (found) return { ...found, at: Math.min(at + piece, bytes.length) }
  }
  return null
}

test('a stream: no header from too few bytes, then the header, however the bytes are cut', () => {
  for (const file of [sphere(samples), riff(samples)]) {
    const { header, rest } = headerOf(file)!
    assert.equal(header.samples, samples.length)
    assert.deepEqual(pcm16(rest, header.bigEndian), samples)
    assert.equal(file.length - rest.length, header.start)
    for (let n = 0; n < header.start; n++) assert.equal(headerOf(file.subarray(0, n)), null)
    for (const piece of [1, 3, 7, 100]) {
      const cut = headerOf(file, piece)!
      assert.deepEqual(cut.header, header)
      assert.equal(cut.at - cut.rest.length, header.start)
    }
  }
})

/** All samples of bytes that come a few at a time. */
function streamed(bytes: Uint8Array, piece: number, piped: boolean): Int16Array {
  const stream = soundStream('f.WAV', { piped })
  const parts: number[] = []
  for (let at = 0; at < bytes.length; at += piece) parts.push(...stream.push(bytes.subarray(at, at + piece)))
  stream.end()
  assert.equal(stream.count, parts.length)
  return Int16Array.from(parts)
}

// What programs write that do not know how much will follow: sox and espeak, arecord, ffmpeg, others less their header.
const PLACEHOLDERS = [0, 0x7ffff000, 0x7fffffff, 0x7fffffdb, 0x80000000, 0xffffffff, 0xffffffdb]

test('a length that nobody counted means: to the end, in a file and in a pipe, with an odd byte or none behind', () => {
  for (const size of PLACEHOLDERS) {
    for (const riffSize of [0, 36, size, Math.min(size + 36, 0xffffffff)]) {
      const file = riff(samples, { size, riffSize })
      assert.equal(headerOf(file)!.header.samples, null, `${size} ${riffSize}`)
      assert.deepEqual(speech(file, 'f'), samples)
      assert.deepEqual(speech(Uint8Array.of(...file, 9), 'f'), samples)
      for (const piece of [1, 5, 1000]) assert.deepEqual(streamed(file, piece, true), samples)
    }
  }
  assert.deepEqual(speech(sphere(samples, { fields: { sample_count: null } }), 'f'), samples)
})

test('what sox and arecord wrote into a pipe is read to its end', () => {
  assert.deepEqual(speech(fixture('wav-sox-pipe.wav'), 'f').length, 1600)
  assert.deepEqual(speech(fixture('wav-arecord-pipe.wav'), 'f').length, 2000)
})

test('any length that a pipe does not keep means: to the end; of a file it means that the end is missing', () => {
  for (const file of [riff(samples, { size: 100 }), sphere(samples, { fields: { sample_count: '-i 50' } })]) {
    for (const piece of [1, 7, 5000]) assert.deepEqual(streamed(file, piece, true), samples)
    assert.throws(() => streamed(file, 7, false), /expected 50 samples but it holds 9: it is cut off: copy it again/)
    refused(file, /expected 50 samples but it holds 9/)
  }
  // Far from every placeholder, however large.
  for (const size of [0x7ff00000, 0x80000002, 0xf0000000]) refused(riff(samples, { size }), /cut off/)
  const behind = Uint8Array.of(...riff(samples), 1, 2, 3, 4)
  assert.deepEqual(streamed(behind, 5, true), samples, 'a length that is kept counts in a pipe too')
  assert.throws(() => streamed(riff(samples).subarray(0, 30), 5, true), /its header is cut off/)
})

test('no samples and then another chunk are no sound', () => {
  assert.equal(speech(fixture('wav-empty-data-then-list.wav'), 'f').length, 0)
  const empty = new Int16Array(0)
  assert.equal(speech(riff(empty, { behind: { LIST: new Uint8Array(500) } }), 'f').length, 0)
  assert.deepEqual(speech(riff(samples, { behind: { LIST: new Uint8Array(500) } }), 'f'), samples)
})

test('other chunks of any length, odd ones too, are passed over without being held', () => {
  const chunks = { JUNK: new Uint8Array(3 * 2 ** 20 + 1), bext: [1, 2, 3], 'id3 ': [] }
  const large = riff(samples, { before: chunks, between: { JUN2: new Uint8Array(2 ** 21 + 1), fact: [1, 2, 3, 4] } })
  assert.deepEqual(speech(large, 'f'), samples)
  assert.deepEqual(streamed(large, 65_536, true), samples)
  const held = process.memoryUsage().arrayBuffers
  for (let n = 0; n < 5; n++) headerOf(large, 4096)
  assert.ok(process.memoryUsage().arrayBuffers - held < 2 ** 20)
})

test('a length that a header claims takes no memory', () => {
  const claims = text('NIST_1A\n1048576\nchannel_count -i 1\n')
  const before = process.memoryUsage().arrayBuffers
  refused(claims, /cut off: the file has only 35 bytes/)
  assert.ok(process.memoryUsage().arrayBuffers - before < 2 ** 14)
})

test('RF64 and BW64 say their lengths in a chunk of their own', () => {
  const ds64 = (file: number, data: number) => {
    const body = new DataView(new ArrayBuffer(28))
    body.setBigUint64(0, BigInt(file), true)
    body.setBigUint64(8, BigInt(data), true)
    return { ds64: new Uint8Array(body.buffer) }
  }
  const long = { size: 0xffffffff, riffSize: 0xffffffff }
  for (const magic of ['RF64', 'BW64']) {
    const behind = { LIST: [1, 2, 3, 4] }
    assert.deepEqual(speech(riff(samples, { magic, ...long, before: ds64(1000, 18), behind }), 'f'), samples)
    assert.deepEqual(speech(riff(samples, { magic, ...long, before: ds64(0, 0) }), 'f'), samples)
    assert.deepEqual(speech(riff(samples, { magic, before: ds64(1000, 18) }), 'f'), samples)
    refused(
      riff(samples, { magic, ...long, before: ds64(2 ** 33, 2 ** 33) }),
      /expected 4294967296 samples but it holds 9/,
    )
    refused(riff(samples, { magic, ...long, before: { ds64: [1, 2, 3] } }), /"ds64": expected 24 bytes or more/)
  }
})

test('a block align that is not of 16-bit samples is refused', () => {
  refused(fixture('wav-blockalign4.wav'), /block align: expected 2 bytes for 1 channel of 16 bits but received 4/)
  for (const align of [0, 1, 3, 4, 65535]) refused(riff(samples, { align }), /block align: expected 2 bytes/)
  refused(riff(samples, { align: 4, tag: 0xfffe }), /block align/)
  refused(riff(samples, { channels: 2, align: 2 }), /block align: expected 4 bytes for 2 channels/)
})

test('every cut is refused, in the header and in the samples', () => {
  for (const file of [sphere(samples), riff(samples)]) {
    for (let n = 0; n < file.length; n++) refused(file.subarray(0, n), /cut off/)
  }
  refused(sphere(samples).subarray(0, 600), /header is cut off: the file has only 600 bytes: copy it again/)
  refused(sphere(samples).subarray(0, 1030), /expected 9 samples but it holds 3: it is cut off: copy it again/)
})

test('what is packed, stereo, of another rate or width is refused with the way out', () => {
  const shorten = { sample_coding: '-s26 pcm,embedded-shorten-v2.00' }
  refused(sphere(samples, { fields: shorten }), /compressed by shorten: unpack it with sph2pipe -p/)
  refused(sphere(samples, { fields: { sample_coding: '-s4 ulaw' } }), /expected pcm but received "ulaw": convert it/)
  refused(sphere(samples, { fields: { sample_n_bytes: '-i 1' } }), /expected 2, 16-bit samples, but received "1"/)
  refused(sphere(samples, { fields: { channel_count: '-i 2' } }), /one channel but received 2: mix them/)
  refused(
    sphere(samples, { fields: { sample_rate: '-i 8000' } }),
    /16000 samples a second but received 8000: take recordings/,
  )
  refused(sphere(samples, { fields: { sample_byte_format: null } }), /01 \(low byte first\) or 10 but received nothing/)
  refused(sphere(samples, { fields: { sample_byte_format: '-s1 1' } }), /received "1": convert/)
  refused(riff(samples, { channels: 2 }), /one channel but received 2/)
  refused(riff(samples, { rate: 44_100 }), /received 44100: resample it, e\.g\. sox/)
  refused(riff(samples, { bits: 24 }), /16-bit PCM but received 24-bit: convert it/)
  refused(riff(samples, { tag: 3 }), /16-bit PCM but received floats/)
  refused(riff(samples, { tag: 85 }), /received MP3/)
})

test('what is no header is refused by its line', () => {
  refused(
    sphere(samples, { fields: { sample_rate: null } }),
    /sample_rate: expected a whole number >= 1 but received nothing/,
  )
  refused(sphere(samples, { fields: { sample_rate: '-i sixteen' } }), /sample_rate: .* received "sixteen"/)
  refused(sphere(samples, { fields: { sample_count: '-i -5' } }), /sample_count: .* received "-5"/)
  refused(
    sphere(samples, { fields: { database_id: 'TIMIT' } }),
    /line 3: expected "name -type value" but received "database_id TIMIT"/,
  )
  refused(
    text('NIST_1A\n   1024\nsample_rate -i 16000\n'.padEnd(1024)),
    /expected a line end_head but there is none: it is cut off or damaged/,
  )
  refused(text('NIST_1A\n9999999\n'.padEnd(1100)), /expected its length in line 2 but received "9999999"/)
  refused(text('NIST_1A\n  weird\n'.padEnd(1100)), /received "weird"/)
  refused(text('fLaC and more'), /expected NIST SPHERE \(NIST_1A\) or RIFF WAVE but it begins with "fLaC and"/)
  refused(text('RIFF1234AVI LIST'), /form WAVE but received "AVI "/)
  const noFormat = riff(samples)
  noFormat.set(text('fnt '), 12 + 12)
  refused(noFormat, /expected a chunk "fmt " before the samples/)
  const hostile = riff(samples)
  hostile.fill(255, 16, 20)
  refused(hostile, /chunk "LIST" says it has 4294967295 bytes: it is damaged/)
})

test('SPHERE: strings have as many bytes as they say, line ends and semicolons among them', () => {
  for (const name of ['sph-newline-in-string.sph', 'sph-empty-string.sph']) {
    assert.equal(speech(fixture(name), name).length, 1600)
  }
  const read = (fields: Record<string, string | null>) =>
    assert.deepEqual(speech(sphere(samples, { fields }), 'f'), samples, JSON.stringify(fields))
  read({ prompt: '-s11 hello\nworld' })
  read({ prompt: '-s8 end_head' })
  read({ prompt: '-s9 \nend_head' })
  read({ prompt: '-s19 a\nsample_rate -i 80' })
  read({ prompt: '-s3 a;b ; said twice' })
  read({ notes: '-s0' })
  read({ notes: '-s0 ' })
  read({ notes: '-s1 \n' })
  // Two spaces, a type that counts wrong, comments, and a line that ends as those of Windows do.
  read({ prompt: '-s11  hello\nworld' })
  read({ prompt: '-s5  hello', sample_rate: '-i  16000', sample_count: ' -i 9' })
  read({ prompt: '-s3 hello', sample_byte_format: '-s1 01' })
  read({ sample_count: '-i 9 ; samples', sample_n_bytes: '-i 2\r' })
  read({ prompt: '-s99999999999 hello' })
})

test('SPHERE: real numbers that are whole, and a header of any length', () => {
  for (const rate of ['16000', '16000.0', '16000.000000', '1.6e4']) {
    assert.deepEqual(speech(sphere(samples, { fields: { sample_rate: `-r ${rate}` } }), 'f'), samples)
  }
  refused(sphere(samples, { fields: { sample_rate: '-r 16000.5' } }), /sample_rate: .* received "16000\.5"/)
  refused(sphere(samples, { fields: { sample_rate: '-i 0x3e80' } }), /sample_rate: .* received "0x3e80"/)
  refused(sphere(samples, { fields: { sample_count: '-i 99999999999999999999' } }), /sample_count: .* received "9999/)
  const twice = sphere(samples, { fields: { aside: '-i 1\nsample_rate -i 8000' } })
  refused(twice, /line 11: sample_rate: expected it once but received "16000" and "8000": it is damaged/)
  for (const length of [512, 2048, 4096]) {
    const file = sphere(samples)
    const header = text(
      latin1(file.subarray(0, 1024)).trimEnd().replace('   1024', String(length).padStart(7)).padEnd(length),
    )
    assert.deepEqual(speech(Uint8Array.of(...header, ...file.subarray(1024)), 'f'), samples)
  }
})

test('any bytes are read or refused, never anything else', () => {
  const good = [sphere(samplesOf(20)), riff(samplesOf(20))]
  fc.assert(
    fc.property(fc.constantFrom(...good), fc.nat(1100), fc.nat(255), fc.nat(1100), (file, at, byte, cut) => {
      const bytes = file.slice(0, Math.max(4, file.length - cut))
      bytes[at % bytes.length] = byte
      try {
        assert.ok(speech(bytes, 'f').length <= 20)
      } catch (error) {
        assert.ok(error instanceof InputError, String(error))
      }
    }),
    { numRuns: 2000 },
  )
})

test('bytes are a Uint8Array, of any realm; what else is given is named', () => {
  assert.deepEqual(speech(vm.runInNewContext('Uint8Array').from(riff(samples)), 'f'), samples)
  const { push } = soundStream('f')
  const refused = /^InputError: .*: expected a Uint8Array or an ArrayBuffer but received .*: read it first/
  for (const given of [[...riff(samples)], 'f', 5, null, undefined] as never[])
    for (const call of [() => speech(given, 'f'), () => push(given), () => pcm16(given, false)])
      assert.throws(call, refused)
  assert.throws(() => soundStream('f', { pipe: true } as never), /^InputError: soundStream: pipe: .* mean piped\?$/)
})

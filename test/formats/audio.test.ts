// Sound: SPHERE and RIFF in both byte orders give the samples back; what is not 16-bit PCM of one channel at 16 kHz, or not whole,
// is refused in one line that says what came and what to do.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { InputError } from '../../src/error.ts'
import { audioHeader, pcm16, speech } from '../../src/formats/audio.ts'
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

test('a stream: no header from too few bytes, then the header; samples of unknown number go on to the end', () => {
  for (const file of [sphere(samples), riff(samples)]) {
    const full = audioHeader(file, 'f')!
    for (let n = 0; n < full.start; n++) assert.equal(audioHeader(file.subarray(0, n), 'f'), null)
    assert.deepEqual(audioHeader(file.subarray(0, full.start), 'f'), full)
    assert.deepEqual(pcm16(file.subarray(full.start), full.bigEndian), samples)
    assert.equal(full.samples, samples.length)
  }
  for (const size of [0, 0xffffffff]) {
    assert.equal(audioHeader(riff(samples, { size }), 'f')!.samples, null)
    assert.deepEqual(speech(riff(samples, { size }), 'f'), samples)
  }
  assert.deepEqual(speech(sphere(samples, { fields: { sample_count: null } }), 'f'), samples)
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

// The polyphase filter against what a tone is at another rate, which is known.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { resampler } from '../../corpora/resample.ts'

const FROM = 22_050
const TO = 16_000
const resample = resampler(FROM, TO)

const tone = (hz: number, rate: number, n: number) =>
  Float64Array.from({ length: n }, (_, i) => Math.sin((2 * Math.PI * hz * i) / rate + 0.3))
/** Away from the ends, where the filter sees what is not there. */
const inside = (x: Float64Array) => x.subarray(200, -200)
const rms = (x: Float64Array) => Math.sqrt(x.reduce((sum, v) => sum + v * v, 0) / x.length)

test('tones up to 7.3 kHz are the same tones, sample by sample', () => {
  for (const hz of [0, 100, 1000, 3500, 7300]) {
    const got = resample(tone(hz, FROM, FROM / 2))
    const wanted = tone(hz, TO, got.length)
    const wrong = inside(got.map((value, i) => value - wanted[i]!)).reduce((most, v) => Math.max(most, Math.abs(v)), 0)
    assert.ok(wrong < 3e-4, `${hz} Hz: off by ${wrong}`)
  }
})

test('what would fold back is gone: 78 dB from 8 kHz on', () => {
  for (const hz of [8000, 8700, 10_500]) {
    const got = rms(inside(resample(tone(hz, FROM, FROM / 2)))) * Math.SQRT2
    assert.ok(got < 10 ** (-78 / 20), `${hz} Hz: ${20 * Math.log10(got)} dB`)
  }
})

test('a length of time stays; nothing stays nothing', () => {
  for (const n of [0, 1, 2, 441, 442, 22_050]) {
    const got = resample(new Float64Array(n))
    assert.equal(got.length, Math.ceil((n * 320) / 441))
    assert.ok(got.every((value) => value === 0))
  }
})

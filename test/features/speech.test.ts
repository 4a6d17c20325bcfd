// Features: beside a second implementation, written plainly and with another transform, and beside numbers known
// without one.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import vm from 'node:vm'
import { deltas, FEATURES, featureStream, features, frameCount, logMel } from '../../src/features/speech.ts'
import { rng } from '../../src/rng.ts'
import { refused } from '../support/refused.ts'
import { samplesOf } from '../support/speech.ts'

const mel = (hertz: number) => 2595 * Math.log10(1 + hertz / 700)

/**
 * The same from the definitions: a discrete Fourier transform as a sum, filters by their corners, slopes by least
 * squares.
 */
function plainly(samples: Int16Array): number[][] {
  const N = 1 + Math.floor((samples.length - 400) / 160)
  const statics = Array.from({ length: N }, (_, f) => {
    const windowed = Array.from({ length: 400 }, (_, n) => {
      const at = 160 * f + n
      const emphasised = samples[at]! - 0.97 * samples[Math.max(0, at - 1)]!
      return emphasised * (0.54 - 0.46 * Math.cos((2 * Math.PI * n) / 399))
    })
    const power = Array.from({ length: 257 }, (_, bin) => {
      let [re, im] = [0, 0]
      for (const [n, s] of windowed.entries()) {
        re += s * Math.cos((2 * Math.PI * bin * n) / 512)
        im -= s * Math.sin((2 * Math.PI * bin * n) / 512)
      }
      return re ** 2 + im ** 2
    })
    const corners = Array.from({ length: 42 }, (_, k) => mel(20) + ((mel(8000) - mel(20)) * k) / 41)
    return Array.from({ length: 40 }, (_, k) => {
      const [left, middle, right] = corners.slice(k, k + 3) as [number, number, number]
      const weight = (m: number) => Math.max(0, Math.min((m - left) / (middle - left), (right - m) / (right - middle)))
      const energy = power.reduce((sum, p, bin) => sum + p * weight(mel((bin * 16_000) / 512)), 0)
      return Math.log(Math.max(energy, 1))
    })
  })
  const slopes = (rows: number[][]) =>
    rows.map((row, t) =>
      row.map((_, i) => {
        let [sum, squares] = [0, 0]
        for (const k of [-2, -1, 0, 1, 2]) {
          sum += k * rows[Math.min(Math.max(t + k, 0), N - 1)]![i]!
          squares += k * k
        }
        return sum / squares
      }),
    )
  const first = slopes(statics)
  const second = slopes(first)
  return statics.map((row, t) => [...row, ...first[t]!, ...second[t]!])
}

function noise(n: number, amplitude: number): Int16Array {
  const generator = rng(1, 'noise')
  return Int16Array.from({ length: n }, () => Math.round(amplitude * generator.normal()))
}

test('a second implementation agrees, on tones, noise, a step and silence', () => {
  const step = new Int16Array(2000).fill(8000, 900)
  for (const samples of [
    samplesOf(3000),
    noise(2200, 1000),
    step,
    new Int16Array(1500),
    samplesOf(400),
    samplesOf(720),
  ]) {
    const actual = features(samples)
    const expected = plainly(samples).flat()
    assert.equal(actual.length, expected.length)
    for (let i = 0; i < expected.length; i++) {
      assert.ok(Math.abs(actual[i]! - expected[i]!) < 1e-4, `${i}: ${actual[i]} is not ${expected[i]}`)
    }
  }
})

test('a steady tone is loudest in the filter around it, does not change, and has the energy of its window', () => {
  for (const hertz of [250, 1000, 3500, 6000]) {
    const tone = Int16Array.from({ length: 8000 }, (_, n) =>
      Math.round(10_000 * Math.cos((2 * Math.PI * hertz * n) / 16_000)),
    )
    const all = features(tone)
    const row = all.subarray(20 * FEATURES, 20 * FEATURES + 40)
    const loudest = row.indexOf(Math.max(...row))
    const middle = mel(20) + ((mel(8000) - mel(20)) * (loudest + 1)) / 41
    assert.ok(Math.abs(middle - mel(hertz)) <= (mel(8000) - mel(20)) / 82 + 5, `${hertz} Hz in filter ${loudest}`)
    // Every frame holds whole periods or the same phase: 160 samples are 2.5, 10, 35 and 60 periods.
    for (let i = 40; i < 120; i++)
      assert.ok(Math.abs(all[20 * FEATURES + i]!) < 0.01, `Δ ${i}: ${all[20 * FEATURES + i]}`)
    // Parseval: over all bins 512 Σ s²w², where Σ w² = 158.7 of a Hamming window of 400, and s has the power A²/2 |1 -
    // 0.97 e^iω|².
    const gain = 1 + 0.97 ** 2 - 2 * 0.97 * Math.cos((2 * Math.PI * hertz) / 16_000)
    const total = (512 / 2) * 158.66 * (10_000 ** 2 / 2) * gain
    // The triangles add up to 1 between the middles of the first and last, so that all filters together have it.
    const sum = row.reduce((sum, value) => sum + Math.exp(value), 0)
    assert.ok(Math.abs(sum / total - 1) < 0.02, `${hertz} Hz: ${sum} of ${total}`)
  }
})

test('white noise: each filter has its width times the power of the noise, as pre-emphasis shapes it', () => {
  const samples = noise(160_000, 1000)
  const all = logMel(samples)
  const frames = all.length / 40
  for (const k of [5, 15, 25, 35, 39]) {
    let mean = 0
    for (let f = 0; f < frames; f++) mean += Math.exp(all[f * 40 + k]!) / frames
    const step = (mel(8000) - mel(20)) / 41
    let expected = 0
    for (let bin = 0; bin <= 256; bin++) {
      const weight = Math.max(0, 1 - Math.abs(mel(bin * 31.25) - mel(20) - (k + 1) * step) / step)
      expected += weight * 158.66 * 1e6 * (1 + 0.97 ** 2 - 2 * 0.97 * Math.cos((Math.PI * bin) / 256))
    }
    assert.ok(Math.abs(mean / expected - 1) < 0.06, `filter ${k}: ${mean} of ${expected}`)
  }
})

test('frames: whole windows of 400 samples every 160', () => {
  const counts = [0, 399, 400, 559, 560, 16_000].map(frameCount)
  assert.deepEqual(counts, [0, 0, 1, 1, 2, 98])
  for (const n of [0, 399, 400, 559, 560]) assert.equal(features(samplesOf(n)).length, frameCount(n) * 120)
})

test('a stream in pieces of any size, and Δ made of filters that were kept, give the bits of the whole', () => {
  for (const n of [399, 400, 560, 720, 880, 1040, 1200, 5003]) {
    const samples = samplesOf(n)
    const whole = features(samples)
    for (const piece of [1, 7, 160, 161, 400, 1999]) {
      const all = new Float32Array(whole.length)
      let expected = 0
      let given = 0
      const stream = featureStream((row, frame) => {
        assert.equal(frame, expected++)
        // Not before its window and four more are complete, or all is over.
        assert.ok(given === n || given >= 160 * (frame + 4) + 400 - piece)
        all.set(row, frame * FEATURES)
      })
      for (let at = 0; at < n; at += piece) {
        given = Math.min(n, at + piece)
        stream.push(samples.subarray(at, given))
        assert.equal(expected, Math.max(0, frameCount(given) - 4), 'frames come as soon as they can')
      }
      stream.end()
      assert.equal(expected, frameCount(n))
      assert.deepEqual(all, whole)
    }
    const kept = logMel(samples)
    const again = new Float32Array(whole.length)
    const { push, end } = deltas((row, frame) => again.set(row, frame * FEATURES))
    for (let at = 0; at < kept.length; at += 40) push(kept.subarray(at, at + 40))
    end()
    assert.deepEqual(again, whole)
  }
})

test('samples are an Int16Array, of any realm; floats, which would be silence, are refused with what to do', () => {
  const samples = samplesOf(800)
  const right = features(samples)
  assert.deepEqual(features(vm.runInNewContext('Int16Array').from(samples)), right)
  const rows: number[] = []
  const stream = featureStream((row) => void rows.push(...row))
  stream.push(samples.subarray(0, 500))
  const wrong = [Float32Array.of(0.5), new Float64Array(3), new Uint8Array(4), new ArrayBuffer(8), [1, 2], 'x', 5, null]
  for (const given of [...wrong, undefined]) {
    for (const call of [features, logMel, stream.push]) {
      refused(
        () => call(given as never),
        /: expected samples in an Int16Array but received .*: of floats from -1 to 1, take /,
      )
    }
  }
  stream.push(samples.subarray(500))
  stream.end()
  assert.deepEqual(rows, [...right], 'what was refused left nothing behind')
  refused(() => featureStream(undefined as never), /^featureStream: expected a function .* received undefined$/)
})

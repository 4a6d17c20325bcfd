/** Sound in a file or a stream, SPHERE or RIFF by its first bytes: 16-bit samples as they are. */
import { bytesOf } from '../arrays.ts'
import { InputError, refuseNoText, refuseUnknown, shown } from '../error.ts'
import type { AudioHeader, HeaderSteps } from './audioHeader.ts'
import { latin1 } from './latin1.ts'
import { isRiff, riffHeader } from './riff.ts'
import { isSphere, sphereHeader } from './sphere.ts'

/** Samples a second that speech has here, TIMIT's. */
export const SPEECH_RATE = 16_000

const NONE = new Uint8Array(0)

/**
 * Reads the header of a file or a stream that is cut into pieces anywhere. `push` gives null until the header is whole;
 * then it gives the header and the bytes of this piece that follow it.
 * @param what names the bytes in messages: a file
 * @throws InputError from `push` unless the bytes are SPHERE or RIFF of 16-bit PCM
 */
export function headerReader(what: string): {
  /** Takes the next piece of the stream. */
  push(bytes: Uint8Array): { header: AudioHeader; rest: Uint8Array } | null
} {
  refuseNoText('name of the sound', what)
  const steps = headerSteps(what)
  let wanted = steps.next().value as number
  let held: Uint8Array = NONE
  let filled = 0
  /**
   * Grows by doubling: pieces of one byte cost no more than that, and a length that a header only claims costs nothing.
   */
  const hold = (part: Uint8Array) => {
    if (filled + part.length > held.length) {
      const larger = new Uint8Array(Math.min(wanted, 2 * (filled + part.length)))
      larger.set(held.subarray(0, filled))
      held = larger
    }
    held.set(part, filled)
    filled += part.length
  }
  return {
    push(given) {
      const bytes = bytesOf(what, given)
      let at = 0
      for (;;) {
        if (wanted < 0) {
          const passed = Math.min(-wanted, bytes.length - at)
          at += passed
          wanted += passed
          if (wanted < 0) return null
        } else {
          const part = bytes.subarray(at, at + wanted - filled)
          at += part.length
          hold(part)
          if (filled < wanted) return null
        }
        const step = steps.next(held)
        held = NONE
        filled = 0
        if (step.done) return { header: step.value, rest: bytes.subarray(at) }
        wanted = step.value
      }
    },
  }
}

function* headerSteps(what: string): HeaderSteps {
  const first = yield 8
  if (isSphere(first)) return yield* sphereHeader(what)
  if (isRiff(first)) return yield* riffHeader(first, what)
  throw new InputError(
    `${what}: expected NIST SPHERE (NIST_1A) or RIFF WAVE but it begins with ${shown(latin1(first))}: ` +
      'convert it, e.g. sox IN OUT.wav',
  )
}

/** @throws InputError unless it is one channel of 16,000 samples a second */
export function refuseUnlessSpeech({ rate, channels }: AudioHeader, what: string): void {
  if (channels !== 1) {
    throw new InputError(
      `${what}: expected one channel but received ${channels}: mix them, e.g. sox IN OUT.wav channels 1`,
    )
  }
  if (rate === SPEECH_RATE) return
  // What was recorded at less has nothing above half its rate, which the upper filters would see as silence.
  const remedy = rate > SPEECH_RATE ? 'resample it, e.g. sox IN -r 16000 OUT.wav' : 'take recordings of 16 kHz'
  throw new InputError(`${what}: expected ${SPEECH_RATE} samples a second but received ${rate}: ${remedy}`)
}

/**
 * Samples of each channel in a file of `size` bytes.
 * @throws InputError if the header promises more
 */
export function sampleCount({ start, channels, samples }: AudioHeader, size: number, what: string): number {
  const held = Math.max(0, Math.floor((size - start) / (2 * channels)))
  refuseCut(samples, held, what)
  return samples ?? held
}

function refuseCut(promised: number | null, held: number, what: string): void {
  if (promised === null || held >= promised) return
  throw new InputError(`${what}: expected ${promised} samples but it holds ${held}: it is cut off: copy it again`)
}

/** @throws InputError: the file ends before its samples */
export function refuseNoHeader(header: AudioHeader | null, size: number, what: string): asserts header is AudioHeader {
  if (!header) throw new InputError(`${what}: its header is cut off: the file has only ${size} bytes: copy it again`)
}

/**
 * 16-bit samples of whole pairs of bytes; of an odd number the last byte is left.
 * @throws InputError for what holds no bytes
 */
export function pcm16(given: Uint8Array, bigEndian: boolean): Int16Array {
  const bytes = bytesOf('pcm16', given)
  const samples = new Int16Array(bytes.length >> 1)
  const [high, low] = bigEndian ? [0, 1] : [1, 0]
  for (let i = 0; i < samples.length; i++) samples[i] = (bytes[2 * i + high]! << 8) | bytes[2 * i + low]!
  return samples
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length)
  both.set(a)
  both.set(b, a.length)
  return both
}

/** Bytes of sound as they come, cut anywhere, become samples. */
export interface SoundStream {
  /** The samples that these bytes complete. @throws InputError unless it is one channel of 16-bit PCM at 16 kHz */
  push(bytes: Uint8Array): Int16Array
  /** Samples so far. */
  readonly count: number
  /** There are no more bytes. @throws InputError if the header is not whole, or samples that it promised are missing */
  end(): void
}

/**
 * Samples of sound that comes piece by piece, from a file or from a program.
 * @param what names the bytes in messages: a file
 * @param options.piped whether the bytes come from a program and not from a file. A program that writes into a pipe
 * says a length before it knows it, and cannot go back to mend it: a length that the stream does not reach then means
 * nothing. In a file it means that the end is missing.
 */
export function soundStream(what: string, options: { piped?: boolean } = {}): SoundStream {
  refuseUnknown('soundStream', options, ['piped'])
  const { piped = false } = options
  const reader = headerReader(what)
  let header: AudioHeader | null = null
  let received = 0
  let odd: Uint8Array = NONE
  let count = 0
  return {
    push(given) {
      const bytes = bytesOf(what, given)
      received += bytes.length
      let rest = bytes
      if (!header) {
        const found = reader.push(bytes)
        if (!found) return new Int16Array(0)
        refuseUnlessSpeech(found.header, what)
        header = found.header
        rest = found.rest
      }
      const { samples, bigEndian } = header
      const all = odd.length > 0 ? joined(odd, rest) : rest
      const n = Math.min(all.length >> 1, samples === null ? Number.POSITIVE_INFINITY : samples - count)
      odd = all.slice(2 * n, 2 * n + 1)
      count += n
      return pcm16(all.subarray(0, 2 * n), bigEndian)
    },
    get count() {
      return count
    },
    end() {
      refuseNoHeader(header, received, what)
      if (!piped) refuseCut(header.samples, count, what)
    },
  }
}

/**
 * The samples of a whole file of speech.
 * @throws InputError unless it is one channel of 16-bit PCM at 16 kHz, not cut off
 */
export function speech(bytes: Uint8Array, what: string): Int16Array {
  const stream = soundStream(what)
  const samples = stream.push(bytes)
  stream.end()
  return samples
}

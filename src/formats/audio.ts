/** Sound in a file or a stream, SPHERE or RIFF by its first bytes: 16-bit samples as they are. */
import { InputError, shown } from '../error.ts'
import type { AudioHeader } from './audioHeader.ts'
import { latin1 } from './latin1.ts'
import { isRiff, riffHeader } from './riff.ts'
import { isSphere, sphereHeader } from './sphere.ts'

/** Samples a second that speech has here, TIMIT's. */
export const SPEECH_RATE = 16_000

/**
 * What the beginning of a file or stream says; null if it is too short to tell.
 * @param what names the bytes in messages: a file
 * @throws InputError unless they are SPHERE or RIFF of 16-bit PCM
 */
export function audioHeader(bytes: Uint8Array, what: string): AudioHeader | null {
  if (isSphere(bytes)) return sphereHeader(bytes, what)
  if (isRiff(bytes)) return riffHeader(bytes, what)
  if (bytes.length === 0) return null
  const begin = shown(latin1(bytes.subarray(0, 8)))
  throw new InputError(`${what}: expected NIST SPHERE (NIST_1A) or RIFF WAVE but it begins with ${begin}`)
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
  if (samples === null || held >= samples) return samples ?? held
  throw new InputError(`${what}: expected ${samples} samples but it holds ${held}: it is cut off: copy it again`)
}

/** @throws InputError: the file ends before its samples */
export function refuseNoHeader(header: AudioHeader | null, size: number, what: string): asserts header is AudioHeader {
  if (!header) throw new InputError(`${what}: its header is cut off: the file has only ${size} bytes: copy it again`)
}

/** 16-bit samples of whole pairs of bytes; of an odd number the last byte is left. */
export function pcm16(bytes: Uint8Array, bigEndian: boolean): Int16Array {
  const samples = new Int16Array(bytes.length >> 1)
  const [high, low] = bigEndian ? [0, 1] : [1, 0]
  for (let i = 0; i < samples.length; i++) samples[i] = (bytes[2 * i + high]! << 8) | bytes[2 * i + low]!
  return samples
}

/**
 * The samples of a whole file of speech.
 * @throws InputError unless it is one channel of 16-bit PCM at 16 kHz, not cut off
 */
export function speech(bytes: Uint8Array, what: string): Int16Array {
  const header = audioHeader(bytes, what)
  refuseNoHeader(header, bytes.length, what)
  refuseUnlessSpeech(header, what)
  const { start, bigEndian } = header
  return pcm16(bytes.subarray(start, start + 2 * sampleCount(header, bytes.length, what)), bigEndian)
}

/**
 * RIFF WAVE (and RIFX, the same high byte first): chunks of a name, a 32-bit length and as many bytes, padded to even. `fmt `
 * says what the samples are, `data` holds them. Read here is 16-bit PCM. A stream that did not know its length when it began
 * (ffmpeg, sox) says 0 or 2^32 - 1: then the samples go on to the end.
 */
import { InputError, shown } from '../error.ts'
import type { AudioHeader } from './audioHeader.ts'
import { latin1 } from './latin1.ts'

const PCM = 1
const EXTENSIBLE = 0xfffe
const CODINGS: Readonly<Record<number, string>> = { 2: 'ADPCM', 3: 'floats', 6: 'A-law', 7: 'μ-law', 85: 'MP3' }
/** Chunks before the samples hold names and dates, not this much. */
const MOST = 2 ** 20
/** With such a remedy a person gets on, whatever tool wrote the file. */
const CONVERT = 'convert it, e.g. sox IN -b 16 -e signed-integer OUT.wav'

/** Whether `bytes` begin as a RIFF or RIFX file does, as far as they go. */
export function isRiff(bytes: Uint8Array): boolean {
  const name = latin1(bytes.subarray(0, 4))
  return name !== '' && ('RIFF'.startsWith(name) || 'RIFX'.startsWith(name))
}

/**
 * What the chunks before the samples say; null if `bytes`, the beginning of a file, do not reach the samples.
 * @throws InputError unless it is WAVE of 16-bit PCM
 */
export function riffHeader(bytes: Uint8Array, what: string): AudioHeader | null {
  if (bytes.length < 12) return null
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const little = latin1(bytes.subarray(0, 4)) === 'RIFF'
  const form = latin1(bytes.subarray(8, 12))
  if (form !== 'WAVE') throw new InputError(`${what}: expected RIFF of the form WAVE but received ${shown(form)}`)
  let format: { rate: number; channels: number } | null = null
  let at = 12
  while (at + 8 <= bytes.length) {
    const name = latin1(bytes.subarray(at, at + 4))
    const size = view.getUint32(at + 4, little)
    at += 8
    if (name === 'data') {
      if (!format) throw new InputError(`${what}: RIFF: expected a chunk "fmt " before the samples but there is none`)
      const endless = size === 0xffffffff || size === 0
      const samples = endless ? null : Math.floor(size / (2 * format.channels))
      return { ...format, start: at, bigEndian: !little, samples }
    }
    if (size > MOST) {
      throw new InputError(`${what}: RIFF: chunk ${shown(name)} says it has ${size} bytes: it is damaged: ${CONVERT}`)
    }
    if (name === 'fmt ') {
      if (at + size > bytes.length) return null
      format = formatOf(view, { at, size, little }, what)
    }
    at += size + (size % 2)
  }
  return null
}

function formatOf(
  view: DataView,
  { at, size, little }: { at: number; size: number; little: boolean },
  what: string,
): { rate: number; channels: number } {
  if (size < 16) throw new InputError(`${what}: RIFF: chunk "fmt ": expected 16 bytes or more but received ${size}`)
  const tag = view.getUint16(at, little)
  // The extended form says its coding in the first bytes of a GUID.
  const coding = tag === EXTENSIBLE && size >= 26 ? view.getUint16(at + 24, little) : tag
  if (coding !== PCM) {
    const came = CODINGS[coding] ?? `coding ${coding}`
    throw new InputError(`${what}: expected 16-bit PCM but received ${came}: ${CONVERT}`)
  }
  const bits = view.getUint16(at + 14, little)
  if (bits !== 16) throw new InputError(`${what}: expected 16-bit PCM but received ${bits}-bit: ${CONVERT}`)
  const channels = view.getUint16(at + 2, little)
  const rate = view.getUint32(at + 4, little)
  if (channels < 1 || rate < 1) {
    throw new InputError(`${what}: expected channels and a rate but received ${channels} and ${rate}: it is damaged`)
  }
  return { rate, channels }
}

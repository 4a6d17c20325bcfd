/**
 * RIFF WAVE (and RIFX, the same high byte first): chunks of a name, a 32-bit length and as many bytes, padded to even.
 * `fmt ` says what the samples are, `data` holds them. RF64 and BW64 (EBU Tech 3306, ITU-R BS.2088) say in a chunk
 * `ds64` the lengths that 32 bits cannot hold. Read here is 16-bit PCM.
 *
 * A program that writes into a pipe does not know the length when it begins. It says 0, or the most that 31 or 32 bits
 * hold: arecord 2^31, sox and espeak 2^31 - 4096, ffmpeg 2^32 - 1, others these less their header. Then the samples go
 * on to the end.
 */
import { InputError, shown } from '../error.ts'
import type { AudioHeader, HeaderSteps } from './audioHeader.ts'
import { latin1 } from './latin1.ts'

const PCM = 1
const EXTENSIBLE = 0xfffe
const CODINGS: Readonly<Record<number, string>> = { 2: 'ADPCM', 3: 'floats', 6: 'A-law', 7: 'μ-law', 85: 'MP3' }
/**
 * No chunk before the samples is larger: four letters of text that are read as a length by mistake are 2^29 or more.
 */
const MOST = 2 ** 29
/** Says in 32 bits that the length stands in `ds64`. */
const LONG = 2 ** 32 - 1
/** With such a remedy a person gets on, whatever tool wrote the file. */
const CONVERT = 'convert it, e.g. sox IN -b 16 -e signed-integer OUT.wav'

/** Whether these 8 bytes are the beginning of such a file. */
export function isRiff(bytes: Uint8Array): boolean {
  return ['RIFF', 'RIFX', 'RF64', 'BW64'].includes(latin1(bytes.subarray(0, 4)))
}

/**
 * Reads the chunks before the samples.
 * @param first the first 8 bytes
 * @throws InputError unless it is WAVE of 16-bit PCM
 */
export function* riffHeader(first: Uint8Array, what: string): HeaderSteps {
  const little = latin1(first.subarray(0, 4)) !== 'RIFX'
  const u32 = (bytes: Uint8Array, at: number) => viewOf(bytes).getUint32(at, little)
  const form = latin1(yield 4)
  if (form !== 'WAVE') throw new InputError(`${what}: expected RIFF of the form WAVE but received ${shown(form)}`)
  let format: { rate: number; channels: number } | null = null
  /** Of the whole file after its first 8 bytes, and of the samples. */
  let lengths = { file: u32(first, 4), data: LONG }
  for (let at = 12; ; ) {
    const head = yield 8
    at += 8
    const name = latin1(head.subarray(0, 4))
    const size = u32(head, 4)
    if (name === 'data') {
      if (!format) throw new InputError(`${what}: RIFF: expected a chunk "fmt " before the samples but there is none`)
      const bytes = dataBytes(size === LONG ? lengths.data : size, at, lengths.file + 8)
      const samples = bytes === null ? null : Math.floor(bytes / (2 * format.channels))
      return { ...format, start: at, bigEndian: !little, samples }
    }
    if (size > MOST) {
      throw new InputError(`${what}: RIFF: chunk ${shown(name)} says it has ${size} bytes: it is damaged: ${CONVERT}`)
    }
    let read = 0
    if (name === 'fmt ' || name === 'ds64') {
      const body: Uint8Array = yield Math.min(size, 40)
      read = body.length
      if (name === 'fmt ') format = formatOf(body, little, what)
      else lengths = longLengths(body, what)
    }
    const padded = size + (size % 2)
    if (padded > read) yield read - padded
    at += padded
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
}

/**
 * Bytes of samples that begin at `start` in a file that says it ends at `end`; null: not known, they go on to the end.
 */
function dataBytes(size: number, start: number, end: number): number | null {
  if (isPlaceholder(size)) return null
  // There are really none if more chunks follow; a program that began to write would have said that nothing follows.
  if (size === 0) return isPlaceholder(end - 8) || end <= start ? null : 0
  return size
}

/**
 * Whether a length is the most that fits, or so near that it is the most less a header: nobody counted so many bytes.
 */
function isPlaceholder(size: number): boolean {
  const near = (most: number) => size > most - 2 ** 16 && size <= most
  return near(2 ** 31) || near(2 ** 32) || size > Number.MAX_SAFE_INTEGER
}

function longLengths(body: Uint8Array, what: string): { file: number; data: number } {
  if (body.length < 24) {
    throw new InputError(
      `${what}: RIFF: chunk "ds64": expected 24 bytes or more but received ${body.length}: ${CONVERT}`,
    )
  }
  const u64 = (at: number) => Number(viewOf(body).getBigUint64(at, true))
  return { file: u64(0), data: u64(8) }
}

function formatOf(body: Uint8Array, little: boolean, what: string): Pick<AudioHeader, 'rate' | 'channels'> {
  if (body.length < 16) {
    throw new InputError(`${what}: RIFF: chunk "fmt ": expected 16 bytes or more but received ${body.length}`)
  }
  const view = viewOf(body)
  const u16 = (at: number) => view.getUint16(at, little)
  // The extended form says its coding in the first bytes of a GUID.
  const coding = u16(0) === EXTENSIBLE && body.length >= 26 ? u16(24) : u16(0)
  if (coding !== PCM) {
    const came = CODINGS[coding] ?? `coding ${coding}`
    throw new InputError(`${what}: expected 16-bit PCM but received ${came}: ${CONVERT}`)
  }
  const [channels, rate, align, bits] = [u16(2), view.getUint32(4, little), u16(12), u16(14)]
  if (bits !== 16) throw new InputError(`${what}: expected 16-bit PCM but received ${bits}-bit: ${CONVERT}`)
  if (channels < 1 || rate < 1) {
    throw new InputError(`${what}: expected channels and a rate but received ${channels} and ${rate}: it is damaged`)
  }
  if (align !== 2 * channels) {
    throw new InputError(
      `${what}: RIFF: block align: expected ${2 * channels} bytes for ${channels} channel${channels > 1 ? 's' : ''} of 16 bits ` +
        `but received ${align}: it is damaged: ${CONVERT}`,
    )
  }
  return { rate, channels }
}

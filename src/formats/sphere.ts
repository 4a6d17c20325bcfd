/**
 * NIST SPHERE, the format of LDC's speech (TIMIT's .WAV are such): "NIST_1A", the length of the header as text, then a line
 * `name -type value` for each field, `end_head`, spaces up to that length (1024 as a rule), and the samples. Read here is 16-bit
 * PCM in either byte order. What LDC packs with `shorten` keeps its header and is refused with the tool that unpacks it.
 */
import { InputError, shown } from '../error.ts'
import type { AudioHeader } from './audioHeader.ts'
import { latin1 } from './latin1.ts'

const MAGIC = 'NIST_1A\n'
/** A header is 1024 bytes; no file has one of a thousand times that. */
const MOST = 2 ** 20

/** Whether `bytes` begin as a SPHERE file does, as far as they go. */
export function isSphere(bytes: Uint8Array): boolean {
  const n = Math.min(bytes.length, MAGIC.length)
  return n > 0 && latin1(bytes.subarray(0, n)) === MAGIC.slice(0, n)
}

/**
 * What the header says; null if `bytes`, the beginning of a file, do not hold all of it.
 * @throws InputError unless it is whole and the samples are 16-bit PCM
 */
export function sphereHeader(bytes: Uint8Array, what: string): AudioHeader | null {
  if (bytes.length < 2 * MAGIC.length) return null
  const length = latin1(bytes.subarray(MAGIC.length, 2 * MAGIC.length))
  const start = /^ *\d+\n$/.test(length) ? Number(length) : 0
  if (start < 2 * MAGIC.length || start > MOST) {
    throw new InputError(`${what}: SPHERE header: expected its length in line 2 but received ${shown(length.trim())}`)
  }
  if (bytes.length < start) return null
  const fields = fieldsOf(latin1(bytes.subarray(2 * MAGIC.length, start)), what)
  refuseUnlessPcm(fields, what)
  const whole = (name: string, least: number, otherwise?: number): number => {
    const text = fields.get(name)
    if (text === undefined && otherwise !== undefined) return otherwise
    const value = /^\d+$/.test(text ?? '') ? Number(text) : Number.NaN
    if (Number.isSafeInteger(value) && value >= least) return value
    const came = text === undefined ? 'nothing' : shown(text)
    throw new InputError(`${what}: SPHERE header: ${name}: expected a whole number >= ${least} but received ${came}`)
  }
  return {
    rate: whole('sample_rate', 1),
    channels: whole('channel_count', 1, 1),
    start,
    bigEndian: fields.get('sample_byte_format') === '10',
    samples: fields.has('sample_count') ? whole('sample_count', 0) : null,
  }
}

function fieldsOf(text: string, what: string): Map<string, string> {
  const fields = new Map<string, string>()
  for (const [i, line] of text.split('\n').entries()) {
    if (line.trim() === 'end_head') return fields
    if (line.trim() === '' || line.startsWith(';')) continue
    const [, name, value] = /^(\S+) -(?:i|r|s\d+) (.*)$/.exec(line) ?? []
    if (name === undefined || value === undefined) {
      throw new InputError(
        `${what}: SPHERE header: line ${i + 3}: expected "name -type value" but received ${shown(line)}: it is damaged`,
      )
    }
    fields.set(name, value.trim())
  }
  throw new InputError(`${what}: SPHERE header: expected a line end_head but there is none: it is cut off or damaged`)
}

function refuseUnlessPcm(fields: ReadonlyMap<string, string>, what: string): void {
  const coding = fields.get('sample_coding') ?? 'pcm'
  if (coding !== 'pcm') {
    const packed = coding.includes('shorten')
    const how = packed ? 'it is compressed by shorten: unpack it' : 'convert it'
    throw new InputError(
      `${what}: sample_coding: expected pcm but received ${shown(coding)}: ${how} with sph2pipe -p (or NIST's w_decode -o pcm)`,
    )
  }
  const size = fields.get('sample_n_bytes') ?? '2'
  if (size !== '2') {
    throw new InputError(`${what}: sample_n_bytes: expected 2, 16-bit samples, but received ${shown(size)}: convert it`)
  }
  const order = fields.get('sample_byte_format')
  if (order !== '01' && order !== '10') {
    const came = order === undefined ? 'nothing' : shown(order)
    throw new InputError(
      `${what}: sample_byte_format: expected 01 (low byte first) or 10 but received ${came}: convert it with sph2pipe -p`,
    )
  }
}

/** A SPHERE file of one channel as LDC writes them, low byte first. */
export function encodeSphere(samples: Int16Array, rate: number = 16_000): Uint8Array {
  const text = [
    'NIST_1A',
    '   1024',
    'channel_count -i 1',
    `sample_count -i ${samples.length}`,
    `sample_rate -i ${rate}`,
    'sample_n_bytes -i 2',
    'sample_byte_format -s2 01',
    'sample_sig_bits -i 16',
    'sample_coding -s3 pcm',
    'end_head\n',
  ].join('\n')
  const file = new Uint8Array(1024 + 2 * samples.length).fill(0x20, 0, 1024)
  file.set(new TextEncoder().encode(text))
  const view = new DataView(file.buffer)
  for (let i = 0; i < samples.length; i++) view.setInt16(1024 + 2 * i, samples[i]!, true)
  return file
}

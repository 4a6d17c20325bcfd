/**
 * NIST SPHERE, the format of LDC's speech (TIMIT's .WAV are such): "NIST_1A", the length of the header as text, then a
 * line `name -type value` for each field, `end_head`, spaces up to that length (1024 as a rule), and the samples. A
 * type is `-i` (a whole number), `-r` (a real one) or `-sN` (a string of N bytes, line ends among them). Read here is
 * 16-bit PCM in either byte order. What LDC packs with `shorten` keeps its header and is refused with the tool that
 * unpacks it.
 */
import { InputError, shown } from '../error.ts'
import type { HeaderSteps } from './audioHeader.ts'
import { latin1 } from './latin1.ts'

const MAGIC = 'NIST_1A\n'
/** A header is 1024 bytes; no file has one of a thousand times that. */
const MOST = 2 ** 20

/** Whether these 8 bytes are the beginning of a SPHERE file. */
export function isSphere(bytes: Uint8Array): boolean {
  return latin1(bytes) === MAGIC
}

/**
 * Reads what follows the first line.
 * @throws InputError unless the header is whole and the samples are 16-bit PCM
 */
export function* sphereHeader(what: string): HeaderSteps {
  const length = latin1(yield MAGIC.length)
  const start = /^ *\d+ *\n$/.test(length) ? Number(length) : 0
  if (start < 2 * MAGIC.length || start > MOST) {
    throw new InputError(`${what}: SPHERE header: expected its length in line 2 but received ${shown(length.trim())}`)
  }
  const fields = fieldsOf(latin1(yield start - 2 * MAGIC.length), what)
  refuseUnlessPcm(fields, what)
  const whole = (name: string, least: number, otherwise?: number): number => {
    const text = fields.get(name)
    if (text === undefined && otherwise !== undefined) return otherwise
    // "-r 16000.000" is a whole number too.
    const value = /^[+-]?\d+(\.\d*)?(e[+-]?\d+)?$/i.test(text ?? '') ? Number(text) : Number.NaN
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
  for (let at = 0; at < text.length; ) {
    const end = lineEnd(text, at)
    const line = text.slice(at, end)
    if (/^end_head(\s|$)/.test(line)) return fields
    if (line.trim() === '' || line.startsWith(';')) {
      at = end + 1
      continue
    }
    const number = () => text.slice(0, at).split('\n').length + 2
    const field = fieldAt(text, at)
    if (!field) {
      const came = shown(line)
      throw new InputError(
        `${what}: SPHERE header: line ${number()}: expected "name -type value" but received ${came}: it is damaged`,
      )
    }
    const { name, value, next } = field
    const earlier = fields.get(name) ?? value
    if (earlier !== value) {
      throw new InputError(
        `${what}: SPHERE header: line ${number()}: ${name}: expected it once but received ${shown(earlier)} and ${shown(value)}: ` +
          'it is damaged',
      )
    }
    fields.set(name, value)
    at = next
  }
  throw new InputError(`${what}: SPHERE header: expected a line end_head but there is none: it is cut off or damaged`)
}

function lineEnd(text: string, from: number): number {
  const end = text.indexOf('\n', from)
  return end < 0 ? text.length : end
}

/**
 * The field that begins at `at`, and where the next line begins; null if there is none. A string has as many bytes as
 * its type says if its line is over then, with one space before it or several. Where it is not over, the type is wrong,
 * as it is in files that other readers take: they read to the end of the line.
 */
function fieldAt(text: string, at: number): { name: string; value: string; next: number } | null {
  const begin = /(\S+)[ \t]+-(?:[ir]|s(\d+))(?=\s|$)([ \t]*)/y
  begin.lastIndex = at
  const [whole, name, bytes, spaces] = begin.exec(text) ?? []
  if (whole === undefined || name === undefined || spaces === undefined) return null
  const type = at + whole.length - spaces.length
  if (bytes !== undefined) {
    for (const from of [type + Math.min(1, spaces.length), type + spaces.length]) {
      const next = restOfLine(text, from + Number(bytes))
      if (next !== null) return { name, value: text.slice(from, from + Number(bytes)).trim(), next }
    }
  }
  const end = lineEnd(text, type)
  return { name, value: text.slice(type, end).replace(/;.*/, '').trim(), next: end + 1 }
}

/** Where the next line begins if nothing but spaces and a comment is left of the one at `at`; else null. */
function restOfLine(text: string, at: number): number | null {
  const rest = /[ \t\r]*(?:;[^\n]*)?(?:\n|$)/y
  rest.lastIndex = at
  return at <= text.length && rest.test(text) ? rest.lastIndex : null
}

function refuseUnlessPcm(fields: ReadonlyMap<string, string>, what: string): void {
  const coding = fields.get('sample_coding')?.toLowerCase() ?? 'pcm'
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

/**
 * .PHN, TIMIT's phonetic transcription: a line `start end label` for each segment, in samples, the end not included;
 * segments follow one another.
 */
import { InputError, shown } from '../error.ts'

/** A phone and where it is heard, in samples. */
export interface Segment {
  /** The first sample, and the one after the last. */
  readonly start: number
  readonly end: number
  readonly phone: string
}

/**
 * @param what names the text in messages: a file
 * @param known the labels there are
 * @throws InputError, naming the line, unless segments follow one another, each with a known label, and there is one at
 * least
 */
export function parsePhn(text: string, what: string, known: { has(label: string): boolean }): Segment[] {
  const segments: Segment[] = []
  for (const [i, line] of text.split(/\r\n?|\n/).entries()) {
    if (line.trim() === '') continue
    const refuse = (problem: string): never => {
      throw new InputError(`${what}: line ${i + 1}: ${problem}`)
    }
    const [, first, second, label] = /^\s*(\d+)\s+(\d+)\s+(\S+)\s*$/.exec(line) ?? []
    if (label === undefined) return refuse(`expected "start end phone" but received ${shown(line.trim())}`)
    const [start, end, phone] = [Number(first), Number(second), label.toLowerCase()]
    if (!Number.isSafeInteger(end)) refuse(`expected the number of a sample but received ${shown(second)}`)
    if (end <= start) refuse(`expected an end after the start ${start} but received ${end}: mend or remove the segment`)
    const before = segments.at(-1)?.end ?? 0
    if (start < before) {
      refuse(`the segment ${start} … ${end} overlaps the one before it, which ends at ${before}: mend the boundaries`)
    }
    if (!known.has(phone)) refuse(`unknown phone ${shown(phone)}: expected one of TIMIT's labels (iy, h#, dcl, …)`)
    segments.push({ start, end, phone })
  }
  if (segments.length === 0) throw new InputError(`${what}: expected segments but it has none: the utterance is empty`)
  return segments
}

export function encodePhn(segments: readonly Segment[]): string {
  return segments.map(({ start, end, phone }) => `${start} ${end} ${phone}\n`).join('')
}

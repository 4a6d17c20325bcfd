/**
 * Kaldi's alignments as text, `ark,t`: a line `utterance id id id …`, an id for each frame. `ali-to-pdf final.mdl
 * ark:ali.ark ark,t:ali.txt` writes them (ids of pdfs), `ali-to-phones --per-frame=true` those of phones.
 */
import { InputError, shown } from '../error.ts'

/** More states than any acoustic model has; it keeps a damaged file from asking for an output layer of its size. */
const MOST = 65_536

/**
 * Alignments by the utterance's name in lower case.
 * @param what names the text in messages: a file
 * @throws InputError, naming the line, unless every line is a name and whole numbers, each name once
 */
export function parseAlignments(text: string, what: string): Map<string, Int32Array> {
  if (text.includes('\0')) {
    throw new InputError(`${what}: expected a text archive but it is binary: write it with ark,t:FILE`)
  }
  const alignments = new Map<string, Int32Array>()
  for (const [i, line] of text.split(/\r\n?|\n/).entries()) {
    const [name, ...ids] = line.trim().split(/\s+/)
    if (!name) continue
    const refuse = (problem: string): never => {
      throw new InputError(`${what}: line ${i + 1}: ${problem}`)
    }
    const key = name.toLowerCase()
    if (alignments.has(key)) refuse(`utterance ${shown(name)} occurs twice: give each alignment once`)
    if (ids.length === 0) refuse(`utterance ${shown(name)} has no frames: remove the line`)
    const states = Int32Array.from(ids, Number)
    const bad = ids.findIndex((id) => !/^\d+$/.test(id) || Number(id) >= MOST)
    if (bad >= 0) refuse(`frame ${bad}: expected an id, 0 … ${MOST - 1}, but received ${shown(ids[bad])}`)
    alignments.set(key, states)
  }
  if (alignments.size === 0) throw new InputError(`${what}: expected alignments, "utterance id id …", but it is empty`)
  return alignments
}

/**
 * TIMIT as LDC ships it, and what is laid out like it: TRAIN|TEST/DRn/SPEAKER/SENTENCE.{WAV,PHN}, upper or lower case,
 * SPHERE or RIFF. Every file is checked when the corpus is read, its samples only when they are asked for: 1,200
 * utterances take 0.5 s.
 *
 * Who is in which set is agreed for TIMIT's speakers (timit.ts). For others a file SPLIT.TXT in the corpus says it, a
 * line `SPEAKER dev` (or train, test) each; whom it does not name is trained on if under TRAIN, and tested on if under
 * TEST.
 */
import * as fs from 'node:fs'
import * as path from 'node:path'
import { explaining, readBytes, readText, statsOf } from '../../disk.node.ts'
import { InputError, shown } from '../../error.ts'
import { frameCount } from '../../features/speech.ts'
import { headerReader, refuseNoHeader, refuseUnlessSpeech, sampleCount, speech } from '../../formats/audio.ts'
import type { AudioHeader } from '../../formats/audioHeader.ts'
import { parsePhn, type Segment } from '../../formats/phn.ts'
import { CORE_TEST_SPEAKERS, COUNTS, DEV_SPEAKERS, LABELS } from './timit.ts'

export interface Utterance {
  /** Its path in the corpus without ending, in lower case: train/dr1/fcjf0/si1027. */
  readonly id: string
  /** The file with the sound. */
  readonly file: string
  /** In lower case, as are the next two. */
  readonly speaker: string
  readonly dialect: string
  readonly sentence: string
  readonly segments: readonly Segment[]
  /** Samples it has. */
  readonly length: number
  /** Size and date of the file, by which a cache knows it. */
  readonly size: number
  readonly modified: number
  /** Reads them. */
  samples(): Int16Array
}

export const SETS = ['train', 'dev', 'test'] as const
export type SetName = (typeof SETS)[number]

export interface Timit extends Readonly<Record<SetName, readonly Utterance[]>> {
  /** What is wrong with each utterance that was left out, a line each. */
  readonly skipped: readonly string[]
}

/** How faults in a corpus of speech are treated. */
export interface TimitOptions {
  /**
   * Leave out bad utterances and say how many they were. Default false: the first fault ends the reading.
   */
  readonly skipBad?: boolean | undefined
  /** Called with a line where there is something to know. */
  readonly say?: ((line: string) => void) | undefined
}

/**
 * The corpus in `dir`, or in a folder timit in it. SA1 and SA2, which every speaker reads, belong to no set.
 * @throws InputError when there is none, who is in which set is not known, or (without skipBad) an utterance is bad
 */
export function readTimit(dir: string, { skipBad = false, say = () => {} }: TimitOptions = {}): Timit {
  const root = rootOf(dir)
  const speakers = [...speakersOf(root, 'train'), ...speakersOf(root, 'test')]
  const setOf = splitOf(root, speakers)
  const sets: Record<SetName, Utterance[]> = { train: [], dev: [], test: [] }
  const skipped: string[] = []
  const seen = new Map<string, Speaker & { set: SetName }>()
  for (const speaker of speakers) {
    const set = setOf(speaker)
    if (set === null) continue
    const earlier = seen.get(speaker.name)
    if (!earlier) seen.set(speaker.name, { ...speaker, set })
    for (const recording of recordingsOf(speaker)) {
      try {
        if (earlier) {
          const where = `${set} and, in ${earlier.dir}, ${earlier.set === set ? 'once more' : `in ${earlier.set}`}`
          throw new InputError(`${speaker.dir}: speaker ${shown(speaker.name)} is in ${where}: remove one`)
        }
        sets[set].push(readUtterance(speaker, recording))
      } catch (error) {
        if (!skipBad || !(error instanceof InputError)) throw error
        skipped.push(error.message)
      }
    }
  }
  refuseEmpty(root, sets)
  if (skipped.length > 0) say(`left out ${skipped.length} bad utterances, the first: ${skipped[0]}`)
  warnOfCounts(sets, seen, say)
  return { ...sets, skipped }
}

interface Speaker {
  readonly name: string
  readonly dialect: string
  readonly part: 'train' | 'test'
  readonly dir: string
}

interface Recording {
  readonly sentence: string
  /** null: there is none; one of the two there is. */
  readonly audio: string | null
  readonly phn: string | null
}

function rootOf(dir: string): string {
  if (!fs.existsSync(dir))
    throw new InputError(`${dir}: expected a corpus in TIMIT's layout but there is no such folder`)
  for (let root: string | undefined = dir; root; root = entriesOf(root).get('timit')) {
    if (entriesOf(root).has('train')) return root
  }
  throw new InputError(
    `${dir}: expected TIMIT's folders TRAIN and TEST but there is no TRAIN: name the folder they are in`,
  )
}

/**
 * Full paths by name in lower case, sorted by it; none if `dir` is no folder. Hidden files (._SA1.WAV) are not of the
 * corpus.
 * @throws InputError for two names that differ in case only: which of them counts nobody could tell
 */
function entriesOf(dir: string): Map<string, string> {
  if (!isFolder(dir)) return new Map()
  const names = explaining(dir, 'cannot be read', () => fs.readdirSync(dir)).filter((name) => !name.startsWith('.'))
  const entries = new Map<string, string>()
  for (const name of names.toSorted((a, b) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1))) {
    const earlier = entries.get(name.toLowerCase())
    if (earlier !== undefined) {
      const both = [path.basename(earlier), name].toSorted().join(' and ')
      throw new InputError(`${dir}: ${both} differ in nothing but upper and lower case: remove one`)
    }
    entries.set(name.toLowerCase(), path.join(dir, name))
  }
  return entries
}

function isFolder(name: string): boolean {
  return fs.existsSync(name) && fs.statSync(name).isDirectory()
}

function speakersOf(root: string, part: 'train' | 'test'): Speaker[] {
  const folder = entriesOf(root).get(part)
  if (!folder) return []
  return [...entriesOf(folder)].flatMap(([dialect, inside]) =>
    [...entriesOf(inside)].filter(([, dir]) => isFolder(dir)).map(([name, dir]) => ({ name, dialect, part, dir })),
  )
}

/** Which set a speaker is in; null: in none, like those of TIMIT's TEST who are in neither of its two sets. */
function splitOf(root: string, speakers: readonly Speaker[]): (speaker: Speaker) => SetName | null {
  const file = entriesOf(root).get('split.txt')
  if (file) {
    const named = parseSplit(textOf(file), file, new Set(speakers.map(({ name }) => name)))
    return ({ name, part }) => named.get(name) ?? part
  }
  const agreed = (name: string) => (DEV_SPEAKERS.has(name) ? 'dev' : CORE_TEST_SPEAKERS.has(name) ? 'test' : null)
  if (!speakers.some(({ name, part }) => part === 'test' && agreed(name))) {
    throw new InputError(
      `${root}: none of TIMIT's dev and core test speakers is under TEST: for another corpus write SPLIT.TXT there, ` +
        'a line "SPEAKER dev" or "SPEAKER test" each',
    )
  }
  return ({ name, part }) => (part === 'train' ? part : agreed(name))
}

function parseSplit(text: string, what: string, speakers: ReadonlySet<string>): Map<string, SetName> {
  const named = new Map<string, SetName>()
  for (const [i, line] of text.split(/\r\n?|\n/).entries()) {
    const [name, set, ...rest] = line.replace(/#.*/, '').trim().toLowerCase().split(/\s+/)
    if (!name) continue
    if (!SETS.includes(set as SetName) || rest.length > 0) {
      throw new InputError(
        `${what}: line ${i + 1}: expected a speaker and train, dev or test but received ${shown(line.trim())}`,
      )
    }
    if (!speakers.has(name)) {
      throw new InputError(
        `${what}: line ${i + 1}: speaker ${shown(name)} has no folder under TRAIN or TEST: correct the name or ` +
          'remove the line',
      )
    }
    if ((named.get(name) ?? set) !== set) {
      throw new InputError(
        `${what}: line ${i + 1}: speaker ${shown(name)} is in ${set} and, further up, in ${named.get(name)}: remove ` +
          'one',
      )
    }
    named.set(name, set as SetName)
  }
  return named
}

function recordingsOf({ dir }: Speaker): Recording[] {
  const entries = entriesOf(dir)
  const recordings = new Map<string, Recording>()
  for (const [name, file] of entries) {
    // SI1027.WAV.wav is what some copies call the RIFF beside, or in place of, SI1027.WAV, which sorts first.
    const [, sentence, ending] = /^(.+?)(\.phn|(?:\.wav)+)$/.exec(name) ?? []
    if (sentence === undefined || /^sa[12]$/.test(sentence)) continue
    const { audio, phn } = recordings.get(sentence) ?? { audio: null, phn: null }
    recordings.set(
      sentence,
      ending === '.phn' ? { sentence, audio, phn: file } : { sentence, audio: audio ?? file, phn },
    )
  }
  return [...recordings.values()]
}

function readUtterance({ name, dialect, part, dir }: Speaker, { sentence, audio, phn }: Recording): Utterance {
  if (phn === null || audio === null) {
    const [ending, what, other] = phn === null ? ['PHN', 'segments', audio!] : ['WAV', 'sound', phn]
    throw new InputError(
      `${path.join(dir, sentence.toUpperCase())}.${ending}: expected the ${what} of ${path.basename(other)} but ` +
        'there is no such file: copy it from the corpus',
    )
  }
  const segments = parsePhn(textOf(phn), phn, LABELS)
  const { size, mtimeMs: modified } = statsOf(audio)
  const length = lengthOf(audio, size)
  if (frameCount(length) === 0) {
    throw new InputError(
      `${audio}: expected at least 400 samples, 25 ms, but received ${length}: the utterance is empty`,
    )
  }
  const { start, end, phone } = segments.at(-1)!
  if (end > length) {
    throw new InputError(
      `${phn}: line ${segments.length}: the segment ${start} … ${end} (${phone}) runs past the sound, which has ` +
        `${length} samples: the two are not of one utterance, or one is damaged: copy both again`,
    )
  }
  const id = `${part}/${dialect}/${name}/${sentence}`
  const samples = () => speech(readBytes(audio), audio)
  return { id, file: audio, speaker: name, dialect, sentence, segments, length, size, modified, samples }
}

function textOf(file: string): string {
  statsOf(file)
  return readText(file)
}

/** Samples of a file, from its first bytes and its size. */
function lengthOf(file: string, size: number): number {
  const header = explaining(file, 'cannot be read', () => headerOf(file))
  refuseNoHeader(header, size, file)
  refuseUnlessSpeech(header, file)
  return sampleCount(header, size, file)
}

/** Nearly always the first 4 kB tell; chunks with pictures and the like can stand before the samples of a RIFF. */
function headerOf(file: string): AudioHeader | null {
  const handle = fs.openSync(file, 'r')
  try {
    const reader = headerReader(file)
    const block = new Uint8Array(4096)
    for (;;) {
      const n = fs.readSync(handle, block)
      if (n === 0) return null
      const found = reader.push(block.subarray(0, n))
      if (found) return found.header
    }
  } finally {
    fs.closeSync(handle)
  }
}

function refuseEmpty(root: string, sets: Readonly<Record<SetName, readonly Utterance[]>>): void {
  for (const set of SETS) {
    if (sets[set].length > 0) continue
    const why = set === 'dev' ? 'name its speakers in SPLIT.TXT' : 'is the corpus complete?'
    throw new InputError(`${root}: expected utterances (.WAV and .PHN) for ${set} but there are none: ${why}`)
  }
}

/** The whole of TIMIT has so many; it is used all the same if they are others. */
function warnOfCounts(
  sets: Readonly<Record<SetName, readonly Utterance[]>>,
  seen: ReadonlyMap<string, { set: SetName }>,
  say: (line: string) => void,
): void {
  if (![...CORE_TEST_SPEAKERS].some((name) => seen.has(name))) return
  if (SETS.every((set) => sets[set].length === COUNTS[set])) return
  const join = (of: (set: SetName) => number) => SETS.map(of).join(' / ')
  const found = join((set) => sets[set].length)
  say(
    `warning: the whole of TIMIT has ${join((set) => COUNTS[set])} utterances (train / dev / core test), here are ` +
      `${found}`,
  )
}

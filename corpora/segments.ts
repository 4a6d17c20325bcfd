/**
 * What espeak-ng says it spoke, as TIMIT labels it: phones and words with their first and last sample.
 *
 * espeak-ng's events give the onset of every phoneme, in whole milliseconds. Between phonemes it plays nothing at all
 * before a voiceless stop: a run of zeros, exact to the sample, which is the closure. The rules for what events do not
 * say:
 *
 * - A stop or affricate is closure and burst, as in TIMIT (pcl p, tcl ch). The closure is the silence before the onset.
 * Where
 * there is none (voiced stops among voiced sounds), it is the first 70 % of the phoneme, the share of bcl, dcl and gcl
 * in
 * their stops in TIMIT. A stop after a pause, or first of all, has a burst alone: its closure is part of that silence.
 * - A phoneme of espeak-ng that is two phones (ɔːɹ, aɪɚ, iə) gives the first 60 % to the first one.
 * - A glottal stop (q) is the silence around it.
 * - Silence before anything else is pau from 80 ms, epi from 20 ms, and below that the end of the phone before it.
 * - What is before the first sound and after the last one is h#.
 */
import type { Segment } from '../src/formats/phn.ts'

/** A phoneme or word event of the synthesiser. */
export interface SpeechEvent {
  readonly type: 'phoneme' | 'word'
  /** Onset in milliseconds. */
  readonly at: number
  /** The phoneme in IPA, '' for a pause; the word as it is written. */
  readonly id: string
}

/** One utterance without noise, as it was synthesised. */
export interface Speech {
  readonly samples: Int16Array
  /** In Hz. */
  readonly rate: number
  readonly events: readonly SpeechEvent[]
}

/** Samples `start` … `end`-1 of the utterance. */
export interface Word {
  readonly start: number
  readonly end: number
  readonly word: string
}

/** espeak-ng's phonemes of American English, all that 8,830 sentences of Brown have, as TIMIT's labels. */
const LABELS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    ...{
      iː: 'iy',
      i: 'iy',
      ɪ: 'ih',
      ᵻ: 'ix',
      ɛ: 'eh',
      æ: 'ae',
      ə: 'ax',
      ɐ: 'ax',
      ʌ: 'ah',
      ɑː: 'aa',
      ɔː: 'ao',
      ɔ: 'ao',
    },
    ...{ ʊ: 'uh', uː: 'uw', ɜː: 'er', ɚ: 'axr', eɪ: 'ey', aɪ: 'ay', ɔɪ: 'oy', aʊ: 'aw', oʊ: 'ow' },
    ...{
      ɑːɹ: 'aa r',
      ɔːɹ: 'ao r',
      oːɹ: 'ao r',
      ɛɹ: 'eh r',
      ɪɹ: 'ih r',
      ʊɹ: 'uh r',
      iə: 'iy ax',
      aɪɚ: 'ay axr',
      aɪə: 'ay ax',
    },
    ...{ p: 'p', t: 't', k: 'k', b: 'b', d: 'd', ɡ: 'g', tʃ: 'ch', dʒ: 'jh', ɾ: 'dx', ʔ: 'q' },
    ...{ f: 'f', v: 'v', θ: 'th', ð: 'dh', s: 's', z: 'z', ʃ: 'sh', ʒ: 'zh', h: 'hh' },
    ...{ m: 'm', n: 'n', ŋ: 'ng', l: 'l', ɹ: 'r', r: 'r', w: 'w', j: 'y', əl: 'el', n̩: 'en' },
  }),
)
const CLOSURES: ReadonlyMap<string, string> = new Map(
  Object.entries({ p: 'pcl', t: 'tcl', k: 'kcl', b: 'bcl', d: 'dcl', g: 'gcl', ch: 'tcl', jh: 'dcl', q: 'q' }),
)
const CLOSURE_SHARE = 0.7
const FIRST_SHARE = 0.6
/** Milliseconds: the least of a segment, and of what is taken for silence, for epi, for pau. */
const LEAST = 2
const HEARD = 10
const EPI = 20
const PAU = 80

/** Every label that can occur. */
export const SPOKEN_LABELS: readonly string[] = [
  ...new Set([...[...LABELS.values()].flatMap((label) => label.split(' ')), ...CLOSURES.values(), 'epi', 'pau', 'h#']),
].sort()

/** A phoneme of the synthesiser that no label of TIMIT stands for. */
export class UnknownPhoneme extends Error {
  override readonly name: string = 'UnknownPhoneme'
  readonly phoneme: string
  constructor(phoneme: string) {
    super(`phoneme ${JSON.stringify(phoneme)} of espeak-ng has no label of TIMIT`)
    this.phoneme = phoneme
  }
}

/** A phoneme or pause from onset to onset. */
interface Sound {
  readonly label: string
  readonly start: number
  readonly end: number
  /** Index of its word; -1 before the first. */
  readonly word: number
}

/**
 * The phones, without a gap from sample 0 to the end, and the words, which take the closure of their first
 * stop with them.
 * @throws UnknownPhoneme
 */
export function segments(speech: Speech): { phones: Segment[]; words: Word[] } {
  const sounds = soundsOf(speech)
  const phones: Segment[] = []
  const spans: [number, number][] = []
  const least = Math.max(1, (LEAST * speech.rate) / 1000)
  let at = 0 // where the label under way begins
  const push = (label: string, end: number) => {
    if (end - at < least) return // a splinter: the next one begins with it
    const last = phones.at(-1)
    if ((label === 'pau' || label === 'q') && last?.phone === label) phones[phones.length - 1] = { ...last, end }
    else phones.push({ start: at, end, phone: label })
    at = end
  }
  push('h#', sounds[0]?.start ?? 0)
  for (const [i, sound] of sounds.entries()) {
    const last = phones.at(-1)
    const closed = last === undefined || ['h#', 'pau', CLOSURES.get(sound.label)].includes(last.phone)
    const onset = last !== undefined && last.phone === CLOSURES.get(sound.label) ? last.start : at
    const { end, silence } = endOf(speech, sound, sounds[i + 1])
    if (sound.label === 'pau') push('pau', sound.end)
    else pushSound(push, { ...sound, start: at, end }, closed)
    if (sound.label !== 'pau' && sound.word >= 0) spans[sound.word] = [spans[sound.word]?.[0] ?? onset, at]
    if (silence !== null) push(silence, sound.end)
  }
  return { phones: closeWithSilence(phones, speech.samples.length), words: wordsOf(speech, spans) }
}

function soundsOf({ samples, rate, events }: Speech): Sound[] {
  const position = ({ at }: SpeechEvent) => Math.min(samples.length, Math.round((at * rate) / 1000))
  const sounds: Sound[] = []
  let word = -1
  const phonemes = events.filter(({ type }) => type === 'phoneme')
  let n = 0
  for (const event of events) {
    if (event.type === 'word') {
      word += 1
      continue
    }
    n += 1
    const next = phonemes[n]
    const id = event.id.replace(/[ˈˌ]/g, '').normalize('NFC')
    const label = id === '' ? 'pau' : LABELS.get(id)
    if (label === undefined) throw new UnknownPhoneme(id)
    sounds.push({ label, start: position(event), end: next ? position(next) : samples.length, word })
  }
  return sounds
}

/** Where a sound is over, and what the silence is that follows it before `next`; null if there is none. */
function endOf(
  { samples, rate }: Speech,
  { label, start, end }: Sound,
  next: Sound | undefined,
): { end: number; silence: string | null } {
  let quiet = end
  while (quiet > start + 1 && samples[quiet - 1] === 0) quiet--
  const ms = (1000 * (end - quiet)) / rate
  const silence =
    CLOSURES.get(next?.label ?? '') ?? (next === undefined || next.label === 'pau' || ms >= PAU ? 'pau' : 'epi')
  if (label === 'q') return { end, silence: null }
  return ms < HEARD || (silence === 'epi' && ms < EPI) ? { end, silence: null } : { end: quiet, silence }
}

/** `closed`: a stop needs no closure of its own. */
function pushSound(push: (label: string, end: number) => void, { label, start, end }: Sound, closed: boolean): void {
  const share = (part: number) => start + Math.round(part * (end - start))
  const closure = CLOSURES.get(label)
  const [first, second] = label.split(' ')
  if (closure && !closed) push(closure, share(CLOSURE_SHARE))
  if (second !== undefined) push(first!, share(FIRST_SHARE))
  push(second ?? first!, end)
}

/** The last pause, to the last sample, is h#. */
function closeWithSilence(phones: readonly Segment[], length: number): Segment[] {
  const last = phones.at(-1)
  const spoken = last?.phone === 'pau' ? phones.slice(0, -1) : [...phones]
  const start = spoken.at(-1)?.end ?? 0
  return start < length ? [...spoken, { start, end: length, phone: 'h#' }] : spoken
}

/** A word without a phoneme of its own, which espeak-ng speaks together with its neighbour, has no segment. */
function wordsOf({ events }: Speech, spans: readonly (readonly [number, number] | undefined)[]): Word[] {
  const words = events.filter(({ type }) => type === 'word')
  return words.flatMap(({ id }, i) => {
    const span = spans[i]
    return span ? [{ start: span[0], end: span[1], word: id }] : []
  })
}

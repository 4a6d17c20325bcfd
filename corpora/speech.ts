/**
 * A spoken corpus in TIMIT's layout that nobody needs a licence for: espeak-ng reads sentences of Brown in many voices,
 * and since it is a machine it says what it spoke when. The folder appears whole or not at all, and the same seed gives
 * the same bytes.
 */
import * as fs from 'node:fs'
import * as path from 'node:path'
import { explaining, makeFolder, namesIn } from '../src/disk.node.ts'
import { InputError } from '../src/error.ts'
import { encodePhn, type Segment } from '../src/formats/phn.ts'
import { encodeSphere } from '../src/formats/sphere.ts'
import { permutation, type Rng, rng } from '../src/rng.ts'
import { SPOKEN_RATE, voice } from './espeak.ts'
import { readme, type Tally } from './readme.ts'
import { resampler } from './resample.ts'
import { type Speech, segments, UnknownPhoneme, type Word } from './segments.ts'
import { sentences } from './sentences.ts'
import { type Part, type Speaker, speakers } from './voices.ts'

/** Samples a second, as TIMIT's. */
const RATE = 16_000

/** The development speakers are under TEST, as TIMIT's are; SPLIT.TXT names them. */
const FOLDERS: Readonly<Record<Part, string>> = { train: 'TRAIN', dev: 'TEST', test: 'TEST' }

export interface SpeechOptions {
  /** Folder of the corpus, new or empty. */
  readonly out: string
  /** At least 3: one for each part. */
  readonly speakers: number
  /** Of each speaker. No sentence is read twice. */
  readonly sentences: number
  readonly seed: number
  /** Speech over noise in decibels, of their mean squares while there is speech. */
  readonly snr: number
  /** Told when a speaker is done. */
  readonly onSpeaker?: ((speaker: Speaker, done: number) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * @throws InputError when packages or sentences are wanting, or the folder is not empty or cannot be written; the
 * signal's reason, with nothing written
 */
export async function makeSpeech(options: SpeechOptions): Promise<Tally> {
  const { out, speakers: count, sentences: each, seed } = options
  const texts = sentences()
  if (count * each > texts.length) {
    const most = Math.floor(texts.length / count)
    throw new InputError(
      `data speech: --sentences: expected at most ${most} for ${count} speakers, as no sentence of ${texts.length} is read twice, but received ${each}`,
    )
  }
  const order = Array.from(permutation(texts.length, rng(seed, 'speech/sentences')), (i) => texts[i]!)
  const target = path.resolve(out)
  const folder = explaining(out, 'cannot be written', () => {
    refuseFilled(out)
    makeFolder(path.dirname(target))
    return fs.mkdtempSync(`${target}-unfinished-`)
  })
  try {
    const tally = await speakAll(folder, order, options)
    explaining(out, 'cannot be written', () => {
      fs.writeFileSync(path.join(folder, 'SPLIT.TXT'), split(tally.speakers))
      fs.writeFileSync(path.join(folder, 'README.TXT'), readme(tally, options))
      fs.chmodSync(folder, 0o755) // mkdtemp's is for its owner alone
      if (fs.existsSync(target)) fs.rmdirSync(target)
      fs.renameSync(folder, target)
    })
    return tally
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

/** What tells the reader of the corpus whose speech is for what. */
function split(speakers: readonly Speaker[]): string {
  return speakers.map(({ name, part }) => `${name} ${part}\n`).join('')
}

function refuseFilled(out: string): void {
  if (!fs.existsSync(out) || namesIn(out).length === 0) return
  throw new InputError(`${out}: expected a new or empty folder but it holds files: name another with --out`)
}

async function speakAll(
  folder: string,
  order: readonly string[],
  { out, speakers: count, sentences: each, seed, snr, onSpeaker, signal }: SpeechOptions,
): Promise<Tally> {
  const tally: Tally = {
    speakers: speakers(count, seed),
    utterances: 0,
    seconds: 0,
    phones: new Map(),
    passedOver: new Map(),
  }
  const toRate = resampler(SPOKEN_RATE, RATE)
  let next = 0
  for (const [done, speaker] of tally.speakers.entries()) {
    signal?.throwIfAborted()
    const speak = await voice(speaker)
    const generator = rng(seed, `speech/noise ${speaker.name}`)
    const dir = path.join(folder, FOLDERS[speaker.part], `DR${speaker.region}`, speaker.name)
    explaining(out, 'cannot be written', () => makeFolder(dir))
    for (let n = 0; n < each; ) {
      const text = order[next++]
      if (text === undefined) {
        throw new InputError(`data speech: only ${tally.utterances} sentences could be read: ask for fewer`)
      }
      const read = labelled(speak(text), text, tally)
      if (!read) continue
      const utterance = recorded(read, toRate, { level: speaker.level, snr, generator })
      explaining(out, 'cannot be written', () => write(path.join(dir, `SX${next}`), text, utterance))
      for (const { phone } of utterance.phones) tally.phones.set(phone, (tally.phones.get(phone) ?? 0) + 1)
      tally.utterances += 1
      tally.seconds += utterance.samples.length / RATE
      n += 1
    }
    onSpeaker?.(speaker, done + 1)
  }
  return tally
}

interface Labelled {
  readonly speech: Speech
  readonly phones: readonly Segment[]
  readonly words: readonly Word[]
}

/** null, counted with its reason, for a sentence whose phones or words cannot be told. */
function labelled(speech: Speech, text: string, { passedOver }: Tally): Labelled | null {
  const pass = (reason: string) => {
    passedOver.set(reason, (passedOver.get(reason) ?? 0) + 1)
    return null
  }
  try {
    const { phones, words } = segments(speech)
    // "was the" and the like are one word to espeak-ng: where one ends and the other begins it does not say.
    if (words.length !== text.split(' ').length) return pass('words spoken as one')
    return { speech, phones, words }
  } catch (error) {
    if (error instanceof UnknownPhoneme) return pass(error.message)
    throw error
  }
}

interface Utterance {
  readonly samples: Int16Array
  readonly phones: readonly Segment[]
  readonly words: readonly Word[]
}

/** At 16 kHz, at its level, with 0.1 to 0.25 s before and after it, in white noise. */
function recorded(
  { speech, phones, words }: Labelled,
  toRate: ReturnType<typeof resampler>,
  { level, snr, generator }: { level: number; snr: number; generator: Rng },
): Utterance {
  const x = toRate(speech.samples)
  const before = 1600 + generator.below(2400)
  const after = 1600 + generator.below(2400)
  const spoken =
    x.reduce((sum, value) => sum + value * value, 0) / x.reduce((n, value) => n + Number(Math.abs(value) > 1), 0)
  const peak = x.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  // Four standard deviations of noise above the loudest sample there is room for.
  const noise = 10 ** (-snr / 20)
  const gain = Math.min(level / Math.sqrt(spoken), 32_000 / (peak + 4 * noise * Math.sqrt(spoken)))
  const samples = new Int16Array(before + x.length + after)
  for (let i = 0; i < samples.length; i++) {
    const clean = x[i - before] ?? 0
    const value = Math.round(gain * (clean + noise * Math.sqrt(spoken) * generator.normal()))
    samples[i] = Math.max(-32_768, Math.min(32_767, value))
  }
  const moved = (position: number) => before + Math.round((position * RATE) / SPOKEN_RATE)
  const spokenPhones = phones.filter(({ phone }) => phone !== 'h#')
  const onset = moved(spokenPhones[0]!.start)
  const end = moved(spokenPhones.at(-1)!.end)
  return {
    samples,
    phones: [
      { start: 0, end: onset, phone: 'h#' },
      ...spokenPhones.map(({ phone, start, end }) => ({ start: moved(start), end: moved(end), phone })),
      { start: end, end: samples.length, phone: 'h#' },
    ],
    words: words.map(({ word, start, end }) => ({ start: moved(start), end: moved(end), word })),
  }
}

function write(base: string, text: string, { samples, phones, words }: Utterance): void {
  fs.writeFileSync(`${base}.WAV`, encodeSphere(samples, RATE))
  fs.writeFileSync(`${base}.PHN`, encodePhn(phones))
  fs.writeFileSync(`${base}.TXT`, `0 ${samples.length} ${text}\n`)
  fs.writeFileSync(
    `${base}.WRD`,
    words.map(({ start, end, word }) => `${start} ${end} ${word.toLowerCase()}\n`).join(''),
  )
}

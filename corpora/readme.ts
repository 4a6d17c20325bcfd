/** What a spoken corpus says of itself, first of all that no one spoke it. */
import { SPOKEN_LABELS } from './segments.ts'
import type { Part, Speaker } from './voices.ts'

/** What was made. */
export interface Tally {
  readonly speakers: readonly Speaker[]
  utterances: number
  seconds: number
  /** Segments by label. */
  readonly phones: Map<string, number>
  /** Sentences that were not taken, by reason. */
  readonly passedOver: Map<string, number>
}

/** How it was made: the options of `irnn data speech` that decide its content. */
interface Recipe {
  readonly speakers: number
  readonly sentences: number
  readonly seed: number
  readonly snr: number
}

const PARTS: readonly Part[] = ['train', 'dev', 'test']

export function readme(tally: Tally, { speakers, sentences, seed, snr }: Recipe): string {
  const { utterances, seconds, phones, passedOver } = tally
  const of = (part: Part) => tally.speakers.filter((speaker) => speaker.part === part)
  const least = SPOKEN_LABELS.filter((label) => !phones.has(label))
  return `THIS CORPUS IS SYNTHETIC. No person spoke it: it was made by the speech synthesiser espeak-ng, for trying out
programs that are written for TIMIT. It is not TIMIT, and no number measured on it can be compared with one
measured on TIMIT.

Made by: irnn data speech --speakers ${speakers} --sentences ${sentences} --seed ${seed} --snr ${snr}

${utterances} utterances, ${(seconds / 60).toFixed(1)} minutes, ${tally.speakers.length} speakers, no sentence twice; ${PARTS.map((part) => `${part} ${of(part).length}`).join(', ')} speakers.
No speaker and no voice is in two of them. Folders are TIMIT's: TRAIN and TEST, DR1 to DR8 (which mean nothing here),
speaker, sentence. The dev speakers are under TEST, as TIMIT's are; SPLIT.TXT says who they are.

.WAV  NIST SPHERE, 16 kHz, 16 bits. espeak-ng's 22,050 Hz resampled; white noise ${snr} dB below the speech.
.PHN  first sample, last sample + 1, phone. From espeak-ng's own events, which are exact to a millisecond; closures
      of voiceless stops to the sample. Closures of voiced stops, where espeak-ng plays no silence, are the first 70 %
      of the stop; the second part of ao r, ay axr, iy ax and their like is the last 40 % of one phoneme of espeak-ng's.
.WRD  the same for words. .TXT  the sentence.

Of TIMIT's 61 labels it never uses ax-h, em, eng, hv, nx, ux${least.length > 0 ? `; and ${least.join(', ')} did not occur` : ''}.
Sentences passed over: ${[...passedOver].map(([reason, n]) => `${n} (${reason})`).join(', ') || 'none'}.
The sentences are from the Brown Corpus.

speaker  part   region  variant     pitch  range  words/min
${tally.speakers.map(line).join('\n')}
`
}

function line({ name, part, region, variant, pitch, range, rate }: Speaker): string {
  return `${name.padEnd(9)}${part.padEnd(7)}${String(region).padEnd(8)}${variant.padEnd(12)}${String(pitch).padEnd(7)}${String(range).padEnd(7)}${rate}`
}

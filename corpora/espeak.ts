/**
 * espeak-ng as WebAssembly, npm's @echogarden/espeak-ng-emscripten. It is GPL: nothing of irnn imports it but this
 * file, and this only when speech is asked for; it is installed for development and is no dependency of the package.
 */
import { joined } from '../src/arrays.ts'
import { InputError } from '../src/error.ts'
import type { Speech, SpeechEvent } from './segments.ts'
import type { Speaker } from './voices.ts'

/** Samples a second of what it speaks. */
export const SPOKEN_RATE = 22_050

// Not a literal: types, bundlers and the package's users shall not look for it.
const PACKAGE: string = '@echogarden/espeak-ng-emscripten'

/** What is used of the package, which has no types. */
interface Worker {
  set_voice(name: string): number
  set_rate(wordsPerMinute: number): void
  set_pitch(pitch: number): void
  set_range(range: number): void
  synthesize(text: string, heard: (samples: Int16Array | null, events: readonly RawEvent[]) => number): void
}
interface RawEvent {
  readonly type: string
  /** Milliseconds, rounded down. */
  readonly audio_position: number
  /** In characters, from 1. */
  readonly text_position: number
  readonly id?: string | number
}
type Load = () => Promise<{ eSpeakNGWorker: new () => Worker }>

/**
 * A voice that reads sentences. Its breath and roughness are random numbers of its own that go on from sentence to
 * sentence: a new voice gives the same samples for the same sentences in the same order.
 * @throws InputError when espeak-ng is not installed
 */
export async function voice({ variant, pitch, range, rate }: Speaker): Promise<(text: string) => Speech> {
  const { eSpeakNGWorker: Worker } = await (await loader())()
  const worker = new Worker()
  worker.set_voice(`en-us+${variant}`)
  worker.set_pitch(pitch)
  worker.set_range(range)
  worker.set_rate(rate)
  return (text) => {
    const pieces: Int16Array[] = []
    const events: SpeechEvent[] = []
    worker.synthesize(text, (samples, heard) => {
      if (samples) pieces.push(samples)
      for (const event of heard) {
        const { type, audio_position: at, text_position: from, id } = event
        if (type === 'phoneme') events.push({ type, at, id: String(id) })
        if (type === 'word') events.push({ type, at, id: /[A-Za-z']*/y.exec(text.slice(from - 1))![0] })
      }
      return 0
    })
    return { samples: joined(Int16Array, pieces), rate: SPOKEN_RATE, events }
  }
}

async function loader(): Promise<Load> {
  try {
    return ((await import(PACKAGE)) as { default: Load }).default
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error
    throw new InputError(
      `data speech: speech is made by npm ${PACKAGE} (GPL-3.0), which is not installed: npm install --save-dev ${PACKAGE}`,
    )
  }
}

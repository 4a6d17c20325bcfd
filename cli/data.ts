/** `irnn data speech`: data made on the spot. */
import { makeSpeech } from '../corpora/speech.ts'
import { duration, grouped } from './words.ts'

export interface SpeechFlags {
  out: string
  speakers: number
  sentences: number
  seed: number
  snr: number
}

/** Makes the corpus. Returns the exit code. */
export async function dataSpeech(flags: SpeechFlags): Promise<number> {
  const controller = new AbortController()
  const stop = () => controller.abort()
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
  try {
    const { utterances, seconds } = await makeSpeech({
      ...flags,
      signal: controller.signal,
      onSpeaker: ({ name, part }, done) => process.stderr.write(`${done}/${flags.speakers}  ${name} (${part})\n`),
    })
    process.stdout.write(
      `${grouped(utterances)} utterances of ${flags.speakers} speakers, ${duration(seconds)} of synthetic speech: ${flags.out}\n`,
    )
    return 0
  } finally {
    process.off('SIGINT', stop)
    process.off('SIGTERM', stop)
  }
}

/** `irnn data speech`: data made on the spot. */
import { makeSpeech } from '../corpora/speech.ts'
import { duration, grouped } from '../src/numbers.ts'
import { print, say } from './say.ts'
import { stopOnSignals } from './signals.ts'

export interface SpeechFlags {
  out: string
  speakers: number
  sentences: number
  seed: number
  snr: number
  json?: boolean
}

/** Makes the corpus. Returns the exit code. */
export async function dataSpeech(flags: SpeechFlags): Promise<number> {
  const stop = stopOnSignals({ say, show() {}, clear() {} }, 'removing what was made')
  try {
    const { utterances, seconds } = await makeSpeech({
      ...flags,
      signal: stop.signal,
      onSpeaker: ({ name, part }, done) => say(`${done}/${flags.speakers}  ${name} (${part})`),
    })
    if (flags.json) {
      print(JSON.stringify({ type: 'speech', out: flags.out, speakers: flags.speakers, utterances, seconds }))
      return 0
    }
    const made = `${grouped(utterances)} utterances of ${flags.speakers} speakers`
    print(`${made}, ${duration(seconds)} of synthetic speech: ${flags.out}`)
    return 0
  } catch (error) {
    if (!stop.signal.aborted) throw error
    say(`${flags.out}: stopped: nothing was written`)
    return stop.exitCode()
  } finally {
    stop.release()
  }
}

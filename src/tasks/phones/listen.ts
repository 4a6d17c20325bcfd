/** A stream of sound through a network of one direction, frame by frame, as the sound comes. */
import { InputError } from '../../error.ts'
import { SETTINGS } from '../../features/mel.ts'
import { featureStream } from '../../features/speech.ts'
import { soundStream } from '../../formats/audio.ts'
import type { Model } from '../../model/model.ts'
import { mostProbable } from './score.ts'
import { THIRDS } from './targets.ts'

/** What the network says of one frame. */
export interface Heard {
  /** Seconds from the start to where the frame's middle 10 ms begin. */
  readonly time: number
  readonly state: number
  readonly probability: number
}

export interface Hearing {
  readonly onFrame?: ((heard: Heard) => void) | undefined
  /** A run of frames of one phone, once it is over; times in seconds. */
  readonly onPhone?: ((span: { start: number; end: number; phone: number }) => void) | undefined
  /** Whether a program writes the sound as it goes, so that the length in its header means nothing. Default false. */
  readonly piped?: boolean | undefined
}

const FRAME = SETTINGS.shift / SETTINGS.rate
/** A frame answers for the 10 ms in the middle of its 25. */
const LEAD = (SETTINGS.window - SETTINGS.shift) / 2 / SETTINGS.rate

/**
 * Hears all of `input`. Returns the number of frames, the seconds of sound, and the seconds of work (without waiting
 * for input).
 * @throws InputError unless it is 16-bit sound of one channel at 16 kHz, whole, 25 ms of it at least
 */
export async function listen(
  input: AsyncIterable<Uint8Array>,
  what: string,
  model: Model,
  hearing: Hearing,
): Promise<{ frames: number; seconds: number; work: number }> {
  const hears = hearer(model, hearing)
  const sound = soundStream(what, { piped: hearing.piped ?? false })
  let work = 0
  for await (const bytes of input) {
    const start = performance.now()
    hears.push(sound.push(bytes))
    work += (performance.now() - start) / 1000
  }
  sound.end()
  const start = performance.now()
  const frames = hears.end()
  work += (performance.now() - start) / 1000
  if (frames === 0)
    throw new InputError(`${what}: expected at least 25 ms of sound but there is less: give a longer one`)
  return { frames, seconds: sound.count / SETTINGS.rate, work }
}

function hearer(model: Model, { onFrame, onPhone }: Hearing): { push(samples: Int16Array): void; end(): number } {
  const stepper = model.stepper()
  let frames = 0
  let phone = -1
  let since = 0
  const over = () => {
    const at = (frame: number) => (frame === 0 ? 0 : frame * FRAME + LEAD)
    if (phone >= 0) onPhone?.({ start: at(since), end: at(frames), phone })
  }
  const stream = featureStream((row, frame) => {
    const logits = stepper.step(row)
    const state = mostProbable(logits, 0, logits.length)
    onFrame?.({ time: frame * FRAME + LEAD, state, probability: probabilityOf(state, logits) })
    if (THIRDS.phoneOf[state] !== phone) {
      over()
      phone = THIRDS.phoneOf[state]!
      since = frame
    }
    frames = frame + 1
  })
  return {
    push: (samples) => stream.push(samples),
    end() {
      stream.end()
      over()
      stepper.dispose()
      return frames
    },
  }
}

/** The probability of the most probable state. */
function probabilityOf(state: number, logits: ArrayLike<number>): number {
  let sum = 0
  for (let k = 0; k < logits.length; k++) sum += Math.exp(logits[k]! - logits[state]!)
  return 1 / sum
}

/** Sound to features, features to phones. It runs anywhere, as `irnn` does, and loads npm's `fourier-transform`. */

export {
  FEATURES,
  type FeatureStream,
  featureStream,
  features,
  frameCount,
  logMel,
  type TakesFrame,
} from './features/speech.ts'
export { headerReader, pcm16, type SoundStream, soundStream, speech as decodeSpeech } from './formats/audio.ts'
export type { AudioHeader } from './formats/audioHeader.ts'
export type { Segment } from './formats/phn.ts'
export {
  type PhoneCorpus,
  type PhoneOptions,
  phones,
  type SpeechSet,
  statistics as speechNormalisation,
} from './tasks/phones/phones.ts'
export { createPhoneScore, type PhoneErrors, type PhoneScore } from './tasks/phones/score.ts'
export { frameStates, type StateSet, THIRDS } from './tasks/phones/targets.ts'
export { PHONES } from './tasks/phones/timit.ts'

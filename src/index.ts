/** The public names, and nothing else. */
export type { Backend, BackendName, Floats, InstructionSet } from './backend/backend.ts'
export { availableBackends, type BackendOptions, createBackend } from './backend/choose.ts'
export type { Batch, Normalisation } from './batch.ts'
export { InputError } from './error.ts'
export { FEATURES, type FeatureStream, featureStream, features } from './features/speech.ts'
export { type IdxArray, type LabelledFiles, type LabelledImages, parseIdx, parseLabelled } from './formats/idx.ts'
export { decode as decodeSafetensors, encode as encodeSafetensors, type Tensor } from './formats/safetensors.ts'
export { METRICS, type Metric } from './metric.ts'
export {
  constant,
  gaussian,
  glorot,
  type Init,
  identity,
  npRnn,
  orthogonal,
  randomWalk,
  uniform,
} from './model/init.ts'
export {
  createModel,
  type Loss,
  type LossOptions,
  loadModel,
  type Model,
  type ModelOutput,
  type Parameter,
  type Plan,
  type PlanOptions,
  type State,
  type Stepper,
  saveModel,
} from './model/model.ts'
export {
  type Cell,
  classification,
  gru,
  type HeadInput,
  type HeadOptions,
  type IrnnOptions,
  irnn,
  lstm,
  type ModelInput,
  type ModelSpec,
  modelSpec,
  type RnnInput,
  regression,
  relu,
  type StackOptions,
  tanh,
} from './model/spec.ts'
export { permutation, type Rng, rng } from './rng.ts'
export type { Stream, StreamState, Task } from './task.ts'
export { type AddingOptions, adding } from './tasks/adding/adding.ts'
export type { Digits } from './tasks/mnist/digits.ts'
export { type PixelInput, type PixelOptions, pixels } from './tasks/mnist/mnist.ts'
export { type PhoneCorpus, type PhoneOptions, phones, type SpeechSet } from './tasks/phones/phones.ts'
export { createPhoneScore, type PhoneErrors, type PhoneScore } from './tasks/phones/score.ts'
export { type Clip, clipDerivative, clipNorm, clipValue, noClip } from './train/clip.ts'
export { evaluate } from './train/evaluate.ts'
export type {
  CheckpointEvent,
  CollapseEvent,
  DoneEvent,
  EvalEvent,
  Scores,
  Spread,
  StepEvent,
  TestScore,
  TrainEvent,
} from './train/events.ts'
export { DivergenceError, type Run, type RunOptions, type RunState, type TrainOptions, train } from './train/loop.ts'
export {
  type Adam,
  adam,
  type Muon,
  muon,
  type OptimizerSpec,
  type RmsProp,
  rmsprop,
  type Sgd,
  sgd,
} from './train/optim.ts'
export { constantRate, cosineRate, halvingRate, type Schedule, stepRate } from './train/schedule.ts'

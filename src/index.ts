/** Models, training and tasks, in Node and in a page. What needs a disk is in `irnn/node`, sound in `irnn/speech`. */

export type {
  Backend,
  BackendName,
  ByteInput,
  Floats,
  InstructionSet,
  NativeInstructionSet,
  WasmInstructionSet,
} from './backend/backend.ts'
export { type BackendOptions, createBackend, createBackendSync, wasmBytes, wasmModule } from './backend/choose.ts'
export type { WasmModule, WasmSource } from './backend/wasmFile.ts'
export type { Batch, BatchInput, Normalisation, Numbers, WholeNumbers } from './batch.ts'
export { InputError } from './error.ts'
export type { Given } from './flag.ts'
export { type IdxArray, type LabelledFiles, type LabelledImages, parseIdx, parseLabelled } from './formats/idx.ts'
export {
  type Decoded,
  decode as decodeSafetensors,
  encode as encodeSafetensors,
  type FileBytes,
  type NamedTensor,
  type Source,
  type StoredTensor,
  type Tensor,
} from './formats/safetensors.ts'
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
} from './init.ts'
export * from './layers/cells.ts'
export type { Masks } from './layers/dropout.ts'
export type { Sampler } from './layers/sampled.ts'
export {
  type CrossEntropy,
  crossEntropy,
  type GaussianNll,
  gaussianNll,
  type Huber,
  huber,
  type LossBatch,
  type LossSpec,
  type OwnLoss,
  ownLoss,
  type Pinball,
  pinball,
  type SquaredError,
  squaredError,
} from './loss.ts'
export { beats, type Direction, type JudgeName, type Metric } from './metric.ts'
export type { Verdict } from './model/flow.ts'
export type { Gradients, RowGradient } from './model/gradients.ts'
export {
  type Connectivity,
  connectivity,
  type GradientFlow,
  gradientFlow,
  type Reading,
  read,
  type SequenceInput,
} from './model/insight.ts'
export {
  createModel,
  type Loss,
  type LossOptions,
  type Model,
  type ModelOptions,
  type ModelOutput,
  type Parameter,
  type Plan,
  type PlanOptions,
  type State,
  type StateInput,
  type StepInput,
  type StepOfBoth,
  type Stepper,
} from './model/model.ts'
export {
  describeModel,
  type LoadOptions,
  loadModel,
  type ModelDescription,
  modelMetadata,
  modelParts,
  saveModel,
} from './model/modelFile.ts'
export { exportOnnx, type OnnxOptions } from './model/onnx/export.ts'
export { importOnnx } from './model/onnx/import.ts'
export type { ParameterShape } from './model/parameters.ts'
export type { Sampled } from './model/plan.ts'
export type { ProbeCurves } from './model/probe.ts'
export {
  classification,
  type HeadInput,
  type HeadOptions,
  type HeadSpec,
  type InputSpec,
  type ModelInput,
  type ModelSpec,
  modelSpec,
  type OutputInput,
  type OutputSpec,
  type RnnSpec,
  regression,
  type TokensSpec,
  type ValuesSpec,
} from './model/spec.ts'
export type { SpecParts, StateDictOptions } from './model/stateDict.ts'
export type { UnitShares } from './model/units.ts'
export { type Rng, rng } from './rng.ts'
export { epochOrder, type Judge, type Order, type Scorer, type Stream, type StreamState, type Task } from './task.ts'
export { type AddingOptions, adding } from './tasks/adding/adding.ts'
export { ADDING_RECIPES } from './tasks/adding/recipes.ts'
export { type MnistData, type MnistInput, type MnistOptions, mnist } from './tasks/mnist/mnist.ts'
export { MNIST_RECIPES } from './tasks/mnist/recipes.ts'
export { type Recipe, type Recipes, recipeOf } from './tasks/recipe.ts'
export { WORDS_RECIPES } from './tasks/words/recipes.ts'
export type { TokenBlock, Tokens } from './tasks/words/rows.ts'
export {
  chooseVocabulary,
  formatVocabulary,
  parseVocabulary,
  type Vocabulary,
  type VocabularyChoice,
} from './tasks/words/vocabulary.ts'
export { type WordsData, type WordsInput, type WordsOptions, words } from './tasks/words/words.ts'
export type { Average } from './train/average.ts'
export { type Clip, clipDerivative, clipNorm, clipValue, noClip } from './train/clip.ts'
export type { WatchState } from './train/collapse.ts'
export {
  type Curriculum,
  type GrowingLengths,
  growingLengths,
  type NoCurriculum,
  noCurriculum,
  type Stage,
} from './train/curriculum.ts'
export { DivergenceError } from './train/divergence.ts'
export { type EvaluateOptions, evaluate, type StopSignal } from './train/evaluate.ts'
export {
  type CheckpointEvent,
  type CollapseEvent,
  type DoneEvent,
  decodeEvent,
  type EvalEvent,
  encodeEvent,
  type ProbeEvent,
  type Scores,
  type Spread,
  type StageEvent,
  type StepEvent,
  type TestScore,
  type TrainEvent,
} from './train/events.ts'
export { type Extras, extras } from './train/extras.ts'
export { createIteration, type Iteration } from './train/iteration.ts'
export { type Run, train } from './train/loop.ts'
export type { AlertEvent, AlertSource, ResumeEvent, RunEvent } from './train/notes.ts'
export {
  type Adam,
  type AdamW,
  adam,
  adamw,
  type Muon,
  type MuonOptions,
  muon,
  type Optimizer,
  type OptimizerSpec,
  type RmsProp,
  rmsprop,
  type Sgd,
  sgd,
} from './train/optim.ts'
export { type TrainOptions, type TrainSpec, trainSpec } from './train/options.ts'
export type { TableUpdate } from './train/rules.ts'
export type { RunOptions } from './train/runOptions.ts'
export type { RunState } from './train/runState.ts'
export {
  type ConstantRate,
  type CosineRate,
  constantRate,
  cosineRate,
  type HalvingRate,
  halvingRate,
  type RateState,
  type Schedule,
  type StepRate,
  stepRate,
} from './train/schedule.ts'
export type { Softmax } from './train/softmax.ts'
export type { IterationResult, StepRecordState } from './train/stepRecord.ts'

/**
 * A model's file: safetensors with the spec in the metadata. PyTorch reads the weights by name, and loading runs no
 * code.
 */
import { type Backend, engineOf, type Floats } from '../backend/backend.ts'
import { InputError, refuseUnknown, shown } from '../error.ts'
import { type Decoded, decode, encode, encodeParts, type FileBytes, type NamedTensor } from '../formats/safetensors.ts'
import { checkedOptions, type Model, modelOf, zeroModel } from './model.ts'
import { normalisationOf, normalisationShapes } from './normalisation.ts'
import { type ParameterShape, parameterShapes } from './parameters.ts'
import { type ModelSpec, modelSpec } from './spec.ts'
import { type StateDictOptions, stateDictOf, type Unsaid } from './stateDict.ts'
import { allFinite } from './values.ts'

/**
 * The bytes of `model.safetensors`. They depend on nothing but the spec, the weights, and the texts in `metadata`.
 * @throws InputError if a weight is not finite: `loadModel` would refuse the file
 */
export function saveModel(model: Model, metadata: Metadata = {}): Uint8Array {
  return encode(finiteTensors(model), withSpec(model.spec, metadata))
}

/**
 * The same bytes as `saveModel`, in parts to be written one after the other. Weights are views, not copies, so a model
 * of any size fits.
 * @throws InputError as `saveModel` does
 */
export function modelParts(model: Model, metadata: Metadata = {}): Uint8Array[] {
  return encodeParts(finiteTensors(model), withSpec(model.spec, metadata))
}

/** What a model needs beside its spec, such as a schema of its data: text by name. */
type Metadata = Readonly<Record<string, string>>

/** Texts of a file, the model's spec among them. @throws InputError where it would be there twice */
export function withSpec(spec: ModelSpec, metadata: Metadata): Metadata {
  if ('irnn' in metadata)
    throw new InputError('model file: metadata: irnn: it is the spec of the model: take another name')
  return { ...metadata, irnn: JSON.stringify(spec) }
}

/** The texts that a model's file was saved with, by name. @throws InputError if it is no safetensors file */
export function modelMetadata(file: FileBytes): ReadonlyMap<string, string> {
  const metadata = new Map(decode(file).metadata)
  metadata.delete('irnn')
  return metadata
}

/** `modelTensors`. @throws InputError if a weight is not finite */
export function finiteTensors(model: Model): NamedTensor[] {
  const tensors = modelTensors(modelOf(model))
  for (const { name, data } of tensors) finite(`model: ${name}`, data, ': save weights of before it diverged')
  return tensors
}

/** The tensors that a file holds: the model's parameters, and the mean and deviation that normalise its inputs. */
export function modelTensors({ parameters, normalisation }: Model): NamedTensor[] {
  const tensors: NamedTensor[] = parameters.map(({ name, shape, data }) => ({ name, shape, data }))
  for (const [name, data] of Object.entries(normalisation ?? {})) {
    tensors.push({ name: `input.${name}`, shape: [data.length], data })
  }
  return tensors
}

/** What a file that has no spec of its own needs. */
const HOW = ['spec', 'names', 'normalisation'] as const

/** How `loadModel` makes a model of a file. */
export interface LoadOptions extends StateDictOptions {
  readonly backend: Backend
}

/**
 * The model in a file that `saveModel` made, or in a state dict of PyTorch: nn.RNN, nn.LSTM or nn.GRU and a linear
 * layer on its outputs, also after an embedding, saved by safetensors. `file` holds its bytes, or is a source that
 * reads each weight to where it belongs. A state dict's names and shapes say the spec but for what `options.spec` must
 * say; what else is in the file, counters or other layers, is left alone (`describeModel` names it).
 * @throws InputError if it is no safetensors file, holds no spec and no such network or several, or its weights do not
 * fit the spec or are not finite
 */
export function loadModel(file: FileBytes, options: LoadOptions): Model {
  const { backend, ...how } = checkedOptions('loadModel', 'file', options, ['backend', ...HOW])
  engineOf(backend)
  const { spec, tensors, origins } = opened(file, how)
  const numbers = (name: string, into?: Floats): Floats => {
    const from = origins.get(name)!
    return finite(`model file: ${from}`, tensors.get(from)!.read(into))
  }
  const held = origins.has('input.mean') ? { mean: numbers('input.mean'), std: numbers('input.std') } : undefined
  const model = zeroModel(spec, backend, normalisationOf(spec, how.normalisation ?? held))
  try {
    for (const { name, data } of model.parameters) if (origins.has(name)) numbers(name, data)
  } catch (error) {
    model.dispose()
    throw error
  }
  return model
}

function finite(what: string, data: Floats, remedy = ''): Floats {
  if (allFinite(data)) return data
  const bad = data.findIndex((value) => !Number.isFinite(value))
  throw new InputError(`${what}[${bad}]: expected a finite number but received ${data[bad]}${remedy}`)
}

/** What a file holds, without its weights. */
export interface ModelDescription {
  readonly spec: ModelSpec
  readonly parameters: readonly ParameterShape[]
  /** The file's name for each parameter. Not among them: biases of a state dict that has none, which are 0. */
  readonly origins: ReadonlyMap<string, string>
  /** Names of the tensors that are no part of the model. */
  readonly left: readonly string[]
}

/**
 * The spec and the parameters' shapes of a file that `loadModel` would take; no weight is read. @throws InputError as
 * `loadModel` does
 */
export function describeModel(file: FileBytes, options: StateDictOptions = {}): ModelDescription {
  refuseUnknown('describeModel', options, HOW)
  const { spec, origins, left } = opened(file, options)
  return { spec, parameters: parameterShapes(spec), origins, left }
}

interface Opened extends Omit<ModelDescription, 'parameters'> {
  readonly tensors: Decoded['tensors']
}

function opened(file: FileBytes, how: StateDictOptions): Opened {
  const { tensors, metadata } = decode(file)
  const stored = metadata.get('irnn')
  if (stored === undefined) return openedStateDict(tensors, how)
  const said = HOW.find((name) => how[name] !== undefined)
  if (said) throw new InputError(`model file: expected no ${said}, for the file says its own: leave it out`)
  const spec = modelSpec(parseSpec(stored))
  const shapes = [...parameterShapes(spec), ...normalisationShapes(spec)]
  for (const { name, shape } of shapes) {
    const tensor = tensors.get(name)
    if (!tensor)
      throw new InputError(`model file: expected a tensor ${name} [${shape}], as its spec says, but there is none`)
    if (tensor.shape.length !== shape.length || tensor.shape.some((size, i) => size !== shape[i])) {
      throw new InputError(
        `model file: ${name}: expected shape [${shape}], as its spec says, but received [${tensor.shape}]`,
      )
    }
  }
  const known = new Set(shapes.map(({ name }) => name))
  const left = [...tensors.keys()].filter((name) => !known.has(name))
  // The file may be a checkpoint: then it holds a model among other things.
  const strange = left.find((name) => !/^(optimizer|carried|trained)\./.test(name))
  if (strange !== undefined) {
    throw new InputError(`model file: tensor ${shown(strange)} is not one of its spec's parameters`)
  }
  return { spec, tensors, left, origins: new Map(shapes.map(({ name }) => [name, name])) }
}

function openedStateDict(tensors: Decoded['tensors'], how: StateDictOptions): Opened {
  const { spec, unsaid, origins, left } = stateDictOf(tensors, how)
  if (spec) return { spec, tensors, origins, left }
  const asked = unsaid.map((name) => QUESTIONS[name])
  throw new InputError(
    `model file: expected ${asked.map(({ what }) => what).join(' and ')} to be said, which shapes do not say: pass ` +
      `spec, say ${merged(asked.map(({ spec }) => spec))}`,
  )
}

/** What shapes do not say, and how a caller says it. */
const QUESTIONS: Readonly<Record<Unsaid, { what: string; spec: [part: string, field: string] }>> = {
  cell: { what: 'rnn.cell (relu or tanh)', spec: ['rnn', "cell: 'tanh'"] },
  kind: { what: 'head.kind (classification or regression)', spec: ['head', "kind: 'regression'"] },
  steps: { what: 'head.steps (last or every)', spec: ['head', "steps: 'last'"] },
}

function merged(fields: readonly [part: string, field: string][]): string {
  const parts = [...new Set(fields.map(([part]) => part))]
  const inner = (part: string) => fields.flatMap(([of, field]) => (of === part ? [field] : [])).join(', ')
  return `{ ${parts.map((part) => `${part}: { ${inner(part)} }`).join(', ')} }`
}

function parseSpec(stored: string): unknown {
  try {
    return JSON.parse(stored)
  } catch {
    throw new InputError(`model file: metadata irnn: expected JSON but received ${shown(stored)}`)
  }
}

/**
 * A model's file: safetensors with the spec in the metadata. PyTorch reads the weights by name, and loading runs no
 * code.
 */
import { type Backend, engineOf, type Floats } from '../backend/backend.ts'
import { InputError, shown } from '../error.ts'
import { type Decoded, decode, encode, encodeParts, type FileBytes, type NamedTensor } from '../formats/safetensors.ts'
import { checkedOptions, type Model, modelOf, zeroModel } from './model.ts'
import { normalisationOf, normalisationShapes } from './normalisation.ts'
import { type ParameterShape, parameterShapes } from './parameters.ts'
import { type ModelSpec, modelSpec } from './spec.ts'
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

/**
 * The model in a file that `saveModel` made. `file` holds its bytes, or is a source that reads each weight to where it
 * belongs.
 * @throws InputError if it is no safetensors file, holds no spec, or its weights do not fit the spec or are not finite
 */
export function loadModel(file: FileBytes, options: { backend: Backend }): Model {
  const { backend } = checkedOptions('loadModel', 'file', options, ['backend'])
  engineOf(backend)
  const { spec, tensors } = opened(file)
  const numbers = (name: string, into?: Floats): Floats => finite(`model file: ${name}`, tensors.get(name)!.read(into))
  const normalised = tensors.has('input.mean') && { mean: numbers('input.mean'), std: numbers('input.std') }
  const model = zeroModel(spec, backend, normalisationOf(spec, normalised || undefined))
  try {
    for (const { name, data } of model.parameters) numbers(name, data)
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

/** The spec and the parameters' shapes of a model's file; no weight is read. @throws InputError as `loadModel` does */
export function describeModel(file: FileBytes): { spec: ModelSpec; parameters: readonly ParameterShape[] } {
  const { spec } = opened(file)
  return { spec, parameters: parameterShapes(spec) }
}

function opened(file: FileBytes): { spec: ModelSpec; tensors: Decoded['tensors'] } {
  const { tensors, metadata } = decode(file)
  const stored = metadata.get('irnn')
  if (stored === undefined) {
    throw new InputError('model file: expected the spec as metadata "irnn" but there is none: save it with saveModel')
  }
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
  for (const name of tensors.keys()) {
    // The file is a checkpoint: it holds a model among other things.
    if (/^(optimizer|carried|trained)\./.test(name)) continue
    if (!known.has(name)) throw new InputError(`model file: tensor ${shown(name)} is not one of its spec's parameters`)
  }
  return { spec, tensors }
}

function parseSpec(stored: string): unknown {
  try {
    return JSON.parse(stored)
  } catch {
    throw new InputError(`model file: metadata irnn: expected JSON but received ${shown(stored)}`)
  }
}

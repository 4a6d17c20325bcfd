/**
 * A model's file: safetensors with the spec in the metadata. PyTorch reads the weights by name, and loading runs no
 * code.
 */
import type { Backend, Floats } from '../backend/backend.ts'
import { allFinite } from '../batch.ts'
import { InputError, shown } from '../error.ts'
import { type Decoded, decode, encode, encodeParts, type NamedTensor, type Source } from '../formats/safetensors.ts'
import { type Model, NetModel } from './model.ts'
import { normalisationOf, normalisationShapes } from './normalisation.ts'
import { type ParameterShape, parameterShapes } from './parameters.ts'
import { type ModelSpec, modelSpec } from './spec.ts'

/** The bytes of `model.safetensors`. They depend on nothing but the spec and the weights. */
export function saveModel(model: Model): Uint8Array {
  return encode(modelTensors(model), { irnn: JSON.stringify(model.spec) })
}

/**
 * The same bytes as `saveModel`, in parts to be written one after the other. Weights are views, not copies, so a model
 * of any size fits.
 */
export function modelParts(model: Model): Uint8Array[] {
  return encodeParts(modelTensors(model), { irnn: JSON.stringify(model.spec) })
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
export function loadModel(file: Uint8Array | Source, { backend }: { backend: Backend }): Model {
  const { spec, tensors } = opened(file)
  const numbers = (name: string, into?: Floats): Floats => finite(name, tensors.get(name)!.read(into))
  const normalised = tensors.has('input.mean') && { mean: numbers('input.mean'), std: numbers('input.std') }
  const model = new NetModel(spec, backend, normalisationOf(spec, normalised || undefined))
  try {
    for (const { name, data } of model.parameters) numbers(name, data)
  } catch (error) {
    model.dispose()
    throw error
  }
  return model
}

function finite(name: string, data: Floats): Floats {
  if (allFinite(data)) return data
  const bad = data.findIndex((value) => !Number.isFinite(value))
  throw new InputError(`model file: ${name}[${bad}]: expected a finite number but received ${data[bad]}`)
}

/** The spec and the parameters' shapes of a model's file; no weight is read. @throws InputError as `loadModel` does */
export function describeModel(file: Uint8Array | Source): { spec: ModelSpec; parameters: readonly ParameterShape[] } {
  const { spec } = opened(file)
  return { spec, parameters: parameterShapes(spec) }
}

function opened(file: Uint8Array | Source): { spec: ModelSpec; tensors: Decoded['tensors'] } {
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
    if (/^(optimizer|carried)\./.test(name)) continue // the file is a checkpoint: it holds a model among other things
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

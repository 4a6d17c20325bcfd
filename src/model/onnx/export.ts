/** A model as an ONNX file. */
import { InputError, refuseNoObject, refuseUnknown, refuseUnless, shown } from '../../error.ts'
import { encodeOnnx } from '../../formats/onnx/encode.ts'
import { isMalformed } from '../../formats/safetensorsHeader.ts'
import type { Model } from '../model.ts'
import { finiteTensors, withSpec } from '../modelFile.ts'
import type { ModelSpec } from '../spec.ts'
import { fits } from '../values.ts'
import { checkOnnx, TOLERANCE } from './check.ts'
import { onnxGraph } from './graph.ts'
import type { OnnxAnswer, OnnxSettings } from './settings.ts'

/** Options of `exportOnnx`. */
export interface OnnxOptions {
  /**
   * Default false: x [T,B,I], tokens [T,B] and logits [T,B,K], as this library and ONNX's recurrent operators have
   * them. true: [B,T,I], [B,T] and [B,T,K]. States are the same for both.
   */
  readonly batchFirst?: boolean | undefined
  /** Whether `lengths` [B] goes in. Default true; without, every step of every sequence counts. */
  readonly lengths?: boolean | undefined
  /** Whether states go in and come out. Default true; without, every sequence starts from zero. */
  readonly state?: boolean | undefined
  /**
   * One more output: the softmax of the logits, or, of an ensemble whose logits are [members,K], the mean of the
   * members' softmaxes. `mean`: of a head on every step, one answer for each sequence, of the mean of its logits.
   */
  readonly probabilities?: { readonly members?: number; readonly mean?: boolean } | undefined
  /** One more output: the three logits in order, the first and the last moved apart by `widening` (default 0). */
  readonly quantiles?: { readonly widening?: number } | undefined
  /** Texts of the file, by name. `irnn` is the model's spec. */
  readonly metadata?: Readonly<Record<string, string>> | undefined
}

const OPTIONS = ['batchFirst', 'lengths', 'state', 'probabilities', 'quantiles', 'metadata']
/** What every file is tried with before it is given away. */
const FIRST_CHECK = [{ T: 4, B: 2 }]

/**
 * The bytes of an ONNX file, opset 17, which onnxruntime and others run. Inputs: `x` [T,B,I] or `tokens` [T,B] (int64),
 * or both; `lengths` [B] (int32); `h0`, and `c0` of an LSTM, [layers·directions,B,H]. Outputs: `logits` [B,K] or
 * [T,B,K], `hn`, `cn`. T and B are free. Everything else is float32. Outputs at padded steps may be anything.
 *
 * The file is read back and run on random input before it is returned, and held against the model.
 * @throws InputError for weights that are not finite in float32, options that do not fit, or a file of 2 GB or more
 */
export function exportOnnx(model: Model, options: OnnxOptions = {}): Uint8Array {
  const tensors = finiteTensors(model)
  for (const { name, data } of tensors) {
    if (!fits(data)) throw new InputError(`model: ${name}: expected weights that float32 holds: ONNX has float32`)
  }
  const settings = settingsOf(model.spec, options)
  const metadata = textsOf(model.spec, options.metadata ?? {})
  const file = encodeOnnx(onnxGraph(model, settings, metadata))
  refuseOther(checkOnnx(model, settings, file, FIRST_CHECK))
  return file
}

/** @throws InputError unless they are texts that UTF-8 holds */
function textsOf(spec: ModelSpec, metadata: Readonly<Record<string, string>>): Map<string, string> {
  refuseNoObject('exportOnnx: metadata', metadata)
  const texts = Object.entries(withSpec(spec, metadata))
  for (const [key, value] of texts) {
    if (typeof value === 'string' && !isMalformed(key + value)) continue
    throw new InputError(
      `exportOnnx: metadata ${shown(key)}: expected Unicode text but received ${shown(value)}: write it as ` +
        'text, e.g. JSON.stringify(value)',
    )
  }
  return new Map(texts)
}

/** @throws Error where the file does not do what the model does */
export function refuseOther(differences: Readonly<Record<string, number>>): void {
  for (const [name, off] of Object.entries(differences)) {
    if (off <= TOLERANCE) continue
    throw new Error(
      `ONNX: ${name}: the file is ${off.toPrecision(2)} off the model, above ${TOLERANCE}: it is not kept`,
    )
  }
}

/** @throws InputError for options that do not exist or do not fit the model */
export function settingsOf(spec: ModelSpec, options: OnnxOptions): OnnxSettings {
  refuseUnknown('exportOnnx', options, OPTIONS)
  const { batchFirst = false, lengths = true, state = true } = options
  for (const [name, value] of Object.entries({ batchFirst, lengths, state })) {
    refuseUnless(typeof value === 'boolean', `exportOnnx: ${name}`, 'true or false', value)
  }
  return { batchFirst, lengths, state, answer: answerOf(spec, options) }
}

function answerOf({ head }: ModelSpec, { probabilities, quantiles }: OnnxOptions): OnnxAnswer | null {
  if (probabilities !== undefined && quantiles !== undefined) {
    throw new InputError('exportOnnx: expected probabilities or quantiles but received both: leave one out')
  }
  if (quantiles !== undefined) {
    refuseUnknown('exportOnnx: quantiles', quantiles, ['widening'])
    const { widening = 0 } = quantiles
    refuseUnless(Number.isFinite(Math.fround(widening)), 'exportOnnx: quantiles: widening', 'a number', widening)
    if (head.kind === 'regression' && head.size === 3) return { kind: 'quantiles', widening }
    throw new InputError(
      `exportOnnx: quantiles: expected a regression of 3 but the model is a ${head.kind} of ${head.size}`,
    )
  }
  if (probabilities === undefined) return null
  refuseUnknown('exportOnnx: probabilities', probabilities, ['members', 'mean'])
  const { members = 1, mean = false } = probabilities
  refuseUnless(typeof mean === 'boolean', 'exportOnnx: probabilities: mean', 'true or false', mean)
  if (head.kind !== 'classification' || (mean && head.steps !== 'every')) {
    const wanted = mean ? ' with a head on every step' : ''
    throw new InputError(
      `exportOnnx: probabilities: expected a classification${wanted} but the model is a ${head.kind} with a head on ` +
        `${head.steps === 'last' ? 'the last step' : 'every step'}: leave it out`,
    )
  }
  if (Number.isInteger(members) && members >= 1 && head.size % members === 0) {
    return { kind: 'probabilities', members, mean }
  }
  throw new InputError(
    `exportOnnx: probabilities: members: expected a whole number >= 1 that divides ${head.size} but received ` +
      shown(members),
  )
}

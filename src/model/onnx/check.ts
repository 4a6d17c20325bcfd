/** What an ONNX file computes, held against the model that it was made of. */
import type { BatchInput, Numbers } from '../../batch.ts'
import { decodeOnnx } from '../../formats/onnx/decode.ts'
import { runOnnx } from '../../formats/onnx/run.ts'
import type { Value } from '../../formats/onnx/value.ts'
import cells from '../../layers/cells.ts'
import { type Rng, rng } from '../../rng.ts'
import type { Model, ModelOutput } from '../model.ts'
import type { State } from '../state.ts'
import type { OnnxSettings } from './settings.ts'

/** How far an output may be off, as a share of its largest number. */
export const TOLERANCE = 1e-4

/** A minibatch of random input: what goes into the file and into the model. */
export interface OnnxCase {
  readonly T: number
  readonly B: number
  readonly batch: BatchInput
  readonly state: State | null
  /** By the names of the file's inputs, as its settings arrange them. */
  readonly feeds: ReadonlyMap<string, Value>
}

/**
 * Random input for a model, the same for the same seed: values as its normalisation expects them, sequences that are
 * padded, in a state.
 */
export function randomCase(
  model: Model,
  settings: OnnxSettings,
  size: { T: number; B: number },
  seed: number,
): OnnxCase {
  const { T, B } = size
  const { input, rnn } = model.spec
  const generator = rng(seed, 'onnx')
  const feeds = new Map<string, Value>()
  const put = (name: string, shape: readonly number[], data: ArrayLike<number>) => {
    feeds.set(name, { shape, data: Float64Array.from(data) })
  }
  const rows = settings.batchFirst ? [B, T] : [T, B]
  let x: Float32Array | undefined
  let tokens: Int32Array | undefined
  if ('size' in input) {
    x = randomValues(model, input.size, T * B, generator)
    put('x', [...rows, input.size], arranged(x, size, input.size, settings))
  }
  if ('vocabulary' in input) {
    tokens = Int32Array.from({ length: T * B }, () => generator.below(input.vocabulary))
    put('tokens', rows, arranged(tokens, size, 1, settings))
  }
  const lengths = settings.lengths ? Int32Array.from({ length: B }, () => 1 + generator.below(T)) : undefined
  if (lengths) {
    lengths[0] = T
    put('lengths', [B], lengths)
  }
  let state: State | null = null
  if (settings.state) {
    const shape = [rnn.layers * (rnn.bidirectional ? 2 : 1), B, rnn.hidden]
    const random = () => Float32Array.from({ length: shape[0]! * B * rnn.hidden }, () => generator.normal() / 2)
    state = { B, h: random(), c: cells[rnn.cell].cellState ? random() : null }
    put('h0', shape, state.h)
    if (state.c) put('c0', shape, state.c)
  }
  return { T, B, batch: { T, B, x, tokens, lengths }, state, feeds }
}

function randomValues({ normalisation }: Model, I: number, rows: number, generator: Rng): Float32Array {
  return Float32Array.from({ length: rows * I }, (_, n) => {
    const value = generator.normal()
    return normalisation ? normalisation.mean[n % I]! + normalisation.std[n % I]! * value : value
  })
}

/** [T,B,width] as the settings have it. */
function arranged(
  values: ArrayLike<number>,
  { T, B }: { T: number; B: number },
  width: number,
  { batchFirst }: OnnxSettings,
): ArrayLike<number> {
  if (!batchFirst) return values
  return Float64Array.from({ length: T * B * width }, (_, n) => {
    const b = Math.floor(n / (T * width))
    const t = Math.floor(n / width) % T
    return values[(t * B + b) * width + (n % width)]!
  })
}

/** What the model answers to a case, by the names of the file's outputs and as it has them; padded steps are NaN. */
export function expectedOf(
  model: Model,
  settings: OnnxSettings,
  { T, B, batch, state }: OnnxCase,
): Map<string, Numbers> {
  const { head } = model.spec
  const answer = model.forward(batch, { state })
  const steps = head.steps === 'every' ? T : 1
  const lengths = Int32Array.from({ length: B }, (_, b) => Number(batch.lengths?.[b] ?? T))
  const expected = new Map<string, Numbers>()
  const put = (name: string, rows: readonly (readonly number[])[], every: boolean) => {
    const width = rows[0]!.length
    const whole = rows.flatMap((row, n) => {
      const isPadded = every && Math.floor(n / B) >= lengths[n % B]!
      return isPadded ? row.map(() => Number.NaN) : row
    })
    expected.set(name, every ? arranged(whole, { T, B }, width, settings) : whole)
  }
  const logits = rowsOf(answer, head.size)
  put('logits', logits, steps > 1 || head.steps === 'every')
  if (settings.answer?.kind === 'quantiles') {
    const { widening } = settings.answer
    const bands = logits.map((row) => {
      const [low, middle, high] = row.toSorted((a, b) => a - b) as [number, number, number]
      return [Math.min(middle, low - widening), middle, Math.max(middle, high + widening)]
    })
    put('quantiles', bands, head.steps === 'every')
  } else if (settings.answer) {
    const { members, mean } = settings.answer
    const all = mean ? Array.from(lengths, (length, b) => meanOf(logits, length, b, B)) : logits
    put(
      'probabilities',
      all.map((row) => probabilities(row, members)),
      head.steps === 'every' && !mean,
    )
  }
  if (settings.state) {
    expected.set('hn', answer.state.h)
    if (answer.state.c) expected.set('cn', answer.state.c)
  }
  return expected
}

function rowsOf({ logits }: ModelOutput, K: number): number[][] {
  return Array.from({ length: logits.length / K }, (_, n) => [...logits.subarray(n * K, (n + 1) * K)])
}

function meanOf(logits: readonly (readonly number[])[], length: number, b: number, B: number): number[] {
  return logits[b]!.map((_, k) => {
    let total = 0
    for (let t = 0; t < length; t++) total += logits[t * B + b]![k]!
    return total / length
  })
}

/** The mean of the members' softmaxes. */
function probabilities(row: readonly number[], members: number): number[] {
  const K = row.length / members
  const all = new Array<number>(K).fill(0)
  for (let m = 0; m < members; m++) {
    const own = row.slice(m * K, (m + 1) * K)
    const most = own.reduce((a, b) => Math.max(a, b))
    const exps = own.map((value) => Math.exp(value - most))
    const total = exps.reduce((a, b) => a + b)
    for (let k = 0; k < K; k++) all[k]! += exps[k]! / total / members
  }
  return all
}

/**
 * The most that each output is off, as a share of its largest number.
 * @param expected NaN: what does not count
 */
export function differences(
  expected: ReadonlyMap<string, Numbers>,
  actual: ReadonlyMap<string, Numbers>,
): Record<string, number> {
  return Object.fromEntries([...expected].map(([name, numbers]) => [name, difference(numbers, actual.get(name))]))
}

function difference(expected: Numbers, actual: Numbers | undefined): number {
  if (actual?.length !== expected.length) return Number.POSITIVE_INFINITY
  let [largest, off] = [0, 0]
  for (let n = 0; n < expected.length; n++) {
    if (Number.isNaN(expected[n])) continue
    const gap = Math.abs(actual[n]! - expected[n]!)
    largest = Math.max(largest, Math.abs(expected[n]!))
    off = Number.isNaN(gap) ? Number.POSITIVE_INFINITY : Math.max(off, gap)
  }
  return off === 0 ? 0 : off / largest
}

/** The differences between a model and its file, run by our own interpreter, over random batches. */
export function checkOnnx(
  model: Model,
  settings: OnnxSettings,
  file: Uint8Array,
  sizes: readonly { T: number; B: number }[],
): Record<string, number> {
  const decoded = decodeOnnx(file)
  const most: Record<string, number> = {}
  for (const [n, size] of sizes.entries()) {
    const one = randomCase(model, settings, size, n + 1)
    const outputs = runOnnx(decoded, one.feeds)
    const actual = new Map([...outputs].map(([name, { data }]) => [name, data]))
    for (const [name, off] of Object.entries(differences(expectedOf(model, settings, one), actual))) {
      most[name] = Math.max(most[name] ?? 0, off)
    }
  }
  return most
}

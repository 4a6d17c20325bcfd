/** A network that reads a digit pixel by pixel, with all that can be seen of it. */
import type { Backend, Model } from '../../../src/index.ts'
import { connectivity, InputError, loadModel, read } from '../../../src/index.ts'
import type { Read } from './protocol.ts'

export class Reader {
  private readonly model: Model
  private x: Float32Array | null = null

  /**
   * @param file bytes of a model.safetensors, from anywhere
   * @throws InputError, one line, unless it is a model that can read digits
   */
  constructor(backend: Backend, file: Uint8Array) {
    const model = loadModel(file, { backend })
    try {
      refuseOther(model)
    } catch (error) {
      model.dispose()
      throw error
    }
    this.model = model
  }

  /** "irnn, 100 units, 11,310 weights" */
  get what(): string {
    const { rnn } = this.model.spec
    const layers = rnn.layers > 1 ? `${rnn.layers} layers of ` : ''
    return `${rnn.cell}, ${layers}${rnn.hidden} units, ${this.model.weights.length.toLocaleString('en')} weights`
  }

  /**
   * @param pixels in the order in which it sees them, 0 to 255
   * @param scale unit: 0 to 255 are read as 0 to 1
   */
  read(pixels: Uint8Array, scale: 'unit' | 'raw'): Read {
    const x = Float32Array.from(pixels, (pixel) => (scale === 'unit' ? pixel / 255 : pixel))
    const { T, h, logits } = read(this.model, x)
    this.x = x
    const { rnn } = this.model.spec
    const K = logits.length / T
    const shares = new Float32Array(T * K)
    for (let t = 0; t < T; t++) softmax(logits, shares, t * K, K)
    const rectified = rnn.cell === 'irnn' || rnn.cell === 'relu'
    return { T, K, shares, h: Float32Array.from(h.at(-1)!), H: rnn.hidden, rectified }
  }

  /** How much logit k after step t depends on each pixel until then, [t+1]. */
  connect(t: number, k: number): Float64Array {
    if (this.x === null) throw new InputError('connect: expected a digit that was read before')
    return connectivity(this.model, this.x, t, k).norms
  }

  dispose(): void {
    this.model.dispose()
  }
}

function refuseOther({ spec }: Model): void {
  const { input, head, rnn } = spec
  const wanted =
    'model: expected one that reads a pixel a step and tells ten digits apart, as "irnn train mnist" makes,'
  const refuse = (what: string): never => {
    throw new InputError(`${wanted} but ${what}`)
  }
  if (!('size' in input) || 'vocabulary' in input) refuse('it reads tokens')
  else if (input.size !== 1) refuse(`it reads ${input.size} numbers a step`)
  if (head.kind !== 'classification') refuse('it says a number, no class')
  if (head.size < 2 || head.size > 26) refuse(`it tells ${head.size} classes apart, and 2 to 26 are shown`)
  if (rnn.bidirectional) refuse('it reads in both directions, so that it has no answer before the end')
  if (rnn.hidden * rnn.layers > 1024) refuse(`it has ${rnn.hidden * rnn.layers} units, and at most 1,024 are shown`)
}

function softmax(logits: ArrayLike<number>, into: Float32Array, start: number, K: number): void {
  let most = Number.NEGATIVE_INFINITY
  for (let k = start; k < start + K; k++) most = Math.max(most, logits[k]!)
  let sum = 0
  for (let k = start; k < start + K; k++) {
    into[k] = Math.exp(logits[k]! - most)
    sum += into[k]!
  }
  for (let k = start; k < start + K; k++) into[k]! /= sum
}

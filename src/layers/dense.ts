/** y = x Wᵀ + b for every row: the head, and the projection below a large head. Shapes as in torch.nn.Linear. */
import { type Floats, WHOLE } from '../backend/backend.ts'
import { type Layer, type Memory, runningSums, type Segment } from './layer.ts'

export interface DenseWeights {
  readonly W: Floats
  readonly b: Floats
  readonly dW: Floats
  readonly db: Floats
}

export interface DenseOptions {
  /** The largest minibatch; T is 1 if only the last step is read. */
  T: number
  B: number
  I: number
  K: number
  training: boolean
  /** Absent: sequences come whole. */
  segment?: Segment | null
}

export function denseLayer(arena: Memory, weights: DenseWeights, options: DenseOptions): Layer {
  const { backend } = arena
  const { I, K, training, segment = null } = options
  const { W, b, dW, db } = weights
  let { T, B } = options
  const y = arena.floats(T * B * K)
  const dy = training ? arena.floats(T * B * K) : null
  const sums = training ? runningSums(arena, segment, 1, K, I + 1) : null

  return {
    y,
    dy,
    shape(newT, newB) {
      T = newT
      B = newB
    },
    forward(x) {
      backend.dense_forward(T * B, I, K, x, W, b, y)
    },
    backward(x, _lengths, _clip, dx) {
      backend.dense_backward(T, B, I, K, x, W, dy!, dW, db, dx, sums, segment?.part ?? WHOLE)
    },
  }
}

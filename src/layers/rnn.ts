/**
 * h_t = f(Wxh x_t + bx + Whh h_{t-1} + bh) with f ReLU or tanh: the IRNN (Le, Jaitly & Hinton 2015, section 3) and the plain
 * networks it is measured against. They differ in how Whh starts, which is no matter of the layer.
 */
import { type Floats, WHOLE } from '../backend/backend.ts'
import { type Memory, type RecurrentLayer, type RecurrentOptions, type RecurrentWeights, runningSums, states } from './layer.ts'

/** @param activation RELU or TANH of the backend */
export function rnnLayer(
  arena: Memory, weights: RecurrentWeights, activation: number, options: RecurrentOptions,
): RecurrentLayer {
  const { backend } = arena
  const { I, H, reverse, steps, training, segment = null } = options
  const { Wxh, Whh, bx, bh, dWxh, dWhh, dbx, dbh } = weights
  let { T, B } = options
  const h = states(arena, options)
  // The kernel may write da over dh; where no dh is given (the last state alone is read) da needs an array of its own.
  const da = training ? arena.floats(T * B * H) : null
  const dhT = training && (segment || steps === 'last') ? arena.floats(B * H) : null
  const sums = training ? runningSums(arena, segment, B, H, H + I + 1) : null

  return {
    directions: [{ h, c: null }],
    get y(): Floats { return steps === 'last' ? h.final : h.output },
    dy: steps === 'last' ? dhT : da,
    ...(dhT && { stateGradients: [dhT] }),
    shape(newT, newB) {
      T = newT
      B = newB
      h.shape(T, B)
    },
    forward(x, lengths) {
      backend.rnn_forward(T, B, I, H, activation, reverse, lengths, x, Wxh, Whh, bx, bh, h.all)
    },
    backward(x, lengths, clip, dx, accumulateDx) {
      const dh = steps === 'last' ? null : da
      backend.rnn_backward(
        T, B, I, H, activation, reverse, lengths, clip, x, Wxh, Whh, h.all, dh, dhT, da!,
        dWxh, dWhh, dbx, dbh, dx, accumulateDx, segment && dhT, sums, segment?.part ?? WHOLE, segment?.rows ?? T * B,
      )
    },
  }
}

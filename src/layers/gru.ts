/**
 * r z = σ(Wxh x_t + bx + Whh h_{t-1} + bh), n = tanh(Wxn x_t + bxn + r (Whn h_{t-1} + bhn)), h_t = (1-z) n + z h_{t-1}: Cho et al.
 * 2014 in PyTorch's form, where the reset gate acts after the matrix product.
 */
import { type Floats, WHOLE } from '../backend/backend.ts'
import { type Memory, type RecurrentLayer, type RecurrentOptions, type RecurrentWeights, runningSums, states } from './layer.ts'

export function gruLayer(arena: Memory, weights: RecurrentWeights, options: RecurrentOptions): RecurrentLayer {
  const { backend } = arena
  const { I, H, reverse, steps, training, segment = null } = options
  const { Wxh, Whh, bx, bh, dWxh, dWhh, dbx, dbh } = weights
  let { T, B } = options
  const h = states(arena, options)
  const gates = arena.floats(T * B * 4 * H)   // r z, Whn h + bhn, n; backward writes da over them
  const dh = training && steps === 'every' ? arena.floats(T * B * H) : null
  const dhT = training && (segment || steps === 'last') ? arena.floats(B * H) : null
  const sums = training ? runningSums(arena, segment, B, 4 * H, H + I + 1) : null

  return {
    directions: [{ h, c: null }],
    get y(): Floats { return steps === 'last' ? h.final : h.output },
    dy: dh ?? dhT,
    ...(dhT && { stateGradients: [dhT] }),
    shape(newT, newB) {
      T = newT
      B = newB
      h.shape(T, B)
    },
    forward(x, lengths) {
      backend.gru_forward(T, B, I, H, reverse, lengths, x, Wxh, Whh, bx, bh, h.all, gates)
    },
    backward(x, lengths, clip, dx, accumulateDx) {
      backend.gru_backward(
        T, B, I, H, reverse, lengths, clip, x, Wxh, Whh, h.all, gates, dh, dhT, gates,
        dWxh, dWhh, dbx, dbh, dx, accumulateDx, segment && dhT, sums, segment?.part ?? WHOLE, segment?.rows ?? T * B,
      )
    },
  }
}

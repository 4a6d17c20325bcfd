/**
 * i f g o = σ σ tanh σ (Wxh x_t + bx + Whh h_{t-1} + bh), c_t = f c_{t-1} + i g, h_t = o tanh(c_t): Hochreiter & Schmidhuber
 * 1997 with the forget gates of Gers et al. 2000, gates in PyTorch's order.
 */
import { type Floats, WHOLE } from '../backend/backend.ts'
import { type Memory, type RecurrentLayer, type RecurrentOptions, type RecurrentWeights, runningSums, states } from './layer.ts'

export function lstmLayer(arena: Memory, weights: RecurrentWeights, options: RecurrentOptions): RecurrentLayer {
  const { backend } = arena
  const { I, H, reverse, steps, training, segment = null } = options
  const { Wxh, Whh, bx, bh, dWxh, dWhh, dbx, dbh } = weights
  let { T, B } = options
  const h = states(arena, options)
  const c = states(arena, options)
  const gates = arena.floats(T * B * 4 * H)   // backward writes da over them
  const dh = training && steps === 'every' ? arena.floats(T * B * H) : null
  const dhT = training && (segment || steps === 'last') ? arena.floats(B * H) : null
  const dcT = training && segment ? arena.floats(B * H) : null
  const sums = training ? runningSums(arena, segment, B, 4 * H, H + I + 1) : null

  return {
    directions: [{ h, c }],
    get y(): Floats { return steps === 'last' ? h.final : h.output },
    dy: dh ?? dhT,
    ...(dhT && dcT && { stateGradients: [dhT, dcT] }),
    shape(newT, newB) {
      T = newT
      B = newB
      h.shape(T, B)
      c.shape(T, B)
    },
    forward(x, lengths) {
      backend.lstm_forward(T, B, I, H, reverse, lengths, x, Wxh, Whh, bx, bh, h.all, c.all, gates)
    },
    backward(x, lengths, clip, dx, accumulateDx) {
      backend.lstm_backward(
        T, B, I, H, reverse, lengths, clip, x, Wxh, Whh, h.all, c.all, gates, dh, dhT, dcT, gates,
        dWxh, dWhh, dbx, dbh, dx, accumulateDx, segment && dhT, dcT, sums, segment?.part ?? WHOLE, segment?.rows ?? T * B,
      )
    },
  }
}

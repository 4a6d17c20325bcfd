/**
 * Two layers over the same x, one in each direction of time, with their outputs side by side (Schuster & Paliwal 1997).
 * For steps `last` the output is both final states: that of the forward layer after x[T-1] and that of the reverse one
 * after x[0], as in PyTorch's h_n.
 */
import type { Memory, RecurrentLayer, RecurrentOptions } from './layer.ts'

/**
 * @param along, against the layers of the two directions, built with the same options but `reverse`, which is 0 and 1
 */
export function bidirectionalLayer(
  arena: Memory,
  along: RecurrentLayer,
  against: RecurrentLayer,
  options: RecurrentOptions,
): RecurrentLayer {
  const { backend } = arena
  const { H, steps, training } = options
  const W = 2 * H
  const rows = (T: number, B: number) => (steps === 'last' ? B : T * B)
  let N = rows(options.T, options.B)
  const y = arena.floats(N * W)
  const dy = training ? arena.floats(N * W) : null

  return {
    directions: [...along.directions, ...against.directions],
    y,
    dy,
    shape(T, B) {
      N = rows(T, B)
      along.shape(T, B)
      against.shape(T, B)
    },
    forward(x, lengths) {
      along.forward(x, lengths)
      against.forward(x, lengths)
      backend.copy_columns(N, H, along.y, H, 0, y, W, 0, 0)
      backend.copy_columns(N, H, against.y, H, 0, y, W, H, 0)
    },
    backward(x, lengths, clip, dx, accumulateDx) {
      backend.copy_columns(N, H, dy!, W, 0, along.dy!, H, 0, 0)
      backend.copy_columns(N, H, dy!, W, H, against.dy!, H, 0, 0)
      along.backward(x, lengths, clip, dx, accumulateDx)
      against.backward(x, lengths, clip, dx, 1)
    },
  }
}

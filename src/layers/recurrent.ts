/**
 * One direction of one recurrent layer, of whatever cell: its buffers, and the calls of the cell's kernels. How the
 * argument lists of cells differ: backend/signatures.ts.
 */
import { type Floats, type Kernels, type RecurrentKernel, WHOLE } from '../backend/backend.ts'
import {
  type Memory,
  type RecurrentLayer,
  type RecurrentOptions,
  type RecurrentWeights,
  runningSums,
  states,
} from './layer.ts'

/** What a layer must know of a cell. The cells: ./cells.ts. */
export interface RecurrentCell {
  /** Its kernels are `<kernel>_forward`, `<kernel>_backward` and `<kernel>_step`. */
  readonly kernel: RecurrentKernel
  /** Numbers that choose between cells which share kernels; they follow H in the arguments. */
  readonly kernelOptions: readonly number[]
  /** Blocks of H rows in Wxh and Whh: one for each gate and one for the candidate. */
  readonly gates: number
  /** Floats a step and unit that forward saves for backward beside the states; 0 if the states are enough. */
  readonly saved: number
  /** Whether there is a cell state c beside h. */
  readonly cellState: boolean
  /**
   * Whether a gate multiplies the candidate's product with h before it is added to that with x. The candidate is then
   * the last block, and streaming packs its two sides apart.
   */
  readonly candidateApart: boolean
  /** The block of what is saved that h_{t-1} is multiplied by on its way to h_t, beside Whh; null: there is none. */
  readonly direct: number | null
}

export function recurrentLayer(
  cell: RecurrentCell,
  arena: Memory,
  weights: RecurrentWeights,
  options: RecurrentOptions,
): RecurrentLayer {
  const { I, H, reverse, steps, training, segment = null } = options
  const { Wxh, Whh, bx, bh, dWxh, dWhh, dbx, dbh } = weights
  let { T, B } = options
  const { forward, backward } = kernelsOf(arena.backend, cell)
  const sizes = [I, H, ...cell.kernelOptions, reverse]
  const h = states(arena, options)
  const c = cell.cellState ? states(arena, options) : null
  const saved = cell.saved > 0 ? arena.floats(T * B * cell.saved * H) : null
  const kept = [...(c ? [c.all] : []), ...(saved ? [saved] : [])]

  // Backward writes da over what forward saved. A cell that saves nothing has da over dh, if a dh is given.
  const da = saved ?? (training ? arena.floats(T * B * H) : null)
  const dh = !training || steps === 'last' ? null : saved ? arena.floats(T * B * H) : da
  const dhT = training && (segment || steps === 'last') ? arena.floats(B * H) : null
  const dcT = training && segment && c ? arena.floats(B * H) : null
  const finals = c ? [dhT, dcT] : [dhT]
  const initials = segment ? finals : finals.map(() => null)
  const rows = Math.max(cell.saved, 1) * H // of da
  const sums = training ? runningSums(arena, segment, B, rows, H + I + 1) : null
  // The arguments of backward that no call changes, in their order.
  const read = [Wxh, Whh, h.all, ...kept, dh, ...finals, da]
  const gradients = [dWxh, dWhh, dbx, dbh]
  const after = [...initials, sums]

  return {
    directions: [{ h, c, da }],
    get y(): Floats {
      return steps === 'last' ? h.final : h.output
    },
    dy: dh ?? dhT,
    ...(segment && training && { stateGradients: finals.map((gradient) => gradient!) }),
    shape(newT, newB) {
      T = newT
      B = newB
      h.shape(T, B)
      c?.shape(T, B)
    },
    forward(x, lengths) {
      forward(T, B, ...sizes, lengths, x, Wxh, Whh, bx, bh, h.all, ...kept)
    },
    backward(x, lengths, clip, dx, accumulateDx) {
      const part = segment?.part ?? WHOLE
      const whole = segment?.rows ?? T * B // rows of the whole sequence
      backward(T, B, ...sizes, lengths, clip, x, ...read, ...gradients, dx, accumulateDx, ...after, part, whole)
    },
  }
}

/** A recurrent kernel whose arguments are put together from what the table says of its cell. */
type AnyKernel = (...args: (number | Floats | Int32Array | null)[]) => void

function kernelsOf(backend: Kernels, { kernel }: RecurrentCell): { forward: AnyKernel; backward: AnyKernel } {
  return {
    forward: backend[`${kernel}_forward`] as AnyKernel,
    backward: backend[`${kernel}_backward`] as AnyKernel,
  }
}

/**
 * Layers of one time step, for streaming: weights are packed once and kernels are bound to their arrays once, so that a
 * step allocates nothing.
 */
import type { Floats, Kernels } from '../backend/backend.ts'
import type { DenseWeights } from './dense.ts'
import type { Memory, RecurrentWeights } from './layer.ts'
import type { RecurrentCell } from './recurrent.ts'

export interface StepLayer {
  /** Packs the weights; to be called again when they have changed. */
  readonly pack: () => void
  /** Runs one step from what lies in x and in the state. */
  readonly run: () => void
  /** The output [B,width]; for a recurrent layer also the state h. */
  readonly y: Floats
  /** The cell state c [B,H], null if the layer has none. */
  readonly c: Floats | null
}

interface Packed {
  readonly pack: () => void
  readonly array: Floats
}

/** The arguments of `step_pack`, all but the last. */
type Weights = [
  N: number,
  I: number,
  H: number,
  Wxh: Floats | null,
  Whh: Floats | null,
  bx: Floats | null,
  bh: Floats | null,
]

function packed(arena: Memory, ...weights: Weights): Packed {
  const [N, I, H] = weights
  const array = arena.floats(arena.backend.packed_floats(N, I, H))
  return { pack: () => arena.backend.step_pack(...weights, array), array }
}

/** @param x [B,I], which the caller fills before `run` */
export function recurrentStep(
  cell: RecurrentCell,
  arena: Memory,
  weights: RecurrentWeights,
  { B, I, H }: { B: number; I: number; H: number },
  x: Floats,
): StepLayer {
  const { Wxh, Whh, bx, bh } = weights
  const h = arena.floats(B * H)
  const c = cell.cellState ? arena.floats(B * H) : null
  const rows = cell.gates * H
  const first = rows - H // of the candidate, which is the last block
  const parts = cell.candidateApart
    ? [
        packed(arena, first, I, H, Wxh, Whh, bx, bh),
        packed(arena, H, I, 0, Wxh.subarray(first * I), null, bx.subarray(first), null),
        packed(arena, H, 0, H, null, Whh.subarray(first * H), null, bh.subarray(first)),
      ]
    : [packed(arena, rows, I, H, Wxh, Whh, bx, bh)]
  const args = [B, I, H, ...cell.kernelOptions, x, ...parts.map(({ array }) => array), h, ...(c ? [c] : [])]
  return {
    pack() {
      for (const { pack } of parts) pack()
    },
    run: (arena.backend.bind as AnyBind)(`${cell.kernel}_step`, ...args),
    y: h,
    c,
  }
}

/** `bind` for arguments that are put together from what the table says of a cell. */
type AnyBind = (kernel: keyof Kernels, ...args: (number | Floats)[]) => () => void

export function denseStep(
  arena: Memory,
  { W, b }: DenseWeights,
  { B, I, K }: { B: number; I: number; K: number },
  x: Floats,
): StepLayer {
  const { pack, array } = packed(arena, K, I, 0, W, null, b, null)
  const y = arena.floats(B * K)
  return { pack, run: arena.backend.bind('dense_step', B, I, K, x, array, y), y, c: null }
}

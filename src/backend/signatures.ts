/**
 * Arrays, and the signatures of the recurrent kernels. Every cell has three kernels, `<name>_forward`,
 * `<name>_backward` and `<name>_step`. All cells take the same arguments in the same order (`kernels/kernels.h` says
 * what each is), but for four lists:
 *
 * - Options: numbers that choose between cells which share kernels (rnn: the activation), else none
 * - States: c if the cell has a cell state, then what `forward` saves for `backward`, if anything
 * - Cells: c, dcT or dc0 if the cell has a cell state, else none
 * - Packed: the weights as `step_pack` leaves them, in one array or several
 *
 * A cell's signatures stand with its reference kernels (./reference/), from which `Kernels` takes them.
 */

/** float32 on native and wasm, float64 on the reference backend. */
export type Floats = Float32Array | Float64Array
export type OrNull<A> = A | null
export type Flag = 0 | 1

/** The `activation` argument of the rnn kernels. */
export const RELU = 0
export const TANH = 1

export type RecurrentForward<Options extends number[], States extends Floats[]> = (
  ...args: [
    T: number,
    B: number,
    I: number,
    H: number,
    ...Options,
    reverse: Flag,
    lengths: OrNull<Int32Array>,
    x: Floats,
    Wxh: Floats,
    Whh: Floats,
    bx: OrNull<Floats>,
    bh: OrNull<Floats>,
    h: Floats,
    ...States,
  ]
) => void

export type RecurrentBackward<
  Options extends number[],
  States extends Floats[],
  Cells extends OrNull<Floats>[] = [],
> = (
  ...args: [
    T: number,
    B: number,
    I: number,
    H: number,
    ...Options,
    reverse: Flag,
    lengths: OrNull<Int32Array>,
    clip: number,
    x: Floats,
    Wxh: Floats,
    Whh: Floats,
    h: Floats,
    ...States,
    dh: OrNull<Floats>,
    dhT: OrNull<Floats>,
    ...Cells,
    da: Floats,
    dWxh: Floats,
    dWhh: Floats,
    dbx: OrNull<Floats>,
    dbh: OrNull<Floats>,
    dx: OrNull<Floats>,
    accumulateDx: Flag,
    dh0: OrNull<Floats>,
    ...Cells,
    sums: OrNull<Floats>,
    part: number,
    rows: number,
  ]
) => void

export type RecurrentStep<Options extends number[], Packed extends Floats[], Cells extends Floats[] = []> = (
  ...args: [B: number, I: number, H: number, ...Options, x: Floats, ...Packed, h: Floats, ...Cells]
) => void

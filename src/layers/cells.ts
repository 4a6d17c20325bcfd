/**
 * The cells: one entry each in the table, which says all that the rest of the house must know of a cell, and one maker,
 * with which people write a model's spec. To add a cell, add both; its kernels are in kernels/<kernel>.cc and
 * backend/reference/<kernel>.ts.
 *
 * The makers and their options are public: src/index.ts exports all names of this file. The table is its default
 * export, which `export *` leaves out.
 *
 * Sources of the default initialisers. irnn: Le, Jaitly & Hinton 2015, section 3. relu and tanh, the paper's baselines:
 * the random walk of Sussillo & Abbott 2014. lstm and gru: orthogonal (Saxe et al. 2014) and Glorot; forget bias 1 is
 * Gers et al. 2000 and the first of the paper's grid.
 */
import { RELU, TANH } from '../backend/backend.ts'
import { refuseUnknown } from '../error.ts'
import { gaussian, glorot, type Init, identity, orthogonal, randomWalk } from '../init.ts'
import type { RecurrentCell } from './recurrent.ts'

/** irnn: ReLU units that start at the identity; relu and tanh: units that start at a random walk; lstm; gru. */
export type Cell = 'irnn' | 'relu' | 'tanh' | 'lstm' | 'gru'

/** What a person writes for the recurrent stack. What is left out has a default, which may depend on the cell. */
export interface RnnInput extends BiasOptions {
  readonly cell: Cell
  /** Hidden units of each layer and direction. */
  readonly hidden: number
  /** Default 1. */
  readonly layers?: number | undefined
  /** Default false. */
  readonly bidirectional?: boolean | undefined
  /** Initialisers of the matrices from h to h, and of those from the layer below. Each gate is drawn by itself. */
  readonly init?: { readonly recurrent?: Init | undefined; readonly input?: Init | undefined } | undefined
}

/** Options of one cell or a few that a model's spec holds. */
export interface BiasOptions {
  /** lstm only: the initial bias of the forget gate. Default 1. */
  readonly forgetBias?: number | undefined
}

/** Options of one cell or a few. */
export interface CellOptions extends BiasOptions {
  /** irnn only: the recurrent matrix starts at scale · I. Default 1. */
  readonly scale?: number | undefined
}

/** Options that all makers take. */
export interface StackOptions {
  /** Recurrent layers, one on the other. Default 1. */
  layers?: number | undefined
  /** Whether each layer reads the sequence in both directions. Default false. */
  bidirectional?: boolean | undefined
  /** Initialiser of the recurrent matrices. */
  recurrent?: Init | undefined
  /** Initialiser of the matrices from the layer below. */
  input?: Init | undefined
}

/** Options of `irnn`. */
export interface IrnnOptions extends StackOptions {
  /** The recurrent matrix starts at scale · I. Default 1. */
  scale?: number | undefined
  /** Standard deviation of the input weights. Default 0.001. */
  inputStd?: number | undefined
}

/** Options of `lstm`. */
export interface LstmOptions extends StackOptions {
  /** Initial bias of the forget gate. Default 1; the paper searches 1, 4, 10, 20. */
  forgetBias?: number | undefined
}

/** An option of a cell: a number. */
interface CellOption {
  readonly default: number
  /** The gate whose bias starts at the option, which the spec then holds. Absent: the maker alone uses the option. */
  readonly gate?: number
  /** On the command line, with a letter for its value. */
  readonly flag: string
  readonly help: string
  /** Why other cells have no such option, for error messages. */
  readonly only: string
}

/** All that the house knows of a cell, beside what its layer needs. */
interface CellEntry extends RecurrentCell {
  /** Whether gates decide what a unit keeps and what it forgets. */
  readonly gated: boolean
  /** What recurrent matrices feed back through. The random-walk initialiser depends on it. */
  readonly activation: 'relu' | 'tanh'
  /** Default initialisers: of the recurrent matrices, and of the matrices from the layer below and of the head. */
  readonly init: { readonly recurrent: Init; readonly input: Init }
  /** Options that not all cells have, by name. */
  readonly options: { readonly [name in keyof CellOptions]?: CellOption }
  readonly make: (hidden: number, options?: StackOptions & CellOptions) => RnnInput
  readonly onnx: OnnxCell
}

/** What a cell is in ONNX: an operator, and the activation that it must be told, where it has a choice. */
export interface OnnxCell {
  readonly op: 'RNN' | 'GRU' | 'LSTM'
  /** Which of our gates stands first there, which second, … */
  readonly gates: readonly number[]
  readonly activation?: 'Relu' | 'Tanh'
}

const KERNEL = { relu: RELU, tanh: TANH }

/** h_t = f(Wxh x_t + bx + Whh h_{t-1} + bh). Cells of this kind differ in f and in how Whh starts. */
function plain(f: 'relu' | 'tanh', recurrent: Init): Omit<CellEntry, 'options' | 'make'> {
  return {
    kernel: 'rnn',
    kernelOptions: [KERNEL[f]],
    gates: 1,
    saved: 0,
    cellState: false,
    candidateApart: false,
    direct: null,
    gated: false,
    activation: f,
    init: { recurrent, input: gaussian(0.001) },
    onnx: { op: 'RNN', gates: [0], activation: f === 'relu' ? 'Relu' : 'Tanh' },
  }
}

/** What cells with gates have in common: they squash what they keep, and weights of ordinary size suit them. */
const GATED = {
  kernelOptions: [],
  gated: true,
  activation: 'tanh',
  init: { recurrent: orthogonal(1), input: glorot() },
} as const

const cells: { readonly [name in Cell]: CellEntry } = {
  irnn: {
    ...plain('relu', identity(1)),
    options: {
      scale: {
        default: 1,
        flag: '--scale <alpha>',
        help: 'irnn: the recurrent matrix starts as alpha times the identity',
        only: 'only an irnn starts from an identity',
      },
    },
    make: irnn,
  },

  relu: { ...plain('relu', randomWalk()), options: {}, make: relu },

  tanh: { ...plain('tanh', randomWalk()), options: {}, make: tanh },

  /**
   * i f g o = σ σ tanh σ (Wxh x_t + bx + Whh h_{t-1} + bh), c_t = f c_{t-1} + i g, h_t = o tanh(c_t): Hochreiter &
   * Schmidhuber 1997 with the forget gates of Gers et al. 2000, gates in PyTorch's order. i f g o are saved.
   */
  lstm: {
    ...GATED,
    kernel: 'lstm',
    gates: 4,
    saved: 4,
    cellState: true,
    candidateApart: false,
    direct: null,
    options: {
      forgetBias: {
        default: 1,
        gate: 1,
        flag: '--forget-bias <b>',
        help: 'lstm: initial bias of the forget gate (default: 1)',
        only: 'only an lstm has a forget gate',
      },
    },
    make: lstm,
    onnx: { op: 'LSTM', gates: [0, 3, 1, 2] }, // i o f c
  },

  /**
   * r z = σ(Wxh x_t + bx + Whh h_{t-1} + bh), n = tanh(Wxn x_t + bxn + r (Whn h_{t-1} + bhn)), h_t = (1-z) n + z
   * h_{t-1}: Cho et al. 2014 in PyTorch's form, where the reset gate acts after the matrix product. r, z, Whn h + bhn,
   * n are saved.
   */
  gru: {
    ...GATED,
    kernel: 'gru',
    gates: 3,
    saved: 4,
    cellState: false,
    candidateApart: true,
    direct: 1,
    options: {},
    make: gru,
    onnx: { op: 'GRU', gates: [1, 0, 2] }, // z r h
  },
}
export default cells

const STACK_OPTIONS = ['layers', 'bidirectional', 'recurrent', 'input']

/** @param own names of the options that this cell has beside those of all */
function stack(cell: Cell, hidden: number, options: StackOptions, own: readonly string[] = []): RnnInput {
  refuseUnknown(cell, options, [...own, ...STACK_OPTIONS])
  const { layers, bidirectional, recurrent, input } = options
  return { cell, hidden, layers, bidirectional, init: { recurrent, input } }
}

/**
 * The paper's network: ReLU units, recurrent matrix scale · I (scale 0.01 is the paper's iRNN for speech), biases 0,
 * and input weights of standard deviation inputStd (Le et al. 2015, section 3).
 */
export function irnn(hidden: number, options: IrnnOptions = {}): RnnInput {
  const { init, ...made } = stack('irnn', hidden, options, ['scale', 'inputStd'])
  const { scale = 1, inputStd = 0.001 } = options
  return { ...made, init: { recurrent: init?.recurrent ?? identity(scale), input: init?.input ?? gaussian(inputStd) } }
}

/** ReLU units with a random-walk recurrent matrix: the paper's RNN + ReLU. */
export function relu(hidden: number, options: StackOptions = {}): RnnInput {
  return stack('relu', hidden, options)
}

/** tanh units with a random-walk recurrent matrix: the paper's RNN + tanh. */
export function tanh(hidden: number, options: StackOptions = {}): RnnInput {
  return stack('tanh', hidden, options)
}

/** LSTM with forget gates in PyTorch's form. */
export function lstm(hidden: number, options: LstmOptions = {}): RnnInput {
  return { ...stack('lstm', hidden, options, ['forgetBias']), forgetBias: options.forgetBias ?? 1 }
}

/** GRU in PyTorch's form (reset gate after the matrix product). */
export function gru(hidden: number, options: StackOptions = {}): RnnInput {
  return stack('gru', hidden, options)
}

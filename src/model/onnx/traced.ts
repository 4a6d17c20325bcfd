/**
 * What flows through the graph of an ONNX file, known by what it means and not by its numbers: which axis is time,
 * which layer gave it, which constants it met. Nothing is computed or copied, and what grows has a limit, so that a
 * file costs no more than its size.
 */
import type { OnnxNode } from '../../formats/onnx/model.ts'

/**
 * An axis: of an input `x` its place, `x.0`; `D` directions, `W` width, `1` one. That of `W` is always the last but for
 * tokens, which have none.
 */
export type Axis = string

/** A matrix, a vector, or another constant, its numbers in row-major order, as the file has them. */
export interface Constant {
  readonly kind: 'constant'
  readonly shape: readonly number[]
  readonly data: ArrayLike<number | bigint>
  /** Of a matrix: its numbers are those of the transposed one. */
  readonly turned?: boolean
}

/** What a size is: a number, an axis, a product of axes, or unknown. */
export type Size = number | string

/** What a layer has said: one direction of one layer. */
export interface Direction {
  readonly layer: Layer
  readonly d: number
}

/** One operator RNN, GRU or LSTM. */
export interface Layer {
  readonly op: 'RNN' | 'GRU' | 'LSTM'
  readonly activation: 'tanh' | 'relu'
  readonly hidden: number
  /** Directions. */
  readonly D: number
  readonly below: Features
  /** [D,G·H,I], [D,G·H,H], [D,2·G·H] */
  readonly W: Constant
  readonly R: Constant
  readonly B: Constant | null
  readonly lengths: boolean
}

/** What the numbers of a sequence are. */
export type Features =
  | { readonly of: 'values'; readonly name: string; readonly mean?: Constant; readonly std?: Constant }
  | { readonly of: 'tokens'; readonly name: string }
  | { readonly of: 'rows'; readonly table: Constant }
  | { readonly of: 'both'; readonly values: Features; readonly rows: Features }
  /** At every step. */
  | { readonly of: 'outputs'; readonly layer: Layer }
  /** After the last step that counts; those of several layers and directions side by side. */
  | { readonly of: 'states'; readonly list: readonly Direction[] }
  | Linear
  /** Of the linear layer below; `name` is the operator. */
  | { readonly of: 'squashed'; readonly below: Features; readonly name: string }

/** (x weight + bias) · factor + shift; weight [in,out], the others one number for each of `out`, or one for all. */
export interface Linear {
  readonly of: 'linear'
  readonly below: Features
  readonly weight: Constant
  readonly bias: Constant | null
  readonly factor: Constant | null
  readonly shift: Constant | null
}

export type Traced =
  | Constant
  | { readonly kind: 'sizes'; readonly list: readonly Size[] }
  /** A state of zeros, of whatever size. */
  | { readonly kind: 'zeros' }
  /** An input of the file that is no sequence: lengths, or a state. */
  | { readonly kind: 'given'; readonly name: string }
  | { readonly kind: 'sequence'; readonly axes: readonly Axis[]; readonly features: Features }
  /** What cannot be followed, and why: a message about the first node that could not. */
  | { readonly kind: 'lost'; readonly why: string }

export type Sequence = Extract<Traced, { kind: 'sequence' }>

/** One operator over what flows in; null where an input is left out. @throws Lost where it cannot be followed */
export type Step = (inputs: readonly (Traced | null)[], node: OnnxNode) => readonly Traced[]

/** Why a node cannot be followed. */
export class Lost extends Error {}

export const lose = (why: string): never => {
  throw new Lost(why)
}

/** The most sizes in a list, axes of a sequence, or numbers that say where: far above what exporters write. */
const MOST_PLACES = 64

/** The list again. @throws Lost if it is longer than any that an exporter writes */
export function short<T>(list: readonly T[], most: number = MOST_PLACES): readonly T[] {
  return list.length <= most ? list : lose(`it has a list of ${list.length}`)
}

/** Looked at once, however many nodes ask. */
const zeros = new WeakMap<ArrayLike<number | bigint>, boolean>()

export function allZero({ data }: Constant): boolean {
  const known = zeros.get(data)
  if (known !== undefined) return known
  const found = Array.prototype.every.call(data, (number) => Number(number) === 0)
  zeros.set(data, found)
  return found
}

/** How wide the last axis of features is; unknown of values. */
export function widthOf(features: Features): number | null {
  switch (features.of) {
    case 'rows':
      return features.table.shape[1]!
    case 'outputs':
      return features.layer.D * features.layer.hidden
    case 'states':
      return features.list.reduce((sum, { layer }) => sum + layer.hidden, 0)
    case 'linear':
      return features.weight.shape[1]!
    case 'squashed':
      return widthOf(features.below)
    default:
      return null
  }
}

/** What the page and a worker say to each other. Arrays are handed over, not copied. */

import type { Alert } from '../../../src/figures/alerts.ts'
import type { StreamState } from '../../../src/task.ts'
import type { WatchState } from '../../../src/train/collapse.ts'
import type { NetSettings } from '../settings.ts'

/** What a few iterations did, one number each. */
export interface Rows {
  readonly iteration: Float64Array
  readonly loss: Float64Array
  readonly gradNorm: Float64Array
  /** Share of the iterations whose gradients were clipped. */
  readonly clipped: number
  /** Share of units above 0 in the last of them; null where there was none. */
  readonly live: number | null
}

/** A look into a network in training. */
export interface Probe {
  readonly iteration: number
  /** |dL/dh_t| for each of T steps, a quadratic mean over some sequences of the test set. */
  readonly norms: Float64Array
  /** One of these sequences, [T,I], and the states of the top layer on it, [T,H]. */
  readonly x: Float32Array
  readonly h: Float32Array
  readonly H: number
  readonly target: number
  readonly answer: number
  readonly loss: number
}

/** How a network reads one sequence. */
export interface Read {
  readonly T: number
  readonly K: number
  /** [T,K]: the share that the head, read out after each step, gives each class. */
  readonly shares: Float32Array
  /** States of the top layer, [T,H]. */
  readonly h: Float32Array
  readonly H: number
  /** Whether states are never below 0. */
  readonly rectified: boolean
}

/** What a training goes on from, as data. */
export interface Kept {
  readonly iteration: number
  readonly weights: Float32Array
  /** Arrays of the optimiser, by name. */
  readonly optimizer: Readonly<Record<string, Float32Array>>
  /** Where the minibatches stand. */
  readonly stream: StreamState
  readonly collapse: WatchState
  /** Minibatches in a row that were left out. */
  readonly failures: number
}

/** From the page. */
export type Command =
  | {
      readonly type: 'start'
      readonly net: NetSettings
      readonly threads: number
      readonly digits: Uint8Array | null
      /** What it goes on from; null: it begins. */
      readonly from: Kept | null
    }
  | { readonly type: 'run' }
  | { readonly type: 'pause' }
  | { readonly type: 'step'; readonly n: number }
  | { readonly type: 'set'; readonly live: Pick<NetSettings, 'lr' | 'clip' | 'clipKind'> }
  /** What was sent last is on the screen: there may be more. */
  | { readonly type: 'seen' }
  | { readonly type: 'save' }
  | { readonly type: 'keep' }
  | { readonly type: 'open'; readonly id: number; readonly model: Uint8Array; readonly name: string }
  | { readonly type: 'read'; readonly id: number; readonly pixels: Uint8Array; readonly scale: 'unit' | 'raw' }
  | { readonly type: 'connect'; readonly id: number; readonly t: number; readonly k: number }

/** From a worker. */
export type Report =
  | {
      readonly type: 'ready'
      readonly description: string
      readonly instructionSet: string
      readonly threads: number
      /** Whether what it was to go on from had failed too often, and goes on no more. */
      readonly ended: boolean
    }
  | { readonly type: 'rows'; readonly rows: Rows; readonly perSecond: number }
  | { readonly type: 'score'; readonly iteration: number; readonly score: number }
  | { readonly type: 'probe'; readonly probe: Probe }
  /** All that there is to say of the training so far. */
  | { readonly type: 'alerts'; readonly alerts: readonly Alert[] }
  | { readonly type: 'paused'; readonly iteration: number; readonly ended: boolean }
  | { readonly type: 'saved'; readonly iteration: number; readonly model: Uint8Array<ArrayBuffer> }
  | { readonly type: 'kept'; readonly kept: Kept }
  | { readonly type: 'opened'; readonly id: number; readonly name: string; readonly what: string }
  | { readonly type: 'read'; readonly id: number; readonly read: Read }
  | {
      readonly type: 'connect'
      readonly id: number
      readonly t: number
      readonly k: number
      readonly norms: Float64Array
    }
  | { readonly type: 'failed'; readonly id: number | null; readonly message: string }

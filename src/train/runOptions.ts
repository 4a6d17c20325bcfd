/** Options of a run beside those of training. */
import { InputError, shown } from '../error.ts'
import { whole } from '../flag.ts'
import { refuseSignal, type StopSignal } from './evaluate.ts'
import type { Extras } from './extras.ts'
import type { RunState } from './runState.ts'

/** Options of `train` that do not change what is learnt. */
export interface RunOptions {
  /** Stops the run after the iteration it is in, with a `done` that says `stopped`. */
  readonly signal?: StopSignal | undefined
  /** Stops the run, as `signal` does, once so many iterations are done, those before a resume among them. */
  readonly pauseAt?: number | undefined
  /**
   * Yield `checkpoint` events: every `every` iterations, by default once a minute; and when the run ends or is stopped.
   * They change no number.
   */
  readonly checkpoints?: { readonly every?: number | null | undefined } | undefined
  /** Where to go on from; the model already has the weights. Its arrays are copied. */
  readonly resume?: RunState | undefined
  /**
   * Keep a copy of the weights of the best evaluation, and give them to the model at the end, before `done`. Default
   * false: the model ends with the last ones. A run that shall go on later is saved at a `checkpoint` event, which
   * comes before.
   */
  readonly keepBest?: boolean | undefined
  /** `extras` of irnn: what `probeEvery` and `shards` are done with, which a page without them need not load. */
  readonly extras?: Extras | undefined
}

/** @throws InputError, one line naming the option */
export function refuseBadRunOptions({ signal, pauseAt, keepBest }: RunOptions): void {
  refuseSignal(signal)
  if (pauseAt !== undefined && pauseAt !== Number.POSITIVE_INFINITY) whole().check(pauseAt, 'pauseAt', 'train')
  if (typeof keepBest === 'boolean') return
  throw new InputError(`train: keepBest: expected true or false but received ${shown(keepBest)}`)
}

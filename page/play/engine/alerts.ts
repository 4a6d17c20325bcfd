/** What can go wrong with a network in training, in words and with a remedy. */

import { raised, spokenFlow } from '../flow.ts'
import type { NetSettings } from '../settings.ts'

export interface Alert {
  readonly kind: 'nan' | 'spike' | 'exploding'
  readonly iteration: number
  readonly message: string
  readonly remedy: string
}

/** A gradient that grows by more than so many decades over a sequence is said to explode. */
const BLOWN = 2

function remedyOf({ lr, clipKind, optimizer }: NetSettings): string {
  const lower = `set the learning rate to ${Number((lr / 10).toPrecision(2))} and begin anew`
  // Adam and Muon divide by the size of the gradient: a clip changes little.
  return clipKind === 'none' && optimizer === 'sgd' ? `clip the gradient to a norm of 1, or ${lower}` : lower
}

export function leftOut(iteration: number, net: NetSettings): Alert {
  const message = `after iteration ${iteration} the gradient explodes: it is not finite, the minibatch is left out`
  return { kind: 'nan', iteration, message, remedy: remedyOf(net) }
}

export function notFinite(iteration: number, net: NetSettings): Alert {
  const message = `after iteration ${iteration} the gradient explodes: ten minibatches were not finite, training ends`
  return { kind: 'nan', iteration, message, remedy: remedyOf(net) }
}

/** @param times how many times its best the loss is */
export function collapsed(iteration: number, times: number, net: NetSettings): Alert {
  const size = times < 1000 ? String(Math.round(times)) : `10${raised(Math.round(Math.log10(times)))}`
  const message = `at iteration ${iteration} the loss of the last hundred is ${size} times its best`
  return { kind: 'spike', iteration, message, remedy: `wait: it may come back; if not, ${remedyOf(net)}` }
}

/** A gradient that explodes. */
export function blown(iteration: number, norms: Float64Array, net: NetSettings): Alert | null {
  const { verdict, decades, words } = spokenFlow(norms)
  if (verdict !== 'explodes' || !(decades > BLOWN)) return null
  return {
    kind: 'exploding',
    iteration,
    message: `at iteration ${iteration} the gradient ${words}`,
    remedy: remedyOf(net),
  }
}

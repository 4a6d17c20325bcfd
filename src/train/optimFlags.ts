/** Optimisers on the command line. */
import { notNegative, oneOf, positive } from '../flag.ts'
import type { KindFlags } from './kindFlags.ts'
import { adam, adamw, muon, OPTIMIZERS, type OptimizerSpec, rmsprop, sgd } from './optim.ts'

/** The same optimiser at another rate. Muon's share for the other weights stays what it was. */
function atRate(spec: OptimizerSpec, lr: number): OptimizerSpec {
  if (spec.kind !== 'muon') return { ...spec, lr }
  return { ...spec, lr, adam: { ...spec.adam, lr: (spec.adam.lr * lr) / spec.lr } }
}

/** Each optimiser on the command line. */
export const OPTIMIZER_FLAGS: KindFlags<OptimizerSpec> = {
  kind: { flag: '--optimizer <name>', value: oneOf(...OPTIMIZERS), help: 'what updates the weights' },
  kinds: { sgd, rmsprop, adam, adamw, muon },
  parts: [
    { flag: '--lr <rate>', value: positive, sets: atRate, help: 'learning rate' },
    {
      flag: '--momentum <m>',
      value: notNegative,
      sets: 'momentum',
      of: ['sgd', 'muon'],
      help: 'momentum of sgd and muon (default: 0 for sgd, 0.9 for muon)',
    },
    {
      flag: '--weight-decay <d>',
      value: notNegative,
      sets: 'weightDecay',
      of: ['adamw', 'muon'],
      help:
        'adamw: pull of all weights to 0 (default: 0.01); muon: of the recurrent matrices back to the identity they ' +
        'began at, else to 0 (default: 0)',
    },
  ],
}

/** Optimisers on the command line. */
import { below1, notNegative, oneOf, positive } from '../flag.ts'
import type { KindFlags } from './kindFlags.ts'
import { adam, adamw, muon, OPTIMIZERS, type OptimizerSpec, rmsprop, sgd } from './optim.ts'

/** The same optimiser at another rate. Muon's share for the other weights stays what it was. */
function atRate(spec: OptimizerSpec, lr: number): OptimizerSpec {
  if (spec.kind !== 'muon') return { ...spec, lr }
  return { ...spec, lr, adam: { ...spec.adam, lr: (spec.adam.lr * lr) / spec.lr } }
}

/** A field of Adam, which muon has for the other weights. */
function ofAdam(name: 'lr' | 'beta1' | 'beta2') {
  return (spec: OptimizerSpec, value: number): OptimizerSpec =>
    spec.kind === 'muon' ? { ...spec, adam: { ...spec.adam, [name]: value } } : { ...spec, [name]: value }
}

/** Each optimiser on the command line. A flag further down goes before one above it, whatever their order there. */
export const OPTIMIZER_FLAGS: KindFlags<OptimizerSpec> = {
  kind: { flag: '--optimizer <name>', value: oneOf(...OPTIMIZERS), help: 'what updates the weights' },
  kinds: { sgd, rmsprop, adam, adamw, muon },
  parts: [
    {
      flag: '--lr <rate>',
      value: positive,
      sets: atRate,
      help: 'learning rate; of muon that of the recurrent matrices, and the rate of the other weights in proportion',
    },
    {
      flag: '--adam-lr <rate>',
      value: positive,
      sets: ofAdam('lr'),
      of: ['muon'],
      help: "muon: learning rate of the other weights, whatever --lr says (default: the recipe's, else --lr / 3)",
    },
    {
      flag: '--lr-per-sequence <x>',
      value: positive,
      sets: 'perSequence',
      of: ['muon'],
      help: 'muon: the learning rate of the recurrent matrices is at most x / T for sequences of T steps',
    },
    {
      flag: '--momentum <m>',
      value: notNegative,
      sets: 'momentum',
      of: ['sgd', 'muon'],
      help: 'momentum of sgd and muon (default: 0 for sgd, 0.9 for muon)',
    },
    {
      flag: '--beta1 <b>',
      value: below1,
      sets: ofAdam('beta1'),
      of: ['adam', 'adamw', 'muon'],
      help: "adam, adamw, and muon's adam: share of the mean gradient that an iteration keeps (default: 0.9)",
    },
    {
      flag: '--beta2 <b>',
      value: below1,
      sets: ofAdam('beta2'),
      of: ['adam', 'adamw', 'muon'],
      help: "adam, adamw, and muon's adam: share of the mean square that an iteration keeps (default: 0.999)",
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

/** Parts of training that few runs need: whoever gives none of them, a page for one, need not load them. */
import { Prober } from '../model/probe.ts'
import { PartsPass } from './parts.ts'
import type { Pass, PassOptions } from './pass.ts'

/** What `probeEvery` and `shards` are done with: `extras`, as it is. */
export interface Extras {
  readonly kind: 'extras'
}

/** What is in them. */
export interface HeldExtras extends Extras {
  readonly Prober: typeof Prober
  readonly parts: (options: PassOptions) => Pass
}

const held: HeldExtras = { kind: 'extras', Prober, parts: (options) => new PartsPass(options) }
/** For `train` and `createIteration` with `probeEvery` or `shards`; 4 kB of a page that names it. */
export const extras: Extras = held

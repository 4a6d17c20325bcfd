/**
 * Whether the machine has a core to spare. A page on this machine draws with its cores: where all of them train, each
 * picture stops the training for as long as it takes, for its threads wait for each other.
 */
import * as os from 'node:os'
import { performance } from 'node:perf_hooks'

export interface Load {
  /** Looks again, unless it has done so a moment ago. Returns whether no core is idle. */
  look(): boolean
}

const EVERY_MS = 250
/** Of one core: below it there is none to spare. A page that draws all the time takes a third. */
const SPARE = 0.5

interface Sample {
  readonly at: number
  /** Milliseconds that cores have been idle since the machine was started, of all of them. */
  readonly idle: number
}

function sample(): Sample {
  const idle = os.cpus().reduce((sum, { times }) => sum + times.idle, 0)
  return { at: performance.now(), idle }
}

export function createLoad(take: () => Sample = sample): Load {
  let last = take()
  let busy = false
  return {
    look() {
      if (performance.now() - last.at < EVERY_MS) return busy
      const next = take()
      const spare = (next.idle - last.idle) / Math.max(1, next.at - last.at)
      // A system that says nothing of idle cores has them.
      busy = next.idle > 0 && spare < SPARE
      last = next
      return busy
    },
  }
}

/** Runs the trials that a sampler asks for, some at a time, and tells it what they came to. */
import { availableParallelism } from 'node:os'
import type { Sampler } from './asked.ts'
import { threadsOf } from './children.ts'
import { isOver, outcomeOf, type SweepFolder } from './folder.ts'
import { type Ran, runTrial, type SweepOptions, steered } from './run.ts'

/**
 * As runSweep, until as many trials as the sweep has are over. Points that round to the same trial are told its score.
 * @param folder with the trials that were asked for before
 */
export async function runSampled(
  { dir, trials }: SweepFolder,
  sampler: Sampler,
  { command, slots = availableParallelism(), stop, onEnd }: SweepOptions,
): Promise<Ran[]> {
  const rans = new Map<string, Promise<Ran>>()
  for (const trial of trials) {
    const ran = { trial, outcome: outcomeOf(dir, trial) }
    if (!isOver(ran.outcome)) continue
    rans.set(trial.id, Promise.resolve(ran))
    onEnd(ran, false)
  }
  const { signal } = stop
  const threads = threadsOf(slots)
  await steered(dir, stop, (take) => {
    const slot = async () => {
      while (!signal.aborted) {
        const asked = await sampler.next()
        if (!asked) return
        const { n, trial } = asked
        const known = rans.get(trial.id)
        const running = known ?? runTrial(dir, trial, { command, signal, take, threads })
        rans.set(trial.id, running)
        const ran = await running
        const over = isOver(ran.outcome)
        if (!known && (over || ran.message !== undefined)) onEnd(ran, true)
        if (over) await sampler.tell(n, ran.outcome)
      }
    }
    return Promise.all(Array.from({ length: slots }, slot))
  })
  return Promise.all(rans.values())
}

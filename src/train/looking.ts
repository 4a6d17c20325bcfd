/** What is measured of a run beside what training needs: how much an iteration moves the weights, units, probes. */
import type { Floats } from '../backend/backend.ts'
import cells from '../layers/cells.ts'
import { modelOf } from '../model/model.ts'
import { named } from '../model/parameters.ts'
import type { ProbeCurves, Prober } from '../model/probe.ts'
import type { ModelSpec } from '../model/spec.ts'
import type { Task } from '../task.ts'
import type { Extras, HeldExtras } from './extras.ts'
import type { Iteration } from './iteration.ts'
import type { Measured, StepRecord } from './stepRecord.ts'

/** Of more weights so many are looked at, from the recurrent layers on: to read millions costs an iteration. */
const MOST_WEIGHTS = 2 ** 20
/** Sequences of a probe, fewer where what is kept of them would be more numbers than this, 64 MB; perhaps none. */
const MOST_SEQUENCES = 16
const MOST_NUMBERS = 16e6

/** Looks at a run, which does not notice. */
export class Looking {
  private readonly work: Iteration
  /** There if the run has probes. */
  private readonly Prober: HeldExtras['Prober'] | undefined
  /** From the first probe on. */
  private prober: Prober | null = null
  /** The weights that are looked at, and what they were. */
  private readonly weights: Floats
  private readonly before: Floats
  /** The iteration of the last probe; -1 before the first. */
  probed: number

  /** @param probed of the run that this one goes on with */
  constructor(work: Iteration, extras: Extras | undefined, probed = -1) {
    const { weights, parameters } = work.model
    const start = weights.length > MOST_WEIGHTS ? named(parameters, 'rnn.weight_ih_l0').start : 0
    this.work = work
    this.Prober = (extras as HeldExtras | undefined)?.Prober
    this.weights = weights.subarray(start, start + MOST_WEIGHTS)
    this.before = this.weights.slice()
    this.probed = probed
  }

  /** Before an iteration that is to be measured. */
  begin(): void {
    this.work.average?.train()
    this.before.set(this.weights)
  }

  /** After it. */
  measured(): Measured {
    const { work, weights, before } = this
    let [moved, held] = [0, 0]
    for (let i = 0; i < before.length; i++) {
      const was = before[i]!
      const by = weights[i]! - was
      moved += by * by
      held += was * was
    }
    const updateRatio = Math.sqrt(moved / held)
    const shares = work.unitShares()
    if (shares === null) return { updateRatio }
    const { cell } = work.model.spec.rnn
    return {
      ...(cell === 'irnn' || cell === 'relu' ? { aliveUnits: shares.alive } : { saturatedShare: shares.saturated }),
      updateRatio,
    }
  }

  /** Also before the first iteration, and where a run was stopped before it had its probe. */
  owesProbe(): boolean {
    const { spec, optimizer } = this.work
    const { iteration } = optimizer
    const due = spec.probeEvery > 0 && iteration > this.probed && iteration % spec.probeEvery === 0
    return due && probedSequences(this.work.task, this.work.model.spec) > 0
  }

  /**
   * Curves of the first sequences of the test set, the same ones each time, by the model that an evaluation would have.
   * @param record of the training that waits meanwhile
   */
  probe(record: StepRecord): ProbeCurves {
    const began = performance.now()
    const { work } = this
    const { model, task, loss } = work
    const B = probedSequences(task, model.spec)
    const [batch] = task.test(B)
    work.show()
    this.prober ??= new this.Prober!(modelOf(model), { T: task.T, B })
    const curves = this.prober.probe(batch!, loss)
    record.skip(performance.now() - began)
    this.probed = work.optimizer.iteration
    return curves
  }

  dispose(): void {
    this.prober?.dispose()
    this.prober = null
  }
}

/**
 * How many a probe is of: so many that what is kept of each step takes no more than MOST_NUMBERS. 0 where one sequence
 * would take more: there are no probes then, for they keep every step, also where training has checkpoints instead.
 */
export function probedSequences(
  { T, testSize }: Pick<Task, 'T' | 'testSize'>,
  { rnn, head }: Pick<ModelSpec, 'rnn' | 'head'>,
): number {
  const kept = rnn.layers * (2 + cells[rnn.cell].saved) + 2
  const width = rnn.hidden * kept + (head.steps === 'every' ? 2 * head.size : 0)
  return Math.min(MOST_SEQUENCES, testSize, Math.floor(MOST_NUMBERS / (T * width)))
}

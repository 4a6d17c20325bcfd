/** What is measured of a run beside what training needs: how much an iteration moves the weights, units, probes. */
import { modelOf } from '../model/model.ts'
import { type ProbeCurves, probe } from '../model/probe.ts'
import type { Iteration } from './iteration.ts'
import type { Measured, StepRecord } from './stepRecord.ts'

/** Of more weights, as many are looked at: reading millions would cost more than the iteration. */
const MOST_WEIGHTS = 65_536
/** Sequences of a probe, fewer where their states would be more numbers than this. */
const MOST_SEQUENCES = 16
const MOST_NUMBERS = 4e6

/** Looks at a run, which does not notice. */
export class Looking {
  private readonly work: Iteration
  /** Every so many weights are looked at. */
  private readonly stride: number
  private readonly before: Float64Array

  constructor(work: Iteration) {
    const { length } = work.model.weights
    this.work = work
    this.stride = Math.ceil(length / MOST_WEIGHTS)
    this.before = new Float64Array(Math.ceil(length / this.stride))
  }

  /** Before an iteration that is to be measured. */
  begin(): void {
    const { work, before, stride } = this
    work.average?.train()
    const { weights } = work.model
    if (stride === 1) before.set(weights)
    else for (let i = 0; i < before.length; i++) before[i] = weights[i * stride]!
  }

  /** After it. */
  measured(): Measured {
    const { work, before, stride } = this
    const { weights, spec } = work.model
    let [moved, held] = [0, 0]
    for (let i = 0; i < before.length; i++) {
      const was = before[i]!
      const by = weights[i * stride]! - was
      moved += by * by
      held += was * was
    }
    const updateRatio = Math.sqrt(moved / held)
    const shares = work.unitShares()
    if (shares === null) return { updateRatio }
    const ofRelu = spec.rnn.cell === 'irnn' || spec.rnn.cell === 'relu'
    return { ...(ofRelu ? { aliveUnits: shares.alive } : { saturatedShare: shares.saturated }), updateRatio }
  }

  /**
   * Curves of the first sequences of the test set, the same ones each time, by the model that an evaluation would have.
   * @param record of the training that waits meanwhile
   */
  probe(record: StepRecord): ProbeCurves {
    const began = performance.now()
    const { work } = this
    const { model, task, loss } = work
    const { hidden, layers } = model.spec.rnn
    const room = Math.floor(MOST_NUMBERS / (task.T * hidden * layers))
    const [batch] = task.test(Math.max(1, Math.min(MOST_SEQUENCES, task.testSize, room)))
    work.show()
    const curves = probe(modelOf(model), batch!, loss)
    record.skip(performance.now() - began)
    return curves
  }
}

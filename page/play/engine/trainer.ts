/**
 * One network in training: an iteration at a time, so that it can be paused after any, with a rate and a clip that may
 * change in between. It knows neither worker nor page.
 */

import { refuseUnless } from '../../../src/error.ts'
import { type Alert, alertWatch } from '../../../src/figures/alerts.ts'
import type { Backend, Batch, GradientFlow, Iteration, MnistData, Model, TrainSpec } from '../../../src/index.ts'
import { createIteration, gradientFlow, InputError, read, saveModel } from '../../../src/index.ts'
import { fate } from '../../../src/model/flow.ts'
import { type CollapseWatch, createWatch } from '../../../src/train/collapse.ts'
import { type RunState, restore } from '../../../src/train/runState.ts'
import { createStepRecord } from '../../../src/train/stepRecord.ts'
import type { NetSettings } from '../settings.ts'
import { createNetwork, specOf } from './network.ts'
import type { Kept, Probe, Rows } from './protocol.ts'

/** Sequences whose gradients are averaged: one alone may have all its units at 0 somewhere. */
const PROBED = 4
const MOST_LEFT_OUT = 10
/** Iterations of a record, as in a run of the command. */
const STEP = 10

export class Trainer {
  readonly model: Model
  private net: NetSettings
  private work: Iteration
  private readonly probed: readonly Sequence[]
  private readonly watch: CollapseWatch
  private readonly alerted = alertWatch()
  private readonly record = createStepRecord(true)
  private failures = 0
  private rows: RowsSoFar = noRows()

  /**
   * @param from what another gave by `keep`, under the same settings; null: begins
   * @throws InputError for settings that make no network, and for what was kept of another
   */
  constructor(backend: Backend, net: NetSettings, digits: MnistData | null, from: Kept | null = null) {
    const { task, model, spec } = createNetwork(backend, net, digits)
    this.net = net
    this.model = model
    this.work = createIteration(model, task, spec)
    this.probed = firstOf(task.test(PROBED))
    if (from) refuseWrong(from)
    this.watch = createWatch(from?.collapse)
    this.failures = from?.failures ?? 0
    if (from) this.goOn(from)
  }

  private goOn(from: Kept): void {
    const { model, work } = this
    if (from.weights?.length !== model.weights.length || !from.weights.every(Number.isFinite)) {
      throw new InputError('kept: weights: expected those of this network: begin anew')
    }
    restore(work, stateOf(from, work))
    model.weights.set(from.weights)
    model.weightsChanged()
  }

  /** What another trainer goes on from, to the same bits. */
  keep(): Kept {
    const { model, work, watch, failures, iteration } = this
    const copies = Object.entries(work.optimizer.state).map(([name, array]) => [name, Float32Array.from(array)])
    return {
      iteration,
      weights: Float32Array.from(model.weights),
      optimizer: Object.fromEntries(copies),
      stream: work.stream.getState(),
      collapse: watch.getState(),
      failures,
    }
  }

  get iteration(): number {
    return this.work.optimizer.iteration
  }

  /** Whether it has failed too often to go on. */
  get ended(): boolean {
    return this.failures >= MOST_LEFT_OUT
  }

  /** One minibatch update. */
  iterate(): void {
    const { work, rows, watch, record } = this
    if (this.ended) return
    const went = work.iterate()
    const { loss, norm, clipped } = work.last
    if (!went) {
      this.failures += 1
      const { best } = watch.getState()
      if (watch.addFailure()) this.alerted.add({ type: 'collapse', ...this.now(), loss, best, finite: false })
      return
    }
    this.failures = 0
    record.add(work.last)
    rows.iteration.push(this.iteration)
    rows.loss.push(loss)
    rows.gradNorm.push(norm)
    rows.clipped.push(clipped ? 1 : 0)
    const found = watch.add(loss)
    if (found) this.alerted.add({ type: 'collapse', ...this.now(), ...found, finite: true })
    if (record.length === STEP) {
      this.alerted.add({ type: 'step', ...this.now(), ...record.take(work.liveShare(), null) })
    }
  }

  /** What has gone wrong so far, by the rules for the records of a run. */
  alerts(): Alert[] {
    return this.alerted.all()
  }

  private now(): { iteration: number; seconds: number } {
    return { iteration: this.iteration, seconds: 0 }
  }

  /** What the iterations since the last call did. */
  take(): Rows {
    const { iteration, loss, gradNorm, clipped } = this.rows
    this.rows = noRows()
    return {
      iteration: Float64Array.from(iteration),
      loss: Float64Array.from(loss),
      gradNorm: Float64Array.from(gradNorm),
      clipped: clipped.reduce((sum, one) => sum + one, 0) / Math.max(1, clipped.length),
      live: iteration.length > 0 ? this.work.liveShare() : null,
    }
  }

  /** Goes on from the next iteration with another rate or clip, and the weights as they are. */
  set(live: Pick<NetSettings, 'lr' | 'clip' | 'clipKind'>): void {
    const { work, net } = this
    const changed = { ...net, ...live }
    const spec: TrainSpec = specOf(changed)
    const next = createIteration(this.model, work.task, spec)
    restore(next, stateOf(this.keep(), next))
    this.work = next
    this.net = changed
    work.dispose()
  }

  /** The error or the share of right answers on the test set. */
  async score(): Promise<number> {
    const scores = await this.work.evaluate()
    return scores!.test[this.work.task.metric as 'mse' | 'accuracy']!
  }

  /** How far the gradient travels now, and what the network makes of the first sequence of the test set. */
  probe(): Probe {
    const flows = this.probed.map(({ x, y }) => gradientFlow(this.model, x, y))
    const { x, y } = this.probed[0]!
    const { T, h, logits } = read(this.model, x)
    const norms = meanOf(flows)
    const curves = { T, ...fate(norms[0]!, norms[T - 1]!, T), ...NO_CURVES }
    this.alerted.add({ type: 'probe', ...this.now(), ...curves })
    const K = logits.length / T
    const said = logits.subarray((T - 1) * K)
    return {
      iteration: this.iteration,
      norms,
      x: Float32Array.from(x),
      h: Float32Array.from(h.at(-1)!),
      H: this.model.spec.rnn.hidden,
      target: Number(y[0]),
      answer: K === 1 ? said[0]! : said.indexOf(Math.max(...said)),
      loss: flows.reduce((sum, { loss }) => sum + loss, 0) / flows.length,
    }
  }

  /** The bytes of model.safetensors. @throws InputError where weights are not finite */
  save(): Uint8Array<ArrayBuffer> {
    return saveModel(this.model) as Uint8Array<ArrayBuffer>
  }

  dispose(): void {
    this.work.dispose()
    this.model.dispose()
  }
}

/** Of what was kept, what neither `restore` nor the weights' length shows. @throws InputError */
function refuseWrong({ failures, collapse }: Kept): void {
  const whole = (what: string, n: unknown) =>
    refuseUnless(Number.isSafeInteger(n) && (n as number) >= 0, `kept: ${what}`, 'a whole number >= 0', n)
  whole('failures', failures)
  whole('collapse.n', collapse?.n)
  const { sum, best, collapsed } = collapse
  refuseUnless(typeof sum === 'number', 'kept: collapse.sum', 'a number', sum)
  refuseUnless(best === null || typeof best === 'number', 'kept: collapse.best', 'a number, or null', best)
  refuseUnless(typeof collapsed === 'boolean', 'kept: collapse.collapsed', 'true or false', collapsed)
}

/** What `restore` reads of a run's state. */
function stateOf({ iteration, optimizer, stream }: Kept, { rate }: Iteration): RunState {
  return { iteration, optimizer, stream, rate, carried: null, generator: null } as unknown as RunState
}

interface Sequence {
  readonly x: Float32Array
  readonly y: readonly number[]
}

interface RowsSoFar {
  readonly iteration: number[]
  readonly loss: number[]
  readonly gradNorm: number[]
  readonly clipped: number[]
}

/** What alerts do not read of a probe. */
const NO_CURVES = { every: 1, flow: [], flowLow: [], flowHigh: [], hNorm: [], activeT: [], rho: null }

const noRows = (): RowsSoFar => ({ iteration: [], loss: [], gradNorm: [], clipped: [] })

/** The sequences of the first batch, each by itself. */
function firstOf(batches: Iterable<Batch>): Sequence[] {
  const [batch] = batches
  const { T, B, x, bytes, y } = batch!
  return Array.from({ length: B }, (_, b) => {
    const I = x ? x.length / (T * B) : 1
    const one = new Float32Array(T * I)
    for (let t = 0; t < T; t++) {
      if (bytes) one[t] = bytes.value[bytes.bytes[bytes.starts[b]! + bytes.order[t]!]!]!
      else for (let i = 0; i < I; i++) one[t * I + i] = x![(t * B + b) * I + i]!
    }
    return { x: one, y: [Number(y![b])] }
  })
}

/** Quadratic means over sequences. */
function meanOf(flows: readonly GradientFlow[]): Float64Array {
  return flows[0]!.norms.map((_, t) =>
    Math.sqrt(flows.reduce((sum, { norms }) => sum + norms[t]! ** 2, 0) / flows.length),
  )
}

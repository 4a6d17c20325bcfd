/**
 * Gradients of minibatches that are cut into `shards` parts. Each part is computed as a minibatch of its own, and what
 * it finds is summed as a balanced binary tree over the parts. The bits follow from the number of parts alone: one
 * process computes all, or each rank of a group as many as the others. docs/decisions/027-ranks.md.
 */
import type { Engine } from '../backend/backend.ts'
import { DISPOSE } from '../backend/lifetime.ts'
import { type Group, inTree } from '../distributed/group.ts'
import type { Masks } from '../layers/dropout.ts'
import { type Memory, memory } from '../layers/layer.ts'
import type { Gradients } from '../model/gradients.ts'
import type { Loss, LossOptions, Plan, State } from '../model/model.ts'
import { joinedStates, stateRows } from '../model/state.ts'
import type { UnitShares } from '../model/units.ts'
import { type Rng, rng } from '../rng.ts'
import type { Stream, Task } from '../task.ts'
import { type Accumulator, accumulatorOf, scaleGradients } from './accumulate.ts'
import { derivativeLimit } from './clip.ts'
import { type Cut, cutter } from './cut.ts'
import { type GradientTree, gradientTree } from './gradientTree.ts'
import { MOST_WITHOUT_TARGET, noTarget } from './minibatch.ts'
import type { TrainSpec } from './options.ts'
import { type Pass, type PassOptions, trainingPlan } from './pass.ts'
import { gatheredStates } from './rankStates.ts'

/** A part: its plan, which keeps its states and gradients, and what it draws from. */
interface Part {
  /** Its place in the minibatch. */
  readonly number: number
  readonly plan: Plan
  readonly masks: Masks
  readonly generator: Rng | null
  /** Sums over the minibatches of an update; null if it has one. */
  readonly sums: Accumulator | null
  /** The same of losses and of what they count. */
  loss: number
  count: number
}

/** Minibatches in parts. */
export class PartsPass implements Pass {
  readonly gradients: Gradients
  readonly generator = null // its state follows from iteration and part
  private readonly spec: TrainSpec
  private readonly engine: Engine
  private readonly group: Group
  private readonly parts: readonly Part[]
  private readonly tree: GradientTree
  private readonly cut: Cut
  private readonly H: number
  private readonly result: Loss = { loss: 0, correct: 0, count: 0 }
  private readonly lossOptions: LossOptions
  private readonly backwardOptions: { readonly derivativeClip: number }
  /** Loss, count and raised flags, summed over the ranks. */
  private readonly totals = new Float64Array(3)
  private carries = false
  /** The state of all rows: given to setCarried, or gathered, until the next minibatch. */
  private whole: State | null = null

  constructor(options: PassOptions) {
    const { engine, task, spec, losses, group, model, made } = options
    const { shards, batch } = spec
    const each = shards / group.size
    this.spec = spec
    this.engine = engine
    this.group = group
    this.parts = Array.from({ length: each }, (_, i) => partOf(options, group.rank * each + i))
    const arena: Memory = memory(engine)
    made.push({ [DISPOSE]: () => arena.release() })
    const leaves = this.parts.map(({ sums, plan }) => (sums ?? plan).gradients)
    this.tree = gradientTree(arena, leaves, group, model.parameters)
    this.gradients = this.tree.gradients
    this.H = model.spec.rnn.hidden
    this.cut = cutter(task.name, batch, shards, task.head.steps)
    this.lossOptions = { reduction: 'sum', gradient: true, loss: losses.loss }
    this.backwardOptions = { derivativeClip: derivativeLimit(spec.clip) }
  }

  run(task: Task, stream: Stream, iteration: number): number {
    const { totals, spec } = this
    for (let tried = 0; tried < MOST_WITHOUT_TARGET; tried++) {
      this.here(stream, iteration)
      this.sum()
      const [loss, count] = totals as unknown as [number, number]
      if (count === 0) continue
      if (spec.reduction === 'mean') scaleGradients(this.engine, this.gradients, 1 / count)
      return loss / count
    }
    throw noTarget(task)
  }

  /** Leaves gradients, losses and counts of the parts of this process in them. */
  private here(stream: Stream, iteration: number): void {
    const { parts, spec } = this
    for (const part of parts) {
      part.sums?.clear()
      part.loss = 0
      part.count = 0
    }
    for (let i = 0; i < spec.accumulate; i++) {
      const batch = stream.next()
      for (const part of parts) this.part(part, this.cut(batch, part.number), spec.accumulate * iteration + i)
      this.carries = batch.carry !== undefined
    }
    this.whole = null
  }

  private part(part: Part, batch: ReturnType<Cut>, minibatch: number): void {
    const { result } = this
    const { plan, generator, masks, sums, number } = part
    masks.iteration = minibatch
    generator?.restart(`training/candidates/${minibatch}/${number}`)
    plan.forward(batch)
    plan.loss(batch, this.lossOptions, result)
    plan.backward(batch, this.backwardOptions)
    part.loss += result.loss
    part.count += result.count
    sums?.add()
  }

  /** Over all parts of all ranks. */
  private sum(): void {
    const { parts, group, totals, carries } = this
    inTree(parts.length, (i, j) => {
      parts[i]!.loss += parts[j]!.loss
      parts[i]!.count += parts[j]!.count
    })
    totals[0] = parts[0]!.loss
    totals[1] = parts[0]!.count
    totals[2] = group.stop.raised ? 1 : 0
    group.sumTree(totals)
    group.stop.agree(totals[2] > 0)
    this.tree.sum()
    // Only rank 0 asks for the state, and not always when the others could help.
    if (carries && group.size > 1) this.whole = gatheredStates(group, this.stateHere(), this.H)
  }

  private stateHere(): State {
    return joinedStates(
      this.parts.map(({ plan }) => plan.getState()),
      this.H,
    )
  }

  reset(): void {
    this.carries = false
    this.whole = null
    for (const { plan } of this.parts) plan.resetState()
  }

  getCarried(): State | null {
    return this.whole ?? (this.carries ? this.stateHere() : null)
  }

  setCarried(state: State | null): void {
    this.whole = state
    const rows = this.spec.batch / this.spec.shards
    for (const { plan, number } of this.parts) {
      if (state === null) plan.resetState()
      else plan.setState(stateRows(state, number * rows, rows, this.H))
    }
  }

  /** Of the first part: every number of ranks has it on rank 0, which writes the records. */
  liveShare(): number {
    return this.parts[0]!.plan.liveFraction()
  }

  unitShares(): UnitShares | null {
    return this.parts[0]!.plan.unitShares()
  }
}

function partOf(options: PassOptions, number: number): Part {
  const { engine, model, spec, made } = options
  const { seed, dropout, softmax, batch, shards, accumulate } = spec
  const generator = softmax.kind === 'sampled' ? rng(seed) : null
  const masks = { p: dropout, seed: rng(seed, `training/dropout/${number}`).below(2 ** 31), iteration: 0 }
  const plan = trainingPlan(options, batch / shards, masks, generator)
  const sums = accumulatorOf(engine, plan.gradients, accumulate, model.parameters)
  if (sums) made.push(sums)
  return { number, plan, masks, generator, sums, loss: 0, count: 0 }
}

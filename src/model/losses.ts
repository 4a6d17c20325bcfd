/** The loss of a plan that keeps its logits: one of the kernels, or a function of somebody's own. */
import type { Floats } from '../backend/backend.ts'
import { InputError, shown } from '../error.ts'
import type { Memory } from '../layers/layer.ts'
import { defaultLoss, fittingLoss, isPlain, type LossBatch, type LossSpec, type OwnLoss, targetsOf } from '../loss.ts'
import type { HeadSpec, ModelSpec, OutputSpec } from './spec.ts'
import type { Targets } from './targets.ts'

export class Losses {
  /** Targets of a row. */
  D = 1
  /** What a target of the count stands for: quantiles. */
  each = 1
  /** What a row of each class counts; null: 1. */
  weights: readonly number[] | null = null
  private readonly arena: Memory
  private readonly head: HeadSpec
  private readonly output: OutputSpec | undefined
  private readonly standard: LossSpec
  private readonly stats: Float64Array
  private given: LossSpec | OwnLoss | undefined | null = null
  private loss: LossSpec | OwnLoss
  /** [K] weights or quantiles, for the kernels. */
  private numbers: Floats | null = null
  private counts: Uint8Array | null = null

  constructor(arena: Memory, { head, output }: ModelSpec) {
    this.arena = arena
    this.head = head
    this.output = output
    this.standard = defaultLoss(head)
    this.loss = this.standard
    this.stats = arena.doubles(3)
  }

  /** The loss of what comes; undefined: the head's own. @throws InputError unless it is one and fits the head */
  choose(given: LossSpec | OwnLoss | undefined): void {
    if (given === this.given) return
    const loss = fittingLoss('plan.loss: loss', given ?? this.standard, this.head, this.output)
    this.given = given
    this.loss = loss
    this.D = targetsOf(loss, this.head)
    this.each = loss.kind === 'pinball' ? loss.quantiles.length : 1
    this.weights = (loss.kind === 'crossEntropy' && loss.weights) || null
    const numbers = loss.kind === 'pinball' ? loss.quantiles : this.weights
    if (!numbers) return
    this.numbers ??= this.arena.floats(this.head.size)
    this.numbers.set(numbers)
  }

  /** @throws InputError for a loss that needs logits, of which there are none */
  refuseUnlessPlain(): void {
    if (isPlain(this.loss)) return
    throw new InputError(
      'plan.loss: loss: expected crossEntropy() without weights in a plan that does not keep its logits: plan ' +
        'without logits: false and sampled',
    )
  }

  /**
   * Puts the sum of the losses of T·B rows in `result`, and `scale` times its gradient in dlogits.
   * @param T 1 for a head on the last step
   */
  run(
    { T, B }: { readonly T: number; readonly B: number },
    lengths: Int32Array | null,
    logits: Floats,
    { classes, values }: Targets,
    scale: number,
    dlogits: Floats | null,
    result: { loss: number; correct: number },
  ): void {
    const { loss, stats, D } = this
    const { backend } = this.arena
    const { size: K } = this.head
    if (loss.kind === 'own') {
      result.loss = this.runOwn(loss, { T, B, K }, lengths, logits, (classes ?? values)!, scale, dlogits)
      result.correct = 0
      return
    }
    if (loss.kind === 'crossEntropy') {
      const weights = this.weights && this.numbers
      backend.softmax_cross_entropy(T, B, K, lengths, logits, classes!, weights, scale, dlogits, stats)
    } else if (loss.kind === 'pinball') {
      backend.pinball(T, B, D, this.each, lengths, logits, values!, this.numbers!, scale, dlogits, stats)
    } else if (loss.kind === 'huber') {
      backend.huber(T, B, K, lengths, logits, values!, loss.delta, scale, dlogits, stats)
    } else if (loss.kind === 'gaussianNll') {
      backend.gaussian_nll(T, B, D, lengths, logits, values!, scale, dlogits, stats)
    } else backend.squared_error(T, B, K, lengths, logits, values!, scale, dlogits, stats)
    result.loss = stats[0]!
    result.correct = stats[1]!
  }

  private runOwn(
    loss: OwnLoss,
    { T, B, K }: { T: number; B: number; K: number },
    lengths: Int32Array | null,
    logits: Floats,
    targets: Floats | Int32Array,
    scale: number,
    dlogits: Floats | null,
  ): number {
    const rows = T * B
    if (!this.counts || this.counts.length < rows) this.counts = new Uint8Array(rows)
    const classes = targets instanceof Int32Array ? targets : null
    for (let n = 0; n < rows; n++) {
      const padded = lengths !== null && Math.floor(n / B) >= lengths[n % B]!
      this.counts[n] = padded || (classes && classes[n]! < 0) ? 0 : 1
    }
    const y = targets.subarray(0, rows * this.D)
    const batch: LossBatch = { T, B, K, logits: logits.subarray(0, rows * K), y, counts: this.counts.subarray(0, rows) }
    const gradient = dlogits?.subarray(0, rows * K).fill(0) ?? null
    const sum: unknown = loss.compute(batch, gradient)
    if (typeof sum !== 'number') {
      throw new InputError(`loss ${shown(loss.name)}: expected compute to return a number but received ${shown(sum)}`)
    }
    if (gradient) this.arena.backend.scale(rows * K, scale, gradient)
    return sum
  }
}

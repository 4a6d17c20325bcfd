/** What a run that cannot go on throws. */
import type { TrainSpec } from './options.ts'

/** The loss or its gradient is not a number any more. The weights are as they were before that iteration. */
export class DivergenceError extends Error {
  override readonly name: string = 'DivergenceError'
  readonly iteration: number
  readonly loss: number
  readonly gradNorm: number
  constructor(iteration: number, loss: number, gradNorm: number, { clip, optimizer }: TrainSpec, lr: number) {
    const clipping = clip.kind === 'none' ? 'none' : `${clip.kind} ${clip.limit}`
    const kind = clip.kind === 'derivative' ? 'norm' : 'derivative'
    super(
      `training diverged at iteration ${iteration}: loss ${loss}, gradient norm ${gradNorm}; try a lower learning ` +
        `rate than ${Number(lr.toPrecision(3))} (${optimizer.kind}), a smaller clip or the kind "${kind}" (now ` +
        `${clipping}), or a recurrent matrix started lower (identity scale 0.999 or less)`,
    )
    this.iteration = iteration
    this.loss = loss
    this.gradNorm = gradNorm
  }
}

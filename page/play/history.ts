/** Losses of every iteration so far, as at most so many points that keep each spike: minimum, mean and maximum. */

const MOST = 600
const LISTS = ['iteration', 'min', 'mean', 'max'] as const

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

export class History {
  /** Iterations that a point covers; it doubles whenever there are too many points. */
  private window = 1
  private n = 0
  readonly iteration: number[] = []
  readonly min: number[] = []
  readonly mean: number[] = []
  readonly max: number[] = []

  /** One that was kept as data; null where it cannot be one. */
  static from(data: Readonly<Record<string, unknown>>): History | null {
    const history = new History()
    const { window, n } = data
    if (!isCount(window) || !isCount(n)) return null
    history.window = window
    history.n = n
    for (const name of LISTS) {
      const list = data[name]
      if (!Array.isArray(list) || list.length > MOST || !list.every(Number.isFinite)) return null
      history[name].push(...list)
    }
    return LISTS.every((name) => history[name].length === history.iteration.length) ? history : null
  }

  add(iteration: number, loss: number): void {
    const last = this.iteration.length - 1
    if (this.n === 0 || this.n >= this.window) {
      this.iteration.push(iteration)
      this.min.push(loss)
      this.mean.push(loss)
      this.max.push(loss)
      this.n = 1
      if (this.iteration.length > MOST) this.halve()
      return
    }
    this.n += 1
    this.iteration[last] = iteration
    this.min[last] = Math.min(this.min[last]!, loss)
    this.max[last] = Math.max(this.max[last]!, loss)
    this.mean[last]! += (loss - this.mean[last]!) / this.n
  }

  private halve(): void {
    const half = Math.ceil(this.iteration.length / 2)
    for (let i = 0; i < half; i++) {
      const [a, b] = [2 * i, Math.min(2 * i + 1, this.iteration.length - 1)]
      this.iteration[i] = this.iteration[b]!
      this.min[i] = Math.min(this.min[a]!, this.min[b]!)
      this.max[i] = Math.max(this.max[a]!, this.max[b]!)
      this.mean[i] = (this.mean[a]! + this.mean[b]!) / 2
    }
    for (const list of [this.iteration, this.min, this.mean, this.max]) list.length = half
    // The last one may be the half of a pair.
    this.window *= 2
    this.n = this.window
  }
}

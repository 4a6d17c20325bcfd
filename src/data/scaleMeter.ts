/**
 * Level and scale of a series that training did not have, step by step, so that a stream has the same bits as a table.
 * The deviation is by Welford's recurrence (1962).
 */
import type { SeriesScale } from './schema.ts'

export class ScaleMeter {
  readonly #lag: number
  /** Values, their sum, their running mean and square deviations from it. */
  #n = 0
  #sum = 0
  #mean = 0
  #squares = 0
  #steps = 0
  #last = 0
  #changes = 0
  #lastDifference = 0
  #seasonalChanges = 0

  /** @param lag `seasonLag` */
  constructor(lag: number) {
    this.#lag = lag
  }

  /** @param value NaN: missing. @param before what was filled `lag` steps before; NaN where there was no such step */
  add(value: number, filled: number, before: number): void {
    if (!Number.isNaN(value)) {
      this.#n++
      this.#sum += value
      const from = value - this.#mean
      this.#mean += from / this.#n
      this.#squares += from * (value - this.#mean)
    }
    if (this.#steps > 0) this.#changes += (filled - this.#last) ** 2
    this.#last = filled
    if (this.#lag > 0 && this.#steps >= this.#lag) {
      const difference = filled - before
      if (this.#steps > this.#lag) this.#seasonalChanges += (difference - this.#lastDifference) ** 2
      this.#lastDifference = difference
    }
    this.#steps++
  }

  scale(name: string): SeriesScale {
    const mean = this.#n > 0 ? this.#sum / this.#n : 0
    const std = Math.sqrt(this.#squares / Math.max(1, this.#n)) || 1
    const local = Math.sqrt(this.#changes / Math.max(1, this.#steps - 1)) || std
    const seasonal = Math.sqrt(this.#seasonalChanges / Math.max(1, this.#steps - this.#lag - 1))
    return { name, mean, std, local, seasonal: (this.#lag > 0 ? seasonal : 0) || local }
  }

  /** The numbers of which it consists. */
  get state(): number[] {
    return [
      this.#n,
      this.#sum,
      this.#mean,
      this.#squares,
      this.#steps,
      this.#last,
      this.#changes,
      this.#lastDifference,
      this.#seasonalChanges,
    ]
  }

  /** One that goes on from `state`. */
  static from(lag: number, state: readonly number[]): ScaleMeter {
    const meter = new ScaleMeter(lag)
    ;[meter.#n, meter.#sum, meter.#mean, meter.#squares, meter.#steps] = state as [
      number,
      number,
      number,
      number,
      number,
    ]
    ;[meter.#last, meter.#changes, meter.#lastDifference, meter.#seasonalChanges] = state.slice(5) as [
      number,
      number,
      number,
      number,
    ]
    return meter
  }
}

/**
 * The life of what holds memory: a backend, the models on it, their plans, steppers and optimisers. Memory that was
 * given back belongs to another model soon after. What is disposed of therefore refuses every call, and so does all
 * that was made from it, in the same words on every backend.
 */
import { InputError } from '../error.ts'

/** The name of the method that `using` calls. It is missing in engines that are older than the word. */
export const DISPOSE: typeof Symbol.dispose = Symbol.dispose ?? Symbol.for('Symbol.dispose')
/** The name of the method that `await using` calls. */
export const ASYNC_DISPOSE: typeof Symbol.asyncDispose = Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose')

/** Whether an object may still be used. */
export class Life {
  private readonly what: string
  private readonly remedy: string
  private readonly within: Life | null
  private over = false

  /**
   * @param what the object's name in messages, e.g. `plan`
   * @param remedy what to do instead of using it after its end
   * @param within the life of what it was made from: it is over when that is
   */
  constructor(what: string, remedy: string, within: Life | null = null) {
    this.what = what
    this.remedy = remedy
    this.within = within
  }

  /** @throws InputError once the object, or what it was made from, is disposed of */
  check(): void {
    for (let life: Life | null = this; life; life = life.within) {
      if (!life.over) continue
      const who = life === this ? 'it' : `its ${life.what}`
      throw new InputError(`${this.what}: ${who} is disposed of: ${life.remedy}`)
    }
  }

  /** Ends it. Returns false if it was over already: then there is nothing to give back. */
  end(): boolean {
    const first = !this.over
    this.over = true
    return first
  }
}

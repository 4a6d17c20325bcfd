/** Words on the command line as values: numbers are checked where they are read, so that a message can name their flag. */
import { InvalidArgumentError } from 'commander'

/** A whole number of at least `least`. */
export function whole(least = 1): (text: string) => number {
  return (text) => {
    const value = read(text)
    if (!Number.isSafeInteger(value) || value < least) {
      throw new InvalidArgumentError(`Expected a whole number >= ${least}.`)
    }
    return value
  }
}

/** A finite number above 0. */
export function positive(text: string): number {
  const value = read(text)
  if (!Number.isFinite(value) || value <= 0) throw new InvalidArgumentError('Expected a number > 0.')
  return value
}

/** A finite number of at least 0. */
export function notNegative(text: string): number {
  const value = read(text)
  if (!Number.isFinite(value) || value < 0) throw new InvalidArgumentError('Expected a number >= 0.')
  return value
}

/** A number of at least 0 and below 1. */
export function below1(text: string): number {
  const value = read(text)
  if (value >= 0 && value < 1) return value
  throw new InvalidArgumentError('Expected a number >= 0 and < 1.')
}

/** A finite number. */
export function finite(text: string): number {
  const value = read(text)
  if (!Number.isFinite(value)) throw new InvalidArgumentError('Expected a number.')
  return value
}

/** A share, above 0 and at most 1, or else a whole number of iterations. */
export function budget(text: string): number {
  const value = read(text)
  if (value > 0 && (value <= 1 || Number.isSafeInteger(value))) return value
  throw new InvalidArgumentError('Expected a share above 0 and at most 1, or a whole number of iterations.')
}

/** One or more words with commas between. */
export function words(text: string): string[] {
  const all = text.split(',').map((word) => word.trim())
  if (all.includes('')) throw new InvalidArgumentError('Expected names with commas between, none of them empty.')
  return all
}

function read(text: string): number {
  return text.trim() === '' ? Number.NaN : Number(text)
}

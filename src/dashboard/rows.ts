/**
 * Rows of numbers as columns that grow: what a million records need, at 8 bytes a number. A number that a row does not
 * have is ABSENT; one that is not finite stays so, for it says that a run failed.
 */

/** No number of a run is it. */
export const ABSENT: number = -Number.MAX_VALUE
/** Names of columns, and how long they are; what has more comes from no run. */
const MOST_COLUMNS = 64
const LONGEST_NAME = 256
/** What every chart needs has room however many others there are. */
const NEEDED = /^(iteration|seconds|window|n|(loss|gradNorm)(Min|Max)?|liveShare|lr|iterationsPerSecond|test\w{1,20})$/

export interface Rows {
  readonly length: number
  readonly names: readonly string[]
  /** A view of the numbers of a column; null: there is none of that name. */
  column(name: string): Float64Array | null
  /** Adds a row; of names that are too many or too long, nothing. */
  push(row: ReadonlyMap<string, number>): void
  /** Leaves the first so many. */
  truncate(length: number): void
  /** Index of the first row whose number in a column that never falls is at least `value`. */
  from(name: string, value: number): number
}

export function createRows(): Rows {
  const columns = new Map<string, Float64Array>()
  let capacity = 256
  let length = 0

  function grow(): void {
    capacity *= 2
    for (const [name, old] of columns) {
      const wider = new Float64Array(capacity).fill(ABSENT, length)
      wider.set(old.subarray(0, length))
      columns.set(name, wider)
    }
  }
  return {
    get length() {
      return length
    },
    get names() {
      return [...columns.keys()]
    },
    column: (name) => columns.get(name)?.subarray(0, length) ?? null,
    push(row) {
      if (length === capacity) grow()
      for (const [name, value] of row) {
        let column = columns.get(name)
        if (column === undefined) {
          if (!fits(columns.size, name)) continue
          column = new Float64Array(capacity).fill(ABSENT)
          columns.set(name, column)
        }
        column[length] = value
      }
      length += 1
    },
    truncate(to) {
      for (const column of columns.values()) column.fill(ABSENT, to, length)
      length = Math.min(length, to)
    },
    from(name, value) {
      const column = columns.get(name)
      let [low, high] = [0, length]
      while (column && low < high) {
        const middle = (low + high) >> 1
        if (column[middle]! < value) low = middle + 1
        else high = middle
      }
      return column ? low : 0
    },
  }
}

function fits(columns: number, name: string): boolean {
  if (columns >= 2 * MOST_COLUMNS || name.length > LONGEST_NAME) return false
  return columns < MOST_COLUMNS || NEEDED.test(name)
}

/** Numbers of a record by their names: `loss: { mean, min, max }` becomes loss, lossMin and lossMax. */
export function numbersOf(record: object, prefix = '', found = new Map<string, number>()): Map<string, number> {
  for (const [key, value] of Object.entries(record)) {
    const name =
      prefix === '' ? key : key === 'mean' ? prefix : `${prefix}${key[0]?.toUpperCase() ?? ''}${key.slice(1)}`
    if (typeof value === 'number') found.set(name, value)
    else if (prefix === '' && isSpread(value)) numbersOf(value, key, found)
  }
  return found
}

/** A mean and its extremes, or the scores of an evaluation; a list is none. */
function isSpread(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

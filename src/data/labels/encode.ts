/** Sequences as the network reads them: values scaled by the training part, levels side by side, a token a step. */
import { endingIn, endingsOf } from './endings.ts'
import type { FittedSequenceColumn, FittedSequences, SequenceSchema } from './sequenceSchema.ts'
import { type Sequences, type StepColumn, sorted } from './sequences.ts'

/** So many levels at most stand side by side as values of 0 and 1; a category of more is a token. */
const SIDE_BY_SIDE = 16
/** Of a second category of many levels, the commonest stand side by side. */
const COMMONEST = 64
/** A category of so many levels is one of words, to which new ones come: how they end tells something. */
const OPEN = 1000

/** Sequences in numbers. */
export interface Encoded {
  /** Values a step; 0: none. */
  readonly width: number
  /** Tokens that there are; 0: none. */
  readonly vocabulary: number
  /** [N+1] */
  readonly starts: Int32Array
  /** [steps, width] */
  readonly values: Float32Array
  /** [steps]; empty without tokens. */
  readonly tokens: Int32Array
}

/** Measures the columns on the sequences of the training part, in their order. */
export function measureColumns(
  schema: SequenceSchema,
  { starts, columns }: Sequences,
  training: Int32Array,
): FittedSequenceColumn[] {
  const counts = columns.map((column) => countsOf(column, starts, training))
  const many = counts
    .map((count, k) => ({ k, levels: count?.size ?? 0 }))
    .filter(({ levels }) => levels > SIDE_BY_SIDE)
    .sort((a, b) => b.levels - a.levels || a.k - b.k)
  const token = schema.layout === 'letters' || schema.kind === 'next' ? 0 : many[0]?.k
  return columns.map((column, k) => {
    const measured = {
      name: column.name,
      mean: 0,
      std: 1,
      levels: [] as string[],
      endings: [] as string[],
      gaps: false,
    }
    const count = counts[k]
    if (count === null || count === undefined)
      return { ...measured, as: 'value', ...momentsOf(column, starts, training) }
    if (k === token) {
      const kept = new Set(frequent(count))
      const rare = [...count.keys()].filter((level) => !kept.has(level))
      const endings = kept.size >= OPEN ? endingsOf(rare) : []
      return { ...measured, as: 'token', levels: sorted([...kept]), endings }
    }
    const common = [...count].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).slice(0, COMMONEST)
    return { ...measured, as: 'levels', levels: sorted(common.map(([level]) => level)) }
  })
}

/**
 * The levels that have a token of their own: those that occur twice. What occurs once teaches what `<other>` means;
 * where hardly any level occurs twice, all are kept.
 */
function frequent(count: ReadonlyMap<string, number>): string[] {
  const twice = [...count].filter(([, n]) => n > 1).map(([level]) => level)
  return twice.length >= 2 ? twice : [...count.keys()]
}

/** How often each level is there; null of numbers. */
function countsOf(
  { values, levels }: StepColumn,
  starts: Int32Array,
  training: Int32Array,
): Map<string, number> | null {
  if (levels === null) return null
  const count = new Map<string, number>()
  for (const n of training) {
    for (let i = starts[n]!; i < starts[n + 1]!; i++) {
      const level = levels[values[i]!]
      if (level !== undefined) count.set(level, (count.get(level) ?? 0) + 1)
    }
  }
  return count
}

function momentsOf({ values }: StepColumn, starts: Int32Array, training: Int32Array) {
  let [n, sum, missing] = [0, 0, 0]
  const each = (take: (value: number) => void) => {
    for (const s of training) for (let i = starts[s]!; i < starts[s + 1]!; i++) take(values[i]!)
  }
  each((value) => {
    if (Number.isNaN(value)) missing++
    else {
      n++
      sum += value
    }
  })
  const mean = n > 0 ? sum / n : 0
  let squares = 0
  each((value) => {
    if (!Number.isNaN(value)) squares += (value - mean) ** 2
  })
  return { mean, std: Math.sqrt(squares / Math.max(1, n)) || 1, gaps: missing > 0.01 * (n + missing) }
}

/** Values a step of a column: a value and its flag, or a value for each level and one for `<other>`. */
export function widthOf({ as, levels, gaps }: FittedSequenceColumn): number {
  return as === 'token' ? 0 : as === 'levels' ? levels.length + 1 : gaps ? 2 : 1
}

/** The widths of what a network of these columns reads. */
export function widthsOf(columns: readonly FittedSequenceColumn[]): { width: number; vocabulary: number } {
  const token = columns.find(({ as }) => as === 'token')
  return {
    width: columns.reduce((sum, column) => sum + widthOf(column), 0),
    vocabulary: token === undefined ? 0 : token.levels.length + token.endings.length + 1,
  }
}

/** The place of a level, or of its ending after those of the levels; -1: it is none of them. */
function codesOf({ levels, endings: kinds }: FittedSequenceColumn): (level: string) => number {
  const places = new Map(levels.map((level, i) => [level, i]))
  const endings = new Map(kinds.map((ending, i) => [ending, levels.length + i]))
  return (level) => places.get(level) ?? endingIn(endings, level)
}

/** Writes one step of a sequence; `encode` does it for many. */
export interface StepEncoder {
  readonly width: number
  readonly vocabulary: number
  /**
   * Writes [width] values, which are 0 before, to x from `at` on, and returns the token (0 without tokens).
   * @param cells [columns] numbers, NaN: missing; of categories words, null: missing
   * @param last [columns] what is kept for the next step
   */
  put(cells: readonly (number | string | null)[], last: Float64Array, x: Float32Array, at: number): number
}

export function stepEncoder(columns: readonly FittedSequenceColumn[]): StepEncoder {
  const codes = columns.map((column) => (column.as === 'value' ? null : codesOf(column)))
  return {
    ...widthsOf(columns),
    put(cells, last, x, at) {
      let token = 0
      for (const [k, { as, mean, std, gaps, levels }] of columns.entries()) {
        const cell = cells[k]!
        if (as === 'value') {
          const missing = Number.isNaN(cell)
          if (!missing) last[k] = ((cell as number) - mean) / std
          x[at] = last[k]!
          if (gaps && missing) x[at + 1] = 1
        } else {
          const code = cell === null ? -1 : codes[k]!(cell as string)
          if (as === 'token') token = code + 1
          else x[at + (code < 0 ? levels.length : code)] = 1
        }
        at += widthOf(columns[k]!)
      }
      return token
    },
  }
}

export function encode({ starts, columns: steps }: Sequences, { columns }: Pick<FittedSequences, 'columns'>): Encoded {
  const { width, vocabulary } = widthsOf(columns)
  const count = starts.at(-1)!
  const values = new Float32Array(count * width)
  const tokens = new Int32Array(vocabulary > 0 ? count : 0)
  let at = 0
  for (const [k, fitted] of columns.entries()) {
    const step = steps[k]!
    if (fitted.as === 'value') putNumbers(step, fitted, starts, values, at, width)
    else {
      // The place after the last level is <other>; of tokens, 0 is.
      const codes = (step.levels ?? []).map(codesOf(fitted))
      for (let i = 0; i < count; i++) {
        const code = codes[step.values[i]!] ?? -1
        if (fitted.as === 'token') tokens[i] = code + 1
        else values[i * width + at + (code < 0 ? fitted.levels.length : code)] = 1
      }
    }
    at += widthOf(fitted)
  }
  return { width, vocabulary, starts, values, tokens }
}

/** A missing number is the last one of its sequence, and the mean before there is one. */
function putNumbers(
  { values }: StepColumn,
  { mean, std, gaps }: FittedSequenceColumn,
  starts: Int32Array,
  into: Float32Array,
  at: number,
  width: number,
): void {
  for (let n = 0; n + 1 < starts.length; n++) {
    let last = 0
    for (let i = starts[n]!; i < starts[n + 1]!; i++) {
      const missing = Number.isNaN(values[i]!)
      if (!missing) last = (values[i]! - mean) / std
      into[i * width + at] = last
      if (gaps && missing) into[i * width + at + 1] = 1
    }
  }
}

/** The first rows of a source, for decisions that must not wait until all of a large file is read. */
import type { Batch, Source } from './source.ts'

/** A source that ends early. */
export interface FirstRows extends Source {
  /** Whether there are rows behind those; known once they were read to the end. */
  readonly cut: boolean
}

/** @param most rows at most, 1 or more */
export function firstRows(source: Source, most: number): FirstRows {
  let cut = false
  async function* batches(): AsyncGenerator<Batch> {
    let left = most
    for await (const batch of source.batches()) {
      cut ||= batch.rows > left
      if (left > 0) yield { ...batch, rows: Math.min(batch.rows, left) }
      left -= Math.min(batch.rows, left)
      if (cut) return
    }
  }
  return {
    name: source.name,
    columns: source.columns,
    places: source.places,
    batches,
    // The share of the whole that was read foretells rows that will not come.
    share: () => undefined,
    ...(source.decimalComma !== undefined && { decimalComma: source.decimalComma }),
    get cut() {
      return cut
    },
  }
}

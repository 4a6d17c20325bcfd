/** Where rows come from: what every reader is to the rest of this room. It is read once or several times. */

export interface Source {
  /** What messages call it. */
  readonly name: string
  readonly columns: readonly string[]
  /** What `Batch.placeOf` counts. */
  readonly places: 'line' | 'row'
  /** The rows from the first on, as they are now. */
  batches(): AsyncIterable<Batch>
  /** The share of the whole that has been read, 0 … 1; undefined if nobody knows the whole. */
  share(): number | undefined
  /** A sign that numbers have a decimal comma where their texts leave it open: fields divided by semicolons. */
  readonly decimalComma?: boolean
}

/** Some rows, of all columns: as bytes or as values of JavaScript. */
export type Batch = FieldBatch | CellBatch

export interface FieldBatch {
  readonly kind: 'fields'
  readonly rows: number
  readonly bytes: Uint8Array
  /** The field of column c in row r is bytes [starts[f], ends[f]) with f = first + r·stride + order[c]. */
  readonly starts: Int32Array
  readonly ends: Int32Array
  readonly first: number
  readonly stride: number
  /** [columns]; where each column of the source lies in this file. */
  readonly order: readonly number[]
  placeOf(row: number): number
}

export interface CellBatch {
  readonly kind: 'cells'
  readonly rows: number
  /** [columns][rows]; numbers, words, booleans, Dates, bigints, null or undefined. */
  readonly cells: readonly ArrayLike<unknown>[]
  placeOf(row: number): number
}

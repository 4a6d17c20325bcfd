/** A table is columns in memory: what every reader makes, and what schemas and windows are made from. */

/** Columns of the same length. */
export interface Table {
  /** What messages call it: the file, or `table`. */
  readonly name: string
  readonly rows: number
  readonly columns: readonly Column[]
  /** The words that mean "no value", if they were said. */
  readonly missing?: readonly string[]
  /** How its texts are written, as far as it was said. */
  readonly written?: Written
}

/** How texts are written, where that was said and not inferred: rows that come later are written alike. */
export interface Written {
  /** The decimal mark. */
  readonly decimal?: '.' | ',' | undefined
  /** Whether `01/02/2015` is the first of February. */
  readonly dayFirst?: boolean | undefined
  /** Of CSV: one character between fields. */
  readonly delimiter?: string | undefined
  readonly encoding?: 'utf-8' | 'latin1' | undefined
}

/** Values of one kind under a name. */
export type Column = NumberColumn | CategoryColumn | TimeColumn

/** Numbers. A flag (yes/no, true/false, 0/1) is a column of 0 and 1 with `flag: true`. */
export interface NumberColumn {
  readonly name: string
  readonly type: 'number'
  /** [rows]; NaN: missing. */
  readonly values: Float64Array | Float32Array
  readonly flag?: boolean
}

/** Words. A column whose rows all have a level of their own (names, ids, free text) is one too. */
export interface CategoryColumn {
  readonly name: string
  readonly type: 'category'
  /** [rows]; indices of `levels`; -1: missing. */
  readonly codes: Int32Array
  /** In order of first appearance; each occurs in `codes`. */
  readonly levels: readonly string[]
}

/** Moments. */
export interface TimeColumn {
  readonly name: string
  readonly type: 'time'
  /** [rows]; milliseconds since 1970-01-01T00:00Z; NaN: missing. */
  readonly values: Float64Array
  /** How the source wrote them, e.g. `YYYY-MM-DD HH:mm`, `DD.MM.YYYY`, `unix seconds`, `year`. */
  readonly format: string
}

/** What `openTable` makes: the table, and what it found, decided and mended on the way. */
export interface OpenedTable extends Table {
  readonly report: TableReport
}

/** What was read and how: plain data, for a person and for a stored schema. */
export interface TableReport {
  /** The files, as they were named; empty for data from memory. */
  readonly files: readonly string[]
  readonly format: TableFormat
  /** Of CSV. */
  readonly delimiter?: string
  /** Of CSV: whether the first line was names. */
  readonly header?: boolean
  readonly columns: readonly ColumnReport[]
  /** What a person should know, in the order in which it was found. */
  readonly notes: readonly TableNote[]
}

/** What a table was read from. */
export type TableFormat = 'csv' | 'jsonl' | 'json' | 'npy' | 'npz' | 'parquet' | 'sql' | 'rows' | 'columns'

/** What was found and decided of a column. */
export interface ColumnReport {
  readonly name: string
  /** `text`: a category of which (nearly) every row has its own level; it is stored as a category. */
  readonly type: ColumnType
  /** The reason for the type in words, e.g. `numbers with a decimal comma`. */
  readonly why: string
  /** How many rows have no value. */
  readonly missing: number
  /** How many values there are: levels of a category; of numbers and moments not counted beyond 1,001. */
  readonly distinct: number
  /** The least value: of numbers, and of moments in milliseconds; absent if there is none. */
  readonly min?: number
  readonly max?: number
}

/** Kinds of columns, as a person may name them. */
export type ColumnType = 'number' | 'category' | 'flag' | 'time' | 'text'

/** What a person should know of a table. */
export interface TableNote {
  /** A note tells what was decided; a warning, what may be wrong. */
  readonly level: 'note' | 'warning'
  /** What it is about, for programs: e.g. `no-header`, `missing-words`, `numbers`, `time`, `zone-doubled`. */
  readonly kind: string
  readonly column?: string
  /** One line for a person. */
  readonly text: string
}

/** Tables of your own data, in Node: from files, rows or columns, with the types of their columns. */

export { openTable, type TableSource } from './table/openTable.node.ts'
export type { TableOptions } from './table/options.ts'
export type { Cells, Row } from './table/rows.ts'
export type {
  CategoryColumn,
  Column,
  ColumnReport,
  ColumnType,
  NumberColumn,
  OpenedTable,
  Table,
  TableFormat,
  TableNote,
  TableReport,
  TimeColumn,
} from './table/table.ts'

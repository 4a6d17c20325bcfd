/** Arrays of NumPy as a source of rows. */
import { InputError } from '../error.ts'
import type { NpyArray } from '../formats/npy.ts'
import { type Cells, columnSource } from './rows.ts'
import type { Source } from './source.ts'

/**
 * Arrays of which the first dimension is the rows: [N] is a column, [N, C] are C of them. With one array
 * [N, T, I], N sequences of T steps, rows are steps: the columns are `id` (the sequence, from 0), the I values of each
 * step, and the other arrays, [N], whose value stands in each step of its sequence.
 * @param arrays by name; a single array without a name has the columns `value`, or `value1`, `value2` …
 * @throws InputError for arrays of different lengths, of more dimensions, or without elements
 */
export function npySource(what: string, arrays: ReadonlyMap<string, NpyArray>): Source {
  const three = [...arrays].filter(([, { shape }]) => shape.length === 3)
  if (three.length > 1) {
    const names = three.map(([name]) => name).join(' and ')
    throw new InputError(`${what}: expected one array of sequences [N, T, I] but ${names} are such: save them apart`)
  }
  const [first] = [...arrays.values()]
  if (first === undefined) throw new InputError(`${what}: expected arrays but there are none in it`)
  const repeat = three[0]?.[1].shape[1] ?? 1
  const N = three[0]?.[1].shape[0] ?? first.shape[0] ?? 1
  const columns = new Map<string, Cells>()
  if (three.length > 0)
    columns.set(
      'id',
      Float64Array.from({ length: N * repeat }, (_, r) => Math.floor(r / repeat)),
    )
  for (const [name, array] of arrays) {
    const { shape } = array
    if (shape.length < 1 || shape.length > 3 || (shape.length === 2 && three.length > 0)) {
      const expected =
        three.length > 0 ? 'a value for each sequence, [N]' : 'rows, [N] or [N, C], or sequences, [N, T, I]'
      throw new InputError(`${what}: ${name || 'array'}: expected ${expected} but its shape is [${shape.join(', ')}]`)
    }
    if (shape[0] !== N)
      throw new InputError(`${what}: ${name}: expected ${N} rows, as before, but its shape is [${shape.join(', ')}]`)
    addColumns(columns, name || 'value', array, shape.length === 3 ? 1 : repeat)
  }
  return columnSource(what, columns)
}

/** The columns of one array, whose rows stand `repeat` times each. */
function addColumns(columns: Map<string, Cells>, name: string, { data, shape, kind }: NpyArray, repeat: number): void {
  const C = shape.length === 1 ? 1 : shape.at(-1)!
  const rows = C === 0 ? 0 : data.length / C
  for (let c = 0; c < C; c++) {
    const column = columnOf(data, kind, c, C, rows, repeat)
    columns.set(C === 1 ? name : `${name}${c + 1}`, column)
  }
}

function columnOf(
  data: NpyArray['data'],
  kind: NpyArray['kind'],
  c: number,
  C: number,
  rows: number,
  repeat: number,
): Cells {
  const at = (r: number) => data[Math.floor(r / repeat) * C + c]!
  const length = rows * repeat
  if (kind === 'time') return Array.from({ length }, (_, r) => new Date(at(r) as number))
  if (kind === 'boolean') return Array.from({ length }, (_, r) => at(r) === 1)
  if (kind === 'text') return Array.from({ length }, (_, r) => at(r))
  const column = new Float64Array(length)
  for (let r = 0; r < length; r++) column[r] = at(r) as number
  return column
}

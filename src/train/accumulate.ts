/** Gradients of several minibatches, added up as if they were one. */
import type { Engine, Floats } from '../backend/backend.ts'
import { DISPOSE } from '../backend/lifetime.ts'
import { type Memory, withMemory } from '../layers/layer.ts'
import type { Gradients, RowGradient } from '../model/gradients.ts'
import type { Parameter } from '../model/parameters.ts'

export interface Accumulator extends Disposable {
  /** The sums. */
  readonly gradients: Gradients
  /** The sums are 0 again. */
  clear(): void
  /** Adds what the last backward left. */
  add(): void
  scale(factor: number): void
  /** Gives its memory back; a second time it does nothing. */
  dispose(): void
}

/**
 * @param of the gradients of one minibatch
 * @param minibatches how many are added at most
 * @returns null for one, which needs no sums
 */
export function accumulatorOf(
  backend: Engine,
  of: Gradients,
  minibatches: number,
  parameters: readonly Parameter[],
): Accumulator | null {
  return minibatches > 1 ? withMemory(backend, (arena) => accumulator(arena, of, minibatches, parameters)) : null
}

function accumulator(arena: Memory, of: Gradients, minibatches: number, parameters: readonly Parameter[]): Accumulator {
  const { backend } = arena
  const dense = arena.floats(of.dense.length)
  const tables = of.tables.map((table) => rowSum(arena, table, minibatches * table.rows.length, parameters))
  return {
    gradients: { start: of.start, dense, tables },
    clear() {
      dense.fill(0)
      for (const table of tables) table.clear()
    },
    add() {
      addDense(backend, of.dense, dense)
      for (let i = 0; i < tables.length; i++) tables[i]!.add(of.tables[i]!)
    },
    scale(factor) {
      scaleGradients(backend, { dense, tables }, factor)
    },
    dispose: () => arena.release(),
    [DISPOSE]: () => arena.release(),
  }
}

export function scaleGradients(backend: Engine, { dense, tables }: Omit<Gradients, 'start'>, factor: number): void {
  backend.scale(dense.length, factor, dense)
  for (const { count, width, values } of tables) backend.scale(count * width, factor, values)
}

/** Adds a dense gradient to another. */
export function addDense(backend: Engine, from: Floats, to: Floats): void {
  backend.copy_columns(1, from.length, from, from.length, 0, to, from.length, 0, 1)
}

/** A sum of gradients that are kept by rows: each row once, in the order in which they came first. */
export interface RowSum extends RowGradient {
  clear(): void
  /** Adds rows of the same table, of which each comes once. */
  add(from: Pick<RowGradient, 'rows' | 'values' | 'count'>): void
}

/**
 * @param of the table
 * @param most rows of all that is added
 */
export function rowSum(
  arena: Memory,
  { start, width }: Pick<RowGradient, 'start' | 'width'>,
  most: number,
  parameters: readonly Parameter[],
): RowSum {
  const backend: Engine = arena.backend
  const height = parameters.find((parameter) => parameter.start === start)!.data.length / width
  const room = Math.min(height, most)
  const rows = arena.ints(room)
  const values: Floats = arena.floats(room * width)
  const slots = arena.ints(room)
  const places = new Int32Array(height) // for each row, 1 + its place; 0: none
  let count = 0
  return {
    start,
    width,
    rows,
    values,
    get count() {
      return count
    },
    clear() {
      for (let i = 0; i < count; i++) places[rows[i]!] = 0
      count = 0
    },
    add(from) {
      const before = count
      for (let i = 0; i < from.count; i++) {
        const row = from.rows[i]!
        if (places[row] === 0) {
          rows[count] = row
          places[row] = ++count
        }
        slots[i] = places[row]! - 1
      }
      values.fill(0, before * width, count * width)
      backend.embedding_backward(from.count, width, slots, from.values, values)
    },
  }
}

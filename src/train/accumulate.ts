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
  const n = of.dense.length
  const dense = arena.floats(n)
  const tables = of.tables.map((table) => {
    const { length } = parameters.find(({ start }) => start === table.start)!.data
    return tableSum(arena, table, minibatches, length / table.width)
  })
  return {
    gradients: { start: of.start, dense, tables },
    clear() {
      dense.fill(0)
      for (const table of tables) table.clear()
    },
    add() {
      backend.copy_columns(1, n, of.dense, n, 0, dense, n, 0, 1)
      for (const table of tables) table.add()
    },
    scale(factor) {
      backend.scale(n, factor, dense)
      for (const { count, width, values } of tables) backend.scale(count * width, factor, values)
    },
    dispose: () => arena.release(),
    [DISPOSE]: () => arena.release(),
  }
}

interface TableSum extends RowGradient {
  clear(): void
  add(): void
}

/** The rows of all minibatches, each once. */
function tableSum(arena: Memory, of: RowGradient, minibatches: number, height: number): TableSum {
  const { start, width } = of
  const backend: Engine = arena.backend
  const most = Math.min(height, minibatches * of.rows.length)
  const rows = arena.ints(most)
  const values: Floats = arena.floats(most * width)
  const slots = arena.ints(of.rows.length)
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
    add() {
      const before = count
      for (let i = 0; i < of.count; i++) {
        const row = of.rows[i]!
        if (places[row] === 0) {
          rows[count] = row
          places[row] = ++count
        }
        slots[i] = places[row]! - 1
      }
      values.fill(0, before * width, count * width)
      backend.embedding_backward(of.count, width, slots, of.values, values)
    },
  }
}

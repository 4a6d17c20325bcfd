/** Sums gradients that are kept by rows as a balanced binary tree. */
import { inTree } from '../distributed/group.ts'
import type { Memory } from '../layers/layer.ts'
import type { RowGradient } from '../model/gradients.ts'
import type { Parameter } from '../model/parameters.ts'
import { type RowSum, rowSum } from './accumulate.ts'

export type RowLeaf = Pick<RowGradient, 'rows' | 'values' | 'count'>

/** The sum of as many leaves as it was made for; of one, that one. */
export interface RowTree {
  /** Where `sum` leaves it, in the same arrays each time. */
  readonly root: RowGradient
  sum(): void
}

/**
 * A row that a leaf does not have counts as 0 there. The rows of the sum stand in the order in which they come first,
 * leaf by leaf, so that whoever adds up numbers over all of them (the norm) gets the same bits however leaves are
 * grouped.
 * @param table which the leaves are of; where there is one leaf, that leaf
 * @param leaves a power of two of them, read at each `sum`
 */
export function rowTree(
  arena: Memory,
  table: RowGradient,
  leaves: readonly RowLeaf[],
  parameters: readonly Parameter[],
): RowTree {
  const n = leaves.length
  if (n === 1) return { root: table, sum: () => {} }
  const spans = new Array<number>(n).fill(1) // leaves below the highest node that begins here
  inTree(n, (i, j) => {
    spans[i]! += spans[j]!
  })
  // Leaves are never written: a node is a sum of its own, and every second leaf only goes into that of its neighbour.
  const nodes = spans.map((span, i): RowSum | null =>
    span === 1
      ? null
      : rowSum(
          arena,
          table,
          leaves.slice(i, i + span).reduce((most, leaf) => most + leaf.rows.length, 0),
          parameters,
        ),
  )
  return {
    root: nodes[0]!,
    sum() {
      for (const [i, node] of nodes.entries()) {
        node?.clear()
        node?.add(leaves[i]!)
      }
      inTree(n, (i, j) => nodes[i]!.add(nodes[j] ?? leaves[j]!))
    },
  }
}

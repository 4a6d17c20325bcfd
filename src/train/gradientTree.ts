/** Sums the gradients of parts, those of this process and then those of all ranks, as one balanced binary tree. */
import { type Group, inTree } from '../distributed/group.ts'
import type { Memory } from '../layers/layer.ts'
import type { Gradients, RowGradient } from '../model/gradients.ts'
import type { Parameter } from '../model/parameters.ts'
import { addDense } from './accumulate.ts'
import { type RowLeaf, type RowTree, rowTree } from './rowTree.ts'

export interface GradientTree {
  /** The sum, in the same arrays each time. */
  readonly gradients: Gradients
  /** Sums what is in the leaves. Dense gradients are added up in those of the leaves. */
  sum(): void
}

/** @param leaves the gradients of each part of this process: a power of two of them, as many on every rank */
export function gradientTree(
  arena: Memory,
  leaves: readonly Gradients[],
  group: Group,
  parameters: readonly Parameter[],
): GradientTree {
  const { start, dense, tables } = leaves[0]!
  const here = tables.map((table, k) =>
    rowTree(
      arena,
      table,
      leaves.map((leaf) => leaf.tables[k]!),
      parameters,
    ),
  )
  const all = group.size === 1 ? here : here.map(({ root }) => overRanks(arena, root, group, parameters))
  return {
    gradients: { start, dense, tables: all.map(({ root }) => root) },
    sum() {
      inTree(leaves.length, (i, j) => addDense(arena.backend, leaves[j]!.dense, leaves[i]!.dense))
      group.sumTree(dense)
      for (const tree of here) tree.sum()
      if (all !== here) for (const tree of all) tree.sum()
    },
  }
}

/** The sum over the ranks of what each has: every rank gathers the rows of all, and adds them up by itself. */
function overRanks(arena: Memory, own: RowGradient, group: Group, parameters: readonly Parameter[]): RowTree {
  const { width } = own
  const most = own.rows.length
  const into = { rows: arena.ints(group.size * most), values: arena.floats(group.size * most * width) }
  const leaves = Array.from({ length: group.size }, () => ({
    rows: into.rows.subarray(0, most),
    values: into.values,
    count: 0,
  }))
  const tree = rowTree(arena, own, leaves satisfies readonly RowLeaf[], parameters)
  return {
    root: tree.root,
    sum() {
      let at = 0
      for (const [rank, count] of group.gatherRows(own.count, width, own, into).entries()) {
        const leaf = leaves[rank]!
        const { rows, values } = rank === group.rank ? own : into
        const from = rank === group.rank ? 0 : at
        leaf.rows = rows.subarray(from, from + count)
        leaf.values = values.subarray(from * width, (from + count) * width)
        leaf.count = count
        at += count
      }
      tree.sum()
    },
  }
}

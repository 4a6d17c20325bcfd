/** How an optimiser updates a part of the weights: kernels, bound to what they work on. */
import type { Engine, Floats } from '../backend/backend.ts'
import type { Memory } from '../layers/layer.ts'
import type { RowGradient } from '../model/gradients.ts'
import type { RecurrentMatrix } from '../model/parameters.ts'

/** What updates weights one by one, as the specs of optimisers say it. */
export type Elementwise =
  | { readonly kind: 'sgd'; readonly momentum: number }
  | { readonly kind: 'rmsprop'; readonly alpha: number; readonly eps: number }
  | {
      readonly kind: 'adam' | 'adamw'
      readonly beta1: number
      readonly beta2: number
      readonly eps: number
      readonly weightDecay?: number
    }

/**
 * How rows of a table are updated for which a minibatch has no gradient: by a gradient of 0 (dense), not at all (lazy),
 * or densely in tables of at most 10 million numbers (auto).
 */
export type TableUpdate = 'auto' | 'dense' | 'lazy'

/** A dense pass over so many numbers takes some 10 ms of one core, as long as the memory takes to bring them. */
const DENSE_MOST = 10_000_000

/** A part of the weights: from `start` on, before `end`. */
export interface Range {
  readonly start: number
  readonly end: number
}

/** One update at a rate, the first being iteration 1. */
export type Rule = (lr: number, iteration: number) => void

/** The weights that a gradient is of, and the two arrays of their state that there may be. */
export type Part = readonly [w: Floats, first: Floats | null, second: Floats | null]

export function cut(weights: Floats, [first, second]: readonly Floats[], start: number, end?: number): Part {
  const part = (array: Floats | undefined) => array?.subarray(start, end) ?? null
  return [weights.subarray(start, end), part(first), part(second)]
}

/**
 * The matrices whose gradients are dense, and what lies before, between and after them: [from, to) among the weights.
 * What is frozen is in neither.
 */
export function divide(
  start: number,
  length: number,
  recurrent: readonly RecurrentMatrix[],
  frozen: readonly Range[],
): { matrices: readonly RecurrentMatrix[]; gaps: readonly (readonly [number, number])[] } {
  const end = start + length
  const isFrozen = (at: number) => frozen.some((range) => at >= range.start && at < range.end)
  const inside = recurrent.filter((matrix) => matrix.start >= start && matrix.start < end)
  const apart = [...inside.map(({ start, H }) => ({ start, end: start + H * H })), ...frozen]
  const gaps: (readonly [number, number])[] = []
  let from = start
  for (const range of [...apart.sort((a, b) => a.start - b.start), { start: end, end }]) {
    const to = Math.min(range.start, end)
    if (to > from) gaps.push([from, to])
    from = Math.max(from, range.end)
  }
  return { matrices: inside.filter(({ start }) => !isFrozen(start)), gaps }
}

export function denseRule(spec: Elementwise, backend: Engine, g: Floats, [w, first, second]: Part): Rule {
  const n = g.length
  if (spec.kind === 'sgd') return (lr) => backend.sgd_update(n, lr, spec.momentum, w, g, first)
  if (spec.kind === 'rmsprop') return (lr) => backend.rmsprop_update(n, lr, spec.alpha, spec.eps, w, g, first!)
  const { beta1, beta2, eps, weightDecay = 0 } = spec
  return (lr, k) => {
    const [c1, c2] = [1 - beta1 ** k, 1 - beta2 ** k]
    backend.adam_update(n, lr, beta1, beta2, eps, weightDecay, c1, c2, w, g, first!, second!)
  }
}

export function muonRule(
  { momentum, weightDecay }: { readonly momentum: number; readonly weightDecay: number },
  backend: Engine,
  { H, identity, g, work }: { H: number; identity: number; g: Floats; work: Floats },
  [w, m]: Part,
): Rule {
  return (lr) => backend.muon_update(H, lr, momentum, weightDecay, identity, w, g, m!, work)
}

/** @param part the whole table */
export function tableRules(
  spec: Elementwise,
  arena: Memory,
  table: RowGradient,
  update: TableUpdate,
  part: Part,
): Rule[] {
  const { backend } = arena
  const rules = [rowRule(spec, backend, table, part)]
  const moves = spec.kind !== 'sgd' || spec.momentum > 0
  const size = part[0].length
  const dense = update === 'dense' || (update === 'auto' && size <= DENSE_MOST)
  if (dense && moves) rules.push(rowRule(spec, backend, otherRows(arena, table, size / table.width), part))
  return rules
}

/** What a rule reads of rows and their gradients; null is 0. */
interface Rows extends Pick<RowGradient, 'width' | 'rows' | 'count'> {
  readonly values: Floats | null
}

/** The rows of a table that have no gradient. Asking for their count finds them. */
function otherRows(arena: Memory, table: RowGradient, height: number): Rows {
  const rows = arena.ints(height)
  const touched = new Uint8Array(height)
  return {
    width: table.width,
    rows,
    values: null,
    get count() {
      touched.fill(0)
      for (let i = 0; i < table.count; i++) touched[table.rows[i]!] = 1
      let count = 0
      for (let row = 0; row < height; row++) {
        rows[count] = row
        if (touched[row] === 0) count++
      }
      return count
    },
  }
}

function rowRule(spec: Elementwise, backend: Engine, table: Rows, [w, first, second]: Part): Rule {
  const { rows, width: E, values: g } = table
  if (spec.kind === 'sgd') {
    return (lr) => backend.sgd_update_rows(table.count, E, rows, lr, spec.momentum, w, g, first)
  }
  if (spec.kind === 'rmsprop') {
    return (lr) => backend.rmsprop_update_rows(table.count, E, rows, lr, spec.alpha, spec.eps, w, g, first!)
  }
  const { beta1, beta2, eps, weightDecay = 0 } = spec
  return (lr, k) => {
    const [c1, c2] = [1 - beta1 ** k, 1 - beta2 ** k]
    backend.adam_update_rows(table.count, E, rows, lr, beta1, beta2, eps, weightDecay, c1, c2, w, g, first!, second!)
  }
}

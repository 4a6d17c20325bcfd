/** Parameters that training leaves alone. */

import { InputError } from '../error.ts'
import type { Gradients } from '../model/gradients.ts'
import { chosen, type Parameter } from '../model/parameters.ts'
import type { TrainSpec } from './options.ts'

/** @throws InputError for a name that no parameter has, and where none is left to train */
export function frozenOf({ frozen }: TrainSpec, parameters: readonly Parameter[]): readonly Parameter[] {
  const found = chosen('training: frozen', frozen, parameters)
  if (found.length < parameters.length) return found
  throw new InputError('training: frozen: expected a parameter that is left to train but all are frozen: freeze fewer')
}

/** What is frozen has no gradient: the norm is of the others. */
export function clearFrozen({ start, dense }: Gradients, frozen: readonly Parameter[]): void {
  for (const { start: from, data } of frozen) {
    if (from >= start && from < start + dense.length) dense.fill(0, from - start, from - start + data.length)
  }
}

/** The tables that are not frozen. */
export function movedTables(tables: Gradients['tables'], frozen: readonly Parameter[]): Gradients['tables'] {
  return tables.filter((table) => frozen.every((parameter) => parameter.start !== table.start))
}

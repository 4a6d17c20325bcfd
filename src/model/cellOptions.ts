/** Options that some cells have and others do not: what the table of cells says of them. */
import { InputError } from '../error.ts'
import cells, { type BiasOptions, type Cell, type CellOptions } from '../layers/cells.ts'

type CellOption = NonNullable<(typeof cells)[Cell]['options'][keyof CellOptions]>

/** The options of these cells, or of all, each once. */
export function cellOptions(
  of: readonly Cell[] = Object.keys(cells) as Cell[],
): [name: keyof CellOptions, option: CellOption][] {
  const all = of.flatMap((cell) => Object.entries(cells[cell].options))
  return [...new Map(all)] as ReturnType<typeof cellOptions>
}

/** Those that a model's spec holds: each is the initial bias of a gate. */
export function biasOptions(of?: readonly Cell[]): [name: keyof BiasOptions, option: Required<CellOption>][] {
  return cellOptions(of).filter(([, { gate }]) => gate !== undefined) as ReturnType<typeof biasOptions>
}

/**
 * Refuses options that the cell does not have.
 * @param message makes the message of the error from an option's name and the reason why only other cells have it
 * @throws InputError
 */
export function refuseOptions(cell: Cell, given: CellOptions, message: (name: string, only: string) => string): void {
  for (const [name, { only }] of cellOptions()) {
    if (given[name] !== undefined && !(name in cells[cell].options)) throw new InputError(message(name, only))
  }
}

/** States of all ranks as one. */
import type { Floats } from '../backend/backend.ts'
import type { Group } from '../distributed/group.ts'
import type { State } from '../model/model.ts'
import { joinedStates } from '../model/state.ts'

/**
 * @param state of the rows of this rank; every rank has as many
 * @param H units of a layer
 */
export function gatheredStates(group: Group, { B, h, c }: State, H: number): State {
  const bytesOf = (array: Floats) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength)
  const gathered = (array: Floats): Floats[] =>
    group.gather(bytesOf(array)).map((bytes) => {
      const copy = array.slice()
      bytesOf(copy).set(bytes)
      return copy
    })
  const all = gathered(h)
  const cells = c && gathered(c)
  return joinedStates(
    all.map((h, rank) => ({ B, h, c: cells && cells[rank]! })),
    H,
  )
}

/** When a run saves a checkpoint. */
import { InputError, refuseUnknown, shown } from '../error.ts'

const SECONDS_BETWEEN_CHECKPOINTS = 60

export interface CheckpointClock {
  /** An iteration was done: there is something to save. */
  changed(): void
  /** Whether to save now; the time is taken as that of the save. */
  due(iteration: number): boolean
  /** Whether to save at the end. */
  atEnd(): boolean
}

/**
 * When to save: every so many iterations or, with null, once a minute; in the end unless nothing has happened since.
 */
export function checkpointClock(options: { readonly every?: number | null | undefined }): CheckpointClock {
  refuseUnknown('checkpoints', options, ['every'])
  const { every = null } = options
  if (every !== null && !(Number.isSafeInteger(every) && every >= 1)) {
    throw new InputError(`checkpoints: every: expected a whole number >= 1 but received ${shown(every)}`)
  }
  let saved = performance.now()
  let dirty = true
  return {
    changed(): void {
      dirty = true
    },
    due(iteration: number): boolean {
      const due =
        every !== null ? iteration % every === 0 : performance.now() - saved > 1000 * SECONDS_BETWEEN_CHECKPOINTS
      if (!due) return false
      saved = performance.now()
      dirty = false
      return true
    },
    atEnd: () => dirty,
  }
}

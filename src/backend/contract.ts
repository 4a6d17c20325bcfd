/** Whether built kernels are those that this code was written for: an old build would be given wrong arguments. */
import { KERNELS } from './reference/index.ts'

/**
 * What is wrong with a build, for people; null if nothing.
 * @param counts how many arguments each of its kernels takes, by name; undefined for builds that do not say it yet
 */
export function otherThanCode(counts: Readonly<Record<string, number | undefined>> | undefined): string | null {
  if (counts === undefined) return 'it is older than the code'
  for (const [name, { length }] of Object.entries(KERNELS)) {
    const count = counts[name]
    if (count === undefined) return `it is older than the code: it has no ${name}`
    if (count !== length) return `it is of other code: its ${name} takes ${count} arguments, not ${length}`
  }
  return null
}

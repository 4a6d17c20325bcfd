/** What was measured of the pages, beside its bars. */
import type { Verdict } from '../results.ts'
import type { million, slowdown, tailToPixel } from './dashboard.ts'
import { type digitRead, growthOf, type longTasks, type Memory } from './playground.ts'

type Of<T extends (...given: never[]) => Promise<unknown>> = Awaited<ReturnType<T>>

/** null: it was not wanted. */
export interface Measured {
  readonly tail: Of<typeof tailToPixel> | null
  readonly digit: Of<typeof digitRead> | null
  readonly tasks: Of<typeof longTasks> | null
  /** One thread, then all cores. */
  readonly slow: readonly Of<typeof slowdown>[] | null
  readonly memory: readonly Memory[] | null
  readonly million: (Of<typeof million> & { readonly server: number }) | null
}

/** MB an hour; of a shorter time at least one, for that much is noise. */
const GROWTH = 10

export function claimsOf({ tail, digit, tasks, slow, memory, million }: Measured): Verdict[] {
  const claim = (text: string, holds: boolean, measured: string): Verdict => ({ text, holds, measured })
  const claims: Verdict[] = []
  if (tail) {
    const said = `${tail.p95} ms; median ${tail.median}, most ${tail.most}, of ${tail.records}`
    claims.push(claim('of 20 records 19 are pixels at most 250 ms after they were appended', tail.p95 <= 250, said))
  }
  if (million) {
    const { asked, whole, read, pan, server } = million
    const said = `${asked} ms; ${whole} from the address on; read in ${read} s`
    claims.push(
      claim('a million records, once read: a picture at most 300 ms after the page asks for it', asked <= 300, said),
      claim(
        'the part in view of a million records moves: 19 of 20 frames on time, at most 16 ms of work a frame',
        pan.p95 <= 17.5 && pan.work <= 16,
        `${pan.p95} ms between frames, ${pan.work} ms of work, ${pan.frames} frames`,
      ),
      claim('the server of a million records has at most 300 MB resident', server <= 300, `${server} MB`),
    )
  }
  if (digit) {
    const said = `${digit.median} ms; most ${digit.most} of ${digit.times}`
    claims.push(claim('a digit is being read within a second, at the median', digit.median <= 1000, said))
  }
  if (tasks) {
    const { seconds, iterations } = tasks
    const long = tasks.tasks.length > 0 ? `, of ${tasks.tasks} ms` : ''
    const said = `${tasks.tasks.length} in ${seconds} s and ${iterations} iterations${long}`
    claims.push(claim('while two networks train, no task of the page takes over 50 ms', tasks.tasks.length === 0, said))
  }
  for (const { words, slower, typical, share, empty, alone } of slow ?? []) {
    const percent = (share: number) => `${(100 * share).toFixed(1)} %`
    const took = `${percent(share)} of a core, ${percent(empty)} with an empty page`
    const turns = `${alone.length} turns of 8 s, in which browser and server took ${took}`
    const said = `${percent(slower)} by the best, ${percent(typical)} by the medians of ${turns}`
    const on = words.includes('--threads 1') ? 'one thread' : 'all cores'
    claims.push(claim(`an open dashboard slows a run on ${on} by at most 1 %`, slower <= 0.01, said))
    // The same without what else the machine does: threads of a training wait for the one that is held up.
    const more = `it takes at most 1 % of a core more than an empty page, beside a run on ${on}`
    if (on === 'all cores') claims.push(claim(more, share - empty <= 0.01, percent(share - empty)))
  }
  for (const page of memory ? (['dashboard', 'playground'] as const) : []) {
    const { minutes } = memory!.at(-1)!
    const [grown, most] = [growthOf(memory!, page), Math.max(1, (GROWTH / 60) * minutes)]
    const peak = Math.max(...memory!.map((sample) => sample[page]))
    const said = `${grown.toFixed(2)} MB in ${minutes.toFixed(1)} minutes, ${peak} MB at most`
    const text = `the heap of the ${page} is flat: it grows by at most ${most.toFixed(1)} MB`
    claims.push(claim(text, grown <= most && peak <= 150, said))
  }
  return claims
}

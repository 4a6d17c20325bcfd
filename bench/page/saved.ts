/** What results/page-DATE.json holds: parts that were measured together, or one by one on that day. */
import type { Verdict } from '../results.ts'
import type { Measured } from './claims.ts'

export interface Stamp {
  readonly date: string
  readonly commit: string
}

export interface Saved extends Measured, Stamp {
  /** Of each part when it was measured, and the code that was; absent in older files, where the file says it. */
  readonly measured?: Readonly<Partial<Record<keyof Measured, Stamp>>>
  readonly claims: readonly Verdict[]
}

/**
 * Parts measured now, each with a stamp, and of those that were not the earlier ones with theirs.
 * @param earlier null: there are none
 */
export function withEarlier(now: Measured, { date, commit }: Stamp, earlier: Saved | null) {
  const parts = Object.keys(now) as (keyof Measured)[]
  const isNew = (part: keyof Measured) => now[part] !== null || !earlier
  const all = parts.map((part) => [part, isNew(part) ? now[part] : (earlier![part] ?? null)])
  const stamps = parts.flatMap((part) => {
    if (((isNew(part) ? now : earlier!)[part] ?? null) === null) return []
    const before = earlier && (earlier.measured?.[part] ?? { date: earlier.date, commit: earlier.commit })
    return [[part, isNew(part) ? { date, commit } : before]]
  })
  return {
    measured: Object.fromEntries(stamps) as Readonly<Partial<Record<keyof Measured, Stamp>>>,
    parts: Object.fromEntries(all) as unknown as Measured,
  }
}

/** Each bar, with what was measured. @param link to the results */
export function barsOf({ claims, date, commit, measured = {} }: Saved, link: string): string {
  const lines = claims.map(({ text, holds, measured }) => `- ${holds ? 'held' : '**FAILED**'}: ${text}: ${measured}`)
  const others = Object.entries(measured).filter(([, stamp]) => stamp.date !== date || stamp.commit !== commit)
  const older = others.map(([part, stamp]) => `${part} of commit ${stamp.commit} (${stamp.date})`)
  const notes = older.length > 0 ? `; ${older.join(', ')}` : ''
  return `[Results](${link}) of commit ${commit} (${date})${notes}:\n\n${lines.join('\n')}\n`
}

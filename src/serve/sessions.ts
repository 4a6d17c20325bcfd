/** Sessions: streams of clients, each with the run that it began with. Nobody can guess the id of another's. */
import { randomUUID } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import type { Limits } from './limits.ts'
import type { Work } from './queue.ts'
import { Refusal } from './refusal.ts'
import type { Answer, Session } from './served.ts'
import type { Held } from './shelf.ts'

interface Entry {
  readonly held: Held
  readonly session: Session
  /** Requests that have it. */
  users: number
  /** When it was used last, in milliseconds. */
  used: number
  /** Rows it took, and those of them that are counted as kept. */
  taken: number
  kept: number
  ended: boolean
}

/** The sessions of a service. */
export class SessionTable {
  private readonly entries = new Map<string, Entry>()
  private readonly limits: Limits
  private rows = 0

  constructor(limits: Limits) {
    this.limits = limits
  }

  /** Sessions that are open. */
  get open(): number {
    return this.entries.size
  }

  /** Rows that they keep. */
  get kept(): number {
    return this.rows
  }

  /** A new session, which has the run until it ends; then, or if it is refused, the run is let go. */
  create(held: Held, body: unknown): string {
    try {
      const session = this.opened(held, body)
      const id = randomUUID()
      this.entries.set(id, { held, session, users: 0, used: performance.now(), taken: 0, kept: 0, ended: false })
      return id
    } catch (error) {
      held.release()
      throw error
    }
  }

  private opened({ name, served }: Held, body: unknown): Session {
    const { sessions } = served
    const { maxSessions, sessionIdle } = this.limits
    if (typeof sessions === 'string') throw new Refusal(404, `${name}: expected a run with sessions: ${sessions}`)
    if (this.entries.size < maxSessions) return sessions.open(body)
    throw new Refusal(429, `sessions: expected at most ${maxSessions} but there are more: end some, or wait`, {
      'retry-after': String(Math.ceil(sessionIdle)),
    })
  }

  /** What a session is: how much it took, and its state if it can say it. @throws Refusal if there is none */
  describe(run: string, id: string): object {
    const { session, taken } = this.find(run, id)
    const state = session.state()
    return { session: id, rows: taken, ...(state && { state }) }
  }

  /** Rows for a session. @throws Refusal if there is none, or sessions keep too many */
  async take(run: string, id: string, body: unknown, work: Work): Promise<Answer> {
    const entry = this.find(run, id)
    const { maxSessionRows } = this.limits
    if (this.rows >= maxSessionRows) {
      throw new Refusal(429, `sessions: expected to keep at most ${maxSessionRows} rows but they have more: end some`)
    }
    entry.users += 1
    try {
      const answer = await entry.session.take(body, work)
      entry.taken += answer.steps
      return answer
    } finally {
      entry.users -= 1
      entry.used = performance.now()
      this.count(entry)
    }
  }

  /** Ends one. @throws Refusal if there is none */
  end(run: string, id: string): void {
    this.find(run, id)
    this.remove(id)
  }

  /** Ends those that nobody used for long. */
  sweep(): void {
    const before = performance.now() - 1000 * this.limits.sessionIdle
    for (const [id, { users, used }] of this.entries) if (users === 0 && used < before) this.remove(id)
  }

  /** Ends all. */
  clear(): void {
    for (const id of [...this.entries.keys()]) this.remove(id)
  }

  private find(run: string, id: string): Entry {
    const entry = this.entries.get(id)
    if (entry !== undefined && entry.held.name === run) return entry
    throw new Refusal(404, `session: expected one that is open on ${run} but there is none of that id: open another`)
  }

  private remove(id: string): void {
    const entry = this.entries.get(id)
    if (entry === undefined) return
    this.entries.delete(id)
    entry.ended = true
    this.count(entry)
  }

  /** Counts rows as they are now. Whoever still has an ended session goes on; its run is let go after the last one. */
  private count(entry: Entry): void {
    const kept = entry.ended ? 0 : entry.session.kept
    this.rows += kept - entry.kept
    entry.kept = kept
    if (entry.ended && entry.users === 0) entry.held.release()
  }
}

/** What a service takes at most, each limit once: its default, and its flag. */
import { refuseUnknown } from '../error.ts'
import { type Flag, nameOf, positive, whole } from '../flag.ts'

/** The limits of a service. What is beyond one is refused with a status and a line, and costs no memory. */
export interface Limits {
  /** Bytes of the body of a request. Default 4 MiB. */
  readonly maxBody: number
  /** Bytes of all bodies that are there at once, and of all answers that are not read yet. Default 64 MiB. */
  readonly maxBodies: number
  /** Rows, or steps, of a request. Default 10,000. */
  readonly maxRows: number
  /** Requests that wait for their turn. Default 10,000. */
  readonly maxWaiting: number
  /** Seconds that one waits. Default 10. */
  readonly maxWait: number
  /** Seconds that a request computes. Default 5. */
  readonly maxSeconds: number
  /** Sessions that are open at once. Default 1,000. */
  readonly maxSessions: number
  /** Rows that all sessions keep together. Default 1,000,000. */
  readonly maxSessionRows: number
  /** Seconds after which a session that nobody uses ends. Default 600. */
  readonly sessionIdle: number
  /** Connections at once. Default 1,000. */
  readonly maxConnections: number
}

/** The flags that set them. */
export const LIMIT_FLAGS: readonly (Flag & { readonly default: number })[] = [
  { flag: '--max-body <bytes>', value: whole(), default: 2 ** 22, help: 'bytes of the body of a request' },
  {
    flag: '--max-bodies <bytes>',
    value: whole(),
    default: 2 ** 26,
    help: 'bytes of all bodies that are there at once, and of all answers that are not read yet',
  },
  { flag: '--max-rows <N>', value: whole(), default: 10_000, help: 'rows, or steps, of a request' },
  { flag: '--max-waiting <N>', value: whole(), default: 10_000, help: 'requests that wait for their turn' },
  { flag: '--max-wait <S>', value: positive, default: 10, help: 'seconds that one waits' },
  { flag: '--max-seconds <S>', value: positive, default: 5, help: 'seconds that a request computes' },
  { flag: '--max-sessions <N>', value: whole(), default: 1000, help: 'sessions that are open at once' },
  {
    flag: '--max-session-rows <N>',
    value: whole(),
    default: 1_000_000,
    help: 'rows that all sessions keep together; those of models and tasks keep none',
  },
  { flag: '--session-idle <S>', value: positive, default: 600, help: 'seconds after which an unused session ends' },
  { flag: '--max-connections <N>', value: whole(), default: 1000, help: 'connections at once' },
]

export const LIMIT_NAMES: readonly string[] = LIMIT_FLAGS.map(nameOf)

/** The limits with their defaults. @throws InputError for one that does not exist or has no such value */
export function limitsOf(given: Partial<Limits>, what: string): Limits {
  refuseUnknown(what, given, LIMIT_NAMES)
  const limits = LIMIT_FLAGS.map((flag) => {
    const name = nameOf(flag)
    const value = given[name as keyof Limits]
    return [name, value === undefined ? flag.default : flag.value!.check(value, name, what)]
  })
  return Object.fromEntries(limits) as Limits
}

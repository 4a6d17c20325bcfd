/**
 * One of many gets a name in a folder, and who was killed loses it: the protocol behind `run.lock`, on file operations
 * that every file system has. It is a generator that stops before each operation, so that a test can let processes take
 * turns in every order.
 *
 * Records form a chain. The first lies under the lock's own name; the successor of a record lies under a name made from
 * that record's text, which no other record has. The last record of the chain is the holder's. A record is never
 * overwritten by another process, and a successor is made exclusively, so a dead holder has one successor only. Whoever
 * has added a record walks the chain again from its start: another process may have moved the start meanwhile. Only a
 * process that finds its own record at the end holds the lock; others remove theirs. The holder then renames its record
 * to the lock's own name and removes all others: dead ones, and those that were added behind an outdated record.
 *
 * Why two never hold it: while a live process holds the lock, nobody else adds a record behind its own (it is alive)
 * and nobody but the holder changes a record that the chain goes through. A record that was added behind an outdated
 * one is not on the chain.
 */

/** Operations on the folder, each of them atomic. */
export interface LockFiles {
  /** The text of a file; null where there is none. */
  read(name: string): string | null
  /** Makes a file with this text, both at once; false where the name is taken. */
  create(name: string, text: string): boolean
  rename(from: string, to: string): void
  remove(name: string): void
  /** The names of all records, and of what killed processes left between two operations. */
  list(): string[]
}

/** The name under which the successor of a record lies. */
export type SuccessorOf = (text: string) => string

/** `held`: the lock is ours, and `dead` are the records that it was taken over from. `refused`: `holder` has it. */
export type Claim =
  | { readonly held: true; readonly dead: readonly string[] }
  | { readonly held: false; readonly holder: string }

/** Far more often than any process is overtaken by others. */
const MOST_TRIES = 1000

/**
 * Claims the lock for the process that `mine` is a record of.
 * @param first the lock's own name
 * @param mine a text that no other claim has
 * @param alive whether the process of a record may still write; where nobody can tell, true
 * @throws Error after 1,000 tries
 */
export function* claim(
  files: LockFiles,
  first: string,
  mine: string,
  successorOf: SuccessorOf,
  alive: (record: string) => boolean,
): Generator<void, Claim, void> {
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const { free, records } = yield* walk(files, first, successorOf)
    const holder = records.at(-1)
    if (holder !== undefined && alive(holder)) return { held: false, holder }
    yield
    if (!files.create(free, mine)) continue // another process was quicker
    const now = yield* walk(files, first, successorOf)
    if (now.records.at(-1) === mine) {
      yield
      if (free !== first) files.rename(free, first)
      yield
      const others = files.list().filter((name) => name !== first)
      for (const name of others) {
        yield
        files.remove(name)
      }
      return { held: true, dead: records }
    }
    yield* removeOwn(files, free, mine)
  }
  throw new Error(`${first}: no claim came through in ${MOST_TRIES} tries`)
}

/** Gives the lock back; a second time it does nothing. */
export function* release(files: LockFiles, first: string, mine: string): Generator<void, void, void> {
  yield* removeOwn(files, first, mine)
}

/** The records of the chain, and the name of the record to come. */
function* walk(
  files: LockFiles,
  first: string,
  successorOf: SuccessorOf,
): Generator<void, { free: string; records: string[] }, void> {
  const records: string[] = []
  for (let name = first; ; ) {
    yield
    const text = files.read(name)
    if (text === null) return { free: name, records }
    records.push(text)
    name = successorOf(text)
  }
}

function* removeOwn(files: LockFiles, name: string, mine: string): Generator<void, void, void> {
  yield
  if (files.read(name) !== mine) return
  yield
  files.remove(name)
}

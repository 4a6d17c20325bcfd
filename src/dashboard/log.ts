/**
 * A metrics.jsonl that is read while it is written: what has come since the last look, whole lines alone. The file may
 * be cut off in the middle of a line, replaced, shortened, or hold anything: nothing of it ends the server.
 */
import * as fs from 'node:fs'
import { performance } from 'node:perf_hooks'
import { setImmediate as turn } from 'node:timers/promises'
import { grouped } from '../numbers.ts'
import { isOther, type Past, pastAfter, pastOf } from './again.ts'
import { createEvents, type Events } from './events.ts'
import { type LogRecord, recordOf } from './record.ts'
import { createRows, numbersOf, type Rows } from './rows.ts'

export interface RunLog {
  /** Grows with every look that has found something. */
  readonly revision: number
  /** Bytes that were read, whole lines. */
  readonly offset: number
  /** Records of steps; of one whose steps nobody wants, how many there are. */
  readonly stepCount: number
  /** null until `wantSteps`. */
  readonly steps: Rows | null
  readonly evals: Rows
  /** All that are neither steps nor probes, in their order. */
  readonly events: readonly LogRecord[]
  readonly probes: readonly LogRecord[]
  readonly lastStep: ReadonlyMap<string, number> | null
  readonly lastRecord: LogRecord | null
  /** What is wrong with the file, a line each, the first few. */
  readonly problems: readonly string[]
  /** Iterations whose records were written twice with other numbers: a run that was resumed gives the same ones. */
  readonly differing: readonly number[]
  /** Records of where the run was taken up again. */
  readonly resumes: readonly LogRecord[]
  /** Reads on. Resolves to whether anything has changed. */
  advance(): Promise<boolean>
  /** From the next look on the records of steps are kept, or no more. */
  wantSteps(wanted: boolean): void
}

const LINE = 2 ** 20
const CHUNK = 2 ** 20
const SLICE_MS = 20
const MOST = { rows: 5_000_000, events: 100_000, probes: 2000, problems: 20, resumes: 1000 } as const
const FULL = `more than ${grouped(MOST.events)} evaluations: those after it are in charts alone`
/** How a step begins as the trainer writes it: it can be counted without being read. */
const STEP = Buffer.from('{"type":"step"')
/** Bytes before the offset that tell a file that has grown from another one. */
const KNOWN = 64

interface State {
  revision: number
  offset: number
  /** Inode, and the last bytes read. */
  ino: number
  known: Buffer
  /** A line that is not whole yet. */
  rest: Buffer
  skipping: boolean
  steps: Rows | null
  stepCount: number
  evals: Rows
  events: Events
  probes: LogRecord[]
  lastStep: ReadonlyMap<string, number> | null
  /** Of steps that are only counted the last one, not read yet. */
  lastLine: Buffer | null
  lastRecord: LogRecord | null
  problems: string[]
  differing: number[]
  lines: number
  resumes: LogRecord[]
  /** What steps and evaluations were that are written again. */
  past: { steps: Past | null; evals: Past | null; ofOtherFile: boolean }
}

function fresh(steps: boolean, revision: number, past: State['past']): State {
  return {
    ...{ revision, offset: 0, ino: 0, known: Buffer.alloc(0), rest: Buffer.alloc(0), skipping: false },
    ...{ steps: steps ? createRows() : null, stepCount: 0, evals: createRows(), probes: [] },
    events: createEvents(MOST.events),
    ...{ lastStep: null, lastLine: null, lastRecord: null, problems: [], differing: [], lines: 0, resumes: [], past },
  }
}

const NO_PAST = (): State['past'] => ({ steps: null, evals: null, ofOtherFile: false })

/** Of a file that is replaced or gone: a run that is taken up again writes another one. */
function ofAll({ steps, evals, past }: State): State['past'] {
  return { steps: pastOf(steps, 0) ?? past.steps, evals: pastOf(evals, 0) ?? past.evals, ofOtherFile: true }
}

export function createLog(file: string): RunLog {
  let state = fresh(false, 0, NO_PAST())
  let wanted = false
  let reading: Promise<boolean> | null = null

  async function read(): Promise<boolean> {
    const before = state.revision
    let fd: number | undefined
    try {
      const named = fs.lstatSync(file, { throwIfNoEntry: false })
      if (!named?.isFile()) return absent()
      if (wanted !== (state.steps !== null)) restart(NO_PAST())
      if (named.ino === state.ino && named.size === state.offset + state.rest.length) return state.revision !== before
      fd = fs.openSync(file, fs.constants.O_RDONLY | (fs.constants.O_NOFOLLOW ?? 0) | (fs.constants.O_NONBLOCK ?? 0))
      const { ino, size } = fs.fstatSync(fd)
      if (ino !== state.ino || size < state.offset + state.rest.length || !isSame(fd, state)) restart(ofAll(state))
      state.ino = ino
      await readOn(fd, state, Math.min(CHUNK, size + 1))
    } catch (error) {
      problem(state, (error as NodeJS.ErrnoException).code ?? 'it cannot be read')
    } finally {
      if (fd !== undefined) fs.closeSync(fd)
    }
    return state.revision !== before
  }
  function restart(past: State['past']): void {
    state = fresh(wanted, state.revision + 1, past)
  }
  function absent(): boolean {
    if (state.offset === 0 && state.events.list.length === 0) return false
    restart(ofAll(state))
    return true
  }
  return {
    get revision() {
      return state.revision
    },
    get offset() {
      return state.offset
    },
    get stepCount() {
      return state.stepCount
    },
    get steps() {
      return state.steps
    },
    get evals() {
      return state.evals
    },
    get events() {
      return state.events.list
    },
    get probes() {
      return state.probes
    },
    get lastStep() {
      const record = state.lastLine && recordOf(state.lastLine.toString('utf8'))
      if (record) state.lastStep = numbersOf(record)
      state.lastLine = null
      return state.lastStep
    },
    get lastRecord() {
      return state.lastRecord
    },
    get problems() {
      return state.problems
    },
    get differing() {
      return state.differing
    },
    get resumes() {
      return state.resumes
    },
    async advance() {
      reading ??= read().finally(() => {
        reading = null
      })
      return await reading
    },
    wantSteps(next) {
      wanted = next
    },
  }
}

/** Whether what stands before the offset is still what was read there. */
function isSame(fd: number, { known, offset }: State): boolean {
  const now = Buffer.alloc(known.length)
  fs.readSync(fd, now, 0, now.length, offset - known.length)
  return now.equals(known)
}

/** Reads to the end, in turns: others are answered between them. */
async function readOn(fd: number, state: State, most: number): Promise<void> {
  const chunk = Buffer.alloc(most)
  let began = performance.now()
  for (;;) {
    const count = fs.readSync(fd, chunk, 0, most, state.offset + state.rest.length)
    if (count === 0) return
    take(state, chunk.subarray(0, count))
    if (performance.now() - began < SLICE_MS) continue
    await turn()
    began = performance.now()
  }
}

/** The whole lines of what was read; the rest waits. */
function take(state: State, bytes: Buffer): void {
  const all = state.rest.length > 0 ? Buffer.concat([state.rest, bytes]) : bytes
  let start = 0
  for (let end = all.indexOf(10); end >= 0; end = all.indexOf(10, start)) {
    state.lines += 1
    if (state.skipping) state.skipping = false
    else if (end - start > LINE) problem(state, `line ${state.lines}: longer than a record`)
    else lineOf(state, all.subarray(start, end))
    start = end + 1
  }
  state.events.sweep()
  if (start > 0) {
    state.revision += 1
    state.known = Buffer.from(all.subarray(Math.max(0, start - KNOWN), start))
  }
  state.offset += start
  // Copies: a few bytes must not keep a whole piece of the file in memory.
  state.rest = Buffer.from(all.subarray(start))
  if (state.lastLine) state.lastLine = Buffer.from(state.lastLine)
  if (state.rest.length <= LINE) return
  // A line without an end is passed over piece by piece: it must not fill the memory.
  if (!state.skipping) problem(state, `line ${state.lines + 1}: longer than a record`)
  state.skipping = true
  state.offset += state.rest.length
  state.known = Buffer.alloc(0)
  state.rest = Buffer.alloc(0)
}

function lineOf(state: State, bytes: Buffer): void {
  if (state.steps === null && bytes.subarray(0, STEP.length).equals(STEP)) {
    state.stepCount += 1
    state.lastLine = bytes
    return
  }
  const text = bytes
    .toString()
    .replace(/^\uFEFF/, '')
    .trim()
  if (text === '') return
  const record = recordOf(text)
  if (record) keep(state, record)
  else problem(state, `line ${state.lines}: expected one JSON object, a record of the run`)
}

function keep(state: State, record: LogRecord): void {
  if (record.type === 'step') {
    const numbers = numbersOf(record)
    state.stepCount += 1
    state.lastStep = numbers
    state.lastLine = null
    if (state.steps) append(state, 'steps', state.steps, numbers)
  } else if (record.type === 'eval') {
    append(state, 'evals', state.evals, numbersOf(record))
    state.lastRecord = record
    if (!state.events.push(record)) problem(state, FULL)
  } else if (record.type === 'probe') {
    if (state.probes.length < MOST.probes) state.probes.push(record)
  } else {
    if (record.type === 'resume' && state.resumes.length < MOST.resumes) state.resumes.push(record)
    state.lastRecord = record
    state.events.push(record)
  }
}

/** Of records of one iteration the later one counts: a run that was killed writes some again. */
function append(state: State, of: 'steps' | 'evals', rows: Rows, numbers: ReadonlyMap<string, number>): void {
  const iteration = numbers.get('iteration') ?? 0
  const last = rows.column('iteration')?.at(-1) ?? -1
  if (iteration <= last) {
    const from = rows.from('iteration', iteration)
    state.past = { ...state.past, [of]: pastOf(rows, from), ofOtherFile: false }
    rows.truncate(from)
    if (of === 'evals') state.events.dropEvals(iteration)
  }
  const past = state.past[of]
  // A file in the place of another one may be that of another run, unless it says that it goes on with this one.
  const goesOn = !state.past.ofOtherFile || state.resumes.length > 0
  if (past && goesOn && isOther(past, numbers) && state.differing.length < 100) state.differing.push(iteration)
  state.past[of] = pastAfter(past, iteration)
  if (rows.length < MOST.rows) rows.push(numbers)
  else problem(state, `more than ${grouped(MOST.rows)} records: those after them are left out`)
}

function problem(state: State, text: string): void {
  if (state.problems.length < MOST.problems && !state.problems.includes(text)) state.problems.push(text)
}

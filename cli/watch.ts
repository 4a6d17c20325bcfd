/** `irnn watch RUN`: a run in a terminal, while it trains or afterwards. It only reads: the run does not notice. */
import * as fs from 'node:fs'
import * as path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Command } from 'commander'
import { printable } from '../src/error.ts'
import type { Flag } from '../src/flag.ts'
import { isLocked } from '../src/runs/lock.ts'
import { METRICS, readRunFolder, recordsOf } from '../src/runs/stored.ts'
import { boardOf, LEAST, lineOf, type Watched } from './board.ts'
import { withFlags } from './options.ts'
import { print, say } from './say.ts'

const FLAGS: readonly Flag[] = [{ flag: '--once', help: 'one picture of now, and end' }]
const EVERY_MS = 500
/** Of a board for a file or a pipe, with --once. */
const PAGE = { columns: 100, rows: 24 }

/** @param finish takes the exit code */
export function watchCommand(program: Command, finish: (code: number) => void): void {
  const command = program
    .command('watch')
    .description('show a run in the terminal while it trains; q leaves, the run goes on')
    .argument('<dir>', 'folder of a run')
  withFlags(command, FLAGS).action(async (dir: string, flags: { once?: boolean }) => finish(await watchRun(dir, flags)))
}

/** Returns the exit code. */
export async function watchRun(dir: string, { once = false }: { readonly once?: boolean } = {}): Promise<number> {
  const run = readRunFolder(dir)
  const { stdout } = process
  const { isTTY = false, columns = PAGE.columns, rows = PAGE.rows } = stdout
  if (once) {
    for (const problem of run.problems) say(problem)
    const size = isTTY ? { columns, rows: rows - 1 } : PAGE
    const watched = { ...run, running: isLocked(dir) }
    const small = size.columns < LEAST.columns || size.rows < LEAST.rows - 1
    for (const line of small ? [lineOf(watched)] : boardOf(watched, size)) print(line)
    return 0
  }
  return isTTY && columns >= LEAST.columns && rows >= LEAST.rows ? watchBoard(dir, run) : watchLines(dir, run)
}

type Read = Omit<Watched, 'running'>

/** The run as it is now; its records are read again when they have changed. */
function follower(dir: string, { config, events }: Read): () => { watched: Watched; changed: boolean } {
  const file = path.join(dir, METRICS)
  let stamp = ''
  let ran: boolean | null = null
  return () => {
    const running = isLocked(dir)
    const now = stampOf(file)
    const changed = now !== stamp || running !== ran
    // Of a run that was removed, or begins anew, the last picture stays.
    if (now !== stamp && now !== '') events = recordsOf(dir).events
    stamp = now
    ran = running
    return { watched: { config, events, running }, changed }
  }
}

function stampOf(file: string): string {
  const stats = fs.statSync(file, { throwIfNoEntry: false })
  return stats ? `${stats.ino} ${stats.size} ${stats.mtimeMs}` : ''
}

function isOver({ events, running }: Watched): boolean {
  return events.at(-1)?.type === 'done' || !running
}

/** One line an evaluation, until the run is over. */
async function watchLines(dir: string, run: Read): Promise<number> {
  const next = follower(dir, run)
  let said = -1
  for (;;) {
    const { watched } = next()
    const last = watched.events.findLast((event) => event.type === 'eval')
    const over = isOver(watched)
    if (over || (last && last.iteration > said)) print(lineOf(watched))
    said = last?.iteration ?? said
    if (over) return 0
    await sleep(EVERY_MS)
  }
}

const [ENTER, LEAVE] = ['\x1b[?1049h\x1b[?25l', '\x1b[?25h\x1b[?1049l']

/** The board on the terminal's other screen, until q, Ctrl-C or a signal. What was there before comes back. */
async function watchBoard(dir: string, run: Read): Promise<number> {
  const { stdin, stdout } = process
  const next = follower(dir, run)
  const left = new AbortController()
  const leave = () => left.abort()
  const restore = () => stdout.write(LEAVE)
  const key = (text: Buffer) => {
    if (['q', 'Q', '\x03', '\x04', '\x1b'].includes(String(text))) leave()
  }
  let resized = true
  const resize = () => {
    resized = true
  }
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const name of signals) process.on(name, leave)
  process.on('exit', restore)
  stdout.on('resize', resize)
  if (stdin.isTTY) stdin.setRawMode(true)
  stdin.on('data', key).resume()
  stdout.write(ENTER)
  try {
    while (!left.signal.aborted) {
      const { watched, changed } = next()
      if (changed || resized) draw(watched, stdout)
      resized = false
      await sleep(EVERY_MS, undefined, { signal: left.signal }).catch(() => {})
    }
    return 0
  } finally {
    for (const name of signals) process.off(name, leave)
    process.off('exit', restore)
    stdout.off('resize', resize)
    if (stdin.isTTY) stdin.setRawMode(false)
    stdin.off('data', key).pause()
    restore()
  }
}

function draw(watched: Watched, out: NodeJS.WriteStream): void {
  const size = { columns: out.columns, rows: out.rows - 1 }
  const small = size.columns < LEAST.columns || size.rows < LEAST.rows - 1
  const lines = small ? [lineOf(watched).slice(0, size.columns)] : boardOf(watched, size)
  const foot = 'q leaves; the run goes on'.slice(0, size.columns)
  out.write(`\x1b[H${[...lines, foot].map((line) => `${printable(line)}\x1b[K`).join('\r\n')}\x1b[J`)
}

/**
 * `node dist/bench/page/main.js [--minutes 1] [--turns 4] [--only tail,million,digit,tasks,memory,slowdown] [--save]`:
 * the pages in Chromium: from a record to its pixel, a million records, tasks that hold up a page, memory, and how much
 * a dashboard slows a run. Claims are held or FAILED; `--save` writes results/page-DATE.json, with what `--only` leaves
 * out as it was there, and the bars into README.md.
 */
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type Browser, chromium } from 'playwright-core'
import { writeAtomic } from '../../src/disk.node.ts'
import { commit, machine, today } from '../machine.ts'
import { writeReadme } from '../readme.ts'
import { claimLine } from '../report.ts'
import { ARGS, NO_BROWSER, program } from './chromium.ts'
import { claimsOf, type Measured } from './claims.ts'
import { million, slowdown, tailToPixel } from './dashboard.ts'
import { digitRead, longTasks, memory, residentOf } from './playground.ts'
import { type Command, command, liveRun, makeRun } from './runs.ts'
import { type Saved, withEarlier } from './saved.ts'

const RESULTS = fileURLToPath(new URL('../../../bench/results/', import.meta.url))
const PARTS = ['tail', 'million', 'digit', 'tasks', 'memory', 'slowdown'] as const
const MILLION = 1_000_000
/** Training that outlasts its measurement. */
const ENDLESS = ['--length', '150', '--iterations', '1000000']

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    turns: { type: 'string', default: '4' },
    only: { type: 'string', default: PARTS.join(',') },
    save: { type: 'boolean', default: false },
  },
})
const minutes = Number(values.minutes)
if (!(minutes > 0)) throw new Error(`--minutes: expected a number above 0 but received ${values.minutes}`)
const only = values.only.split(',')
const unknown = only.find((one) => !PARTS.some((part) => part === one))
if (unknown !== undefined) throw new Error(`--only: expected some of ${PARTS.join(', ')} but received ${unknown}`)
if (program === undefined) throw new Error(NO_BROWSER)

const dir = realpathSync(mkdtempSync(join(tmpdir(), 'irnn-page-')))
const servers: Command[] = []
const browser = await chromium.launch({ executablePath: program, args: [...ARGS] })
try {
  const stamp = { date: today(), commit: commit() }
  const { parts, measured } = withEarlier(await measure(browser), stamp, earlier())
  const claims = claimsOf(parts)
  console.log(claims.map(claimLine).join('\n'))
  if (claims.some(({ holds }) => holds === false)) process.exitCode = 1
  if (values.save) {
    const about = { ...stamp, machine: machine(), browser: browser.version(), measured }
    const text = JSON.stringify({ ...about, ...parts, claims }, null, 1)
    // A sample and a list of numbers a line.
    const flat = text.replace(/\[[^[\]{}]*\]|\{[^[\]{}]*\}/g, (part) =>
      part.includes('"text"') ? part : part.replace(/\s+/g, ' '),
    )
    writeAtomic(file(), `${flat}\n`)
    writeReadme()
  }
} finally {
  await browser.close()
  for (const { child } of servers) child.kill()
  rmSync(dir, { recursive: true, force: true })
}

function file(): string {
  return `${RESULTS}page-${today()}.json`
}

/** What was measured earlier today, where a part alone is measured again. */
function earlier(): Saved | null {
  if (!values.save || only.length === PARTS.length || !existsSync(file())) return null
  return JSON.parse(readFileSync(file(), 'utf8')) as Saved
}

async function measure(browser: Browser): Promise<Measured> {
  const like = join(dir, 'like')
  await command('train', 'adding', '--length', '10', '--iterations', '20', '--out', like).ended
  const served = async (...words: readonly string[]) => {
    const server = command(...words, '--port', '0', '--no-open')
    servers.push(server)
    return { url: await server.first, pid: server.child.pid! }
  }
  const runs = join(dir, 'runs')
  const run = liveRun(join(runs, 'live'), like, 2000)
  const { url: play } = await served('play')
  const { url, pid } = await served('dashboard', runs)
  const told = async <T>(part: (typeof PARTS)[number], work: () => Promise<T>): Promise<T | null> => {
    if (!only.includes(part)) return null
    const result = await work()
    console.log(part, JSON.stringify(Array.isArray(result) ? result.slice(-2) : result))
    return result
  }
  const train = (...words: string[]) =>
    slowdown(browser, url, { words: [...ENDLESS, ...words], dir: join(runs, 'training'), turns: Number(values.turns) })
  const tail = await told('tail', () => tailToPixel(browser, url, run, 40))
  const digit = await told('digit', () => digitRead(browser, play, 5))
  const tasks = await told('tasks', () => longTasks(browser, play, 15))
  const slow = await told('slowdown', async () => [await train('--threads', '1'), await train()])
  const pages = { dashboard: url, play }
  const samples = await told('memory', () => memory(browser, pages, { run, pid, minutes }))
  const many = await told('million', async () => {
    makeRun(join(runs, 'million'), like, MILLION)
    const result = await million(browser, url, MILLION)
    return { ...result, server: Math.round(residentOf(pid) / 1e6) }
  })
  run.end()
  return { tail, digit, tasks, slow, memory: samples, million: many }
}

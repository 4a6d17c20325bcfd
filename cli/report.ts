/** `irnn report RUN… --out FILE`: runs as one HTML file that needs nothing else, no network and no script. */
import * as fs from 'node:fs'
import * as path from 'node:path'
import type { Command } from 'commander'
import { explaining, kindOf, writeAtomic } from '../src/disk.node.ts'
import { InputError, shown } from '../src/error.ts'
import type { Flag } from '../src/flag.ts'
import { grouped } from '../src/numbers.ts'
import { readRunFolder } from '../src/runs/stored.ts'
import { loadCurves } from './clone.ts'
import { JSON_RESULT, withFlags } from './options.ts'
import { type Reported, reported } from './reported.ts'
import { reportPage } from './reportPage.ts'
import { print, say } from './say.ts'

interface ReportFlags {
  readonly out: string
  readonly overwrite?: boolean
  readonly json?: boolean
}

const FLAGS: readonly Flag[] = [
  { flag: '--out <file>', required: true, help: 'the file to write, whose name ends in .html' },
  { flag: '--overwrite', help: 'replace the file' },
  JSON_RESULT,
]

/** @param finish takes the exit code */
export function reportCommand(program: Command, finish: (code: number) => void): void {
  const command = program
    .command('report')
    .description('write runs as one HTML file: charts, scores, settings, and all records as CSV; it needs no network')
    .argument('<runs...>', 'folders of runs')
  withFlags(command, FLAGS).action(async (dirs: string[], flags: ReportFlags) => finish(await reportRuns(dirs, flags)))
}

/** Returns the exit code. */
async function reportRuns(
  dirs: readonly string[],
  { out, overwrite = false, json = false }: ReportFlags,
): Promise<number> {
  refuseFile(out, overwrite)
  const twice = dirs.find((dir, i) => dirs.findIndex((one) => path.resolve(one) === path.resolve(dir)) < i)
  if (twice !== undefined) throw new InputError(`report: expected each run once but received ${shown(twice)} twice`)
  const runs: Reported[] = []
  const curves = await loadCurves()
  for (const dir of dirs) runs.push(reported(readRunFolder(dir), nameFor(dir, runs), curves))
  for (const { name, problems } of runs) for (const problem of problems) say(`${name}: ${problem}`)
  const page = Buffer.from(reportPage(runs))
  explaining(out, 'cannot be written', () => writeAtomic(out, [page]))
  const names = runs.map(({ name }) => name)
  if (json) print(JSON.stringify({ type: 'report', file: out, bytes: page.length, runs: names }))
  else print(`${out}: ${runs.length === 1 ? 'a run' : `${runs.length} runs`}, ${grouped(page.length)} bytes`)
  return 0
}

/** @throws InputError unless the file can be written there: before anything is read */
function refuseFile(file: string, overwrite: boolean): void {
  if (!/\.html?$/i.test(file)) {
    throw new InputError(`--out: expected a name that ends in .html but received ${shown(file)}`)
  }
  const stats = explaining(file, 'cannot be written', () => fs.lstatSync(file, { throwIfNoEntry: false }))
  if (!stats || (stats.isFile() && overwrite)) return
  if (stats.isFile()) throw new InputError(`${file}: it exists: name another file, or add --overwrite`)
  throw new InputError(`${file}: cannot be written: it is ${kindOf(stats)}: name another file`)
}

/** The name of the folder; of a second one that is called so, with a number. */
function nameFor(dir: string, runs: readonly Reported[]): string {
  const name = path.basename(path.resolve(dir))
  const free = (n: number): string => {
    const tried = n === 1 ? name : `${name} (${n})`
    return runs.some((run) => run.name === tried) ? free(n + 1) : tried
  }
  return free(1)
}

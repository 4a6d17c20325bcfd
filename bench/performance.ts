/** What docs/performance.md says, from the results of one run of the benchmark. */
import { size } from './problems.ts'
import { COLUMNS, number, tableOf } from './report.ts'
import type { Results } from './results.ts'

/** @param link to the file of the results, from the page */
export function performancePage(results: Results, link: string): string {
  const { machine, date, engines } = results
  const { isa } = results as { readonly isa?: string } // of runs in which everyone was held to one
  const held = isa === undefined ? '' : `, everyone held to ${isa.toUpperCase()}`
  const peak = engines.find(({ backend, threads }) => backend === 'native' && threads === 1)
  const measured = peak === undefined ? '' : `, ${peak.peak.toFixed(0)} GFLOP/s of multiply-adds a core`
  return [
    `On ${date}, ${machine.cores} cores of ${machine.cpu}${held}${measured},`,
    `${machine.os}, Node ${machine.node.replace('v', '')} ([all numbers](${link})).`,
    'Milliseconds of one iteration, the best of many; rivals at their best number of threads:',
    '',
    ...table(results),
    '',
    ...ratios(results),
    '',
    'What ran:',
    '',
    ...versions(results),
    '',
  ].join('\n')
}

/** Two runs of one library differ by as much. */
const LEVEL = 1.05

const isOurs = (title: string): boolean => title.startsWith('irnn') || /thread/.test(title)

function table(results: Results): string[] {
  const rows = tableOf(results)
  const shown = COLUMNS.map((_, i) => i).filter((i) => rows.some(({ times }) => times[i] !== null))
  const lines = rows.map(({ shape, times }) => {
    const cells = shown.map((i) => (times[i] == null ? '–' : number(times[i])))
    return `| ${shape.label} ${size(shape)} | ${cells.join(' | ')} |`
  })
  const titles = shown.map((i) => COLUMNS[i]!.title)
  return [`| network (B, T, I, H) | ${titles.join(' | ')} |`, `|---|${titles.map(() => '---|').join('')}`, ...lines]
}

/** A line for each shape: the fastest rival, and how many times its time is ours, or ours is its. */
function ratios(results: Results): string[] {
  return tableOf(results).flatMap(({ shape, times }) => {
    const best = (ours: boolean) =>
      times
        .map((ms, i) => ({ ms: ms ?? Number.POSITIVE_INFINITY, title: COLUMNS[i]!.title }))
        .filter(({ title }) => isOurs(title) === ours)
        .reduce((a, b) => (b.ms < a.ms ? b : a))
    const [mine, rival] = [best(true), best(false)]
    if (!Number.isFinite(mine.ms) || !Number.isFinite(rival.ms)) return []
    const [ratio, who] =
      mine.ms <= rival.ms
        ? [rival.ms / mine.ms, `irnn is ahead of ${rival.title}, the fastest other`]
        : [mine.ms / rival.ms, `**${rival.title} is ahead of irnn**`]
    const said =
      ratio < LEVEL ? `irnn and ${rival.title}, the fastest other, are level` : `${who}, ${ratio.toFixed(1)} times`
    return [`- ${shape.label}: ${said}.`]
  })
}

/** A line for each rival: its version and its ways, of which the fastest counts; or why it was not there. */
function versions({ rows, missing }: Results): string[] {
  const ways = new Map<string, Set<string>>()
  for (const { library, engine } of rows) {
    if (library !== 'irnn') ways.set(library, (ways.get(library) ?? new Set<string>()).add(engine))
  }
  const ran = [...ways].map(([library, engines]) => {
    const [version] = [...engines][0]!.split(': ')
    const named = [...engines].map((engine) => engine.split(': ')[1] ?? '').filter((way) => way !== '')
    return `- ${library} ${version}${named.length > 0 ? `: ${named.join('; ')}` : ''}`
  })
  return [...ran, ...missing.map(({ library, reason }) => `- ${library}: not measured, ${reason}`)]
}

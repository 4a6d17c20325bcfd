/** `irnn reproduce FIGURE --grid`: the paper's own search, as sweeps that go on where they were (docs/scale.md). */
import { existsSync } from 'node:fs'
import * as path from 'node:path'
import type { Experiment } from '../experiments/experiment.ts'
import { gridsOf } from '../experiments/grids.ts'
import { explaining, makeFolder, readText, writeAtomic } from '../src/disk.node.ts'
import { InputError } from '../src/error.ts'
import { print, say } from './say.ts'
import { resultLines, sweepFile } from './sweep.ts'

/** Some of those of `irnn reproduce`. */
interface GridFlags {
  only?: string[]
  budget?: number
  jobs?: number
  hours?: number
  runs?: string
  data?: string
  json?: boolean
}

const NOT_BESIDE = ['hours', 'json'] as const

/**
 * Returns the exit code: that of the first sweep that has not all its trials, else 0.
 * @param refuse throws where the data are not as they must be, before anything is run or written
 */
export async function reproduceGrid(
  experiment: Experiment,
  flags: GridFlags,
  refuse: () => Promise<void>,
): Promise<number> {
  const beside = NOT_BESIDE.find((name) => flags[name] !== undefined)
  if (beside !== undefined) throw new InputError(`--${beside}: expected no --grid beside it: remove one of the two`)
  const { only, budget, jobs, data, runs = path.join('runs', 'reproduce', `${experiment.name}-grid`) } = flags
  const grids = gridsOf(experiment, only, budget)
  await refuse()
  explaining(runs, 'cannot be written', () => makeFolder(runs))
  for (const { name, file } of grids) {
    const options = { ...file.options, ...(data !== undefined && { data }) }
    const dir = path.join(runs, name)
    writeOnce(`${dir}.json`, `${JSON.stringify({ ...file, options }, null, 2)}\n`, dir)
    say(`${experiment.name}  ${name}: irnn sweep ${dir}.json --dir ${dir}`)
    const code = await sweepFile(`${dir}.json`, { dir, ...(jobs !== undefined && { slots: jobs }) })
    if (code !== 0) return code
    resultLines(dir, { svg: `${dir}.svg` })
    print(`${dir}.svg`)
  }
  return 0
}

/** @throws InputError where the sweep has begun from another file */
function writeOnce(file: string, text: string, dir: string): void {
  if (!existsSync(dir)) explaining(file, 'cannot be written', () => writeAtomic(file, text))
  else if (readText(file) !== text) {
    throw new InputError(
      `${file}: expected the same --budget and --data as before but they differ: name another --runs`,
    )
  }
}

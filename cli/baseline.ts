/** `irnn baseline words`: what counting words scores on the text that networks are scored on. */
import { didYouMean, InputError, shown } from '../src/error.ts'
import type { Given } from '../src/flag.ts'
import { baselineLines, baselines } from '../src/tasks/words/baselines.ts'
import { openWords, sourcesOf } from '../src/tasks/words/load.node.ts'
import { print, say } from './say.ts'

/** Returns the exit code. */
export function baselineOf(task: string, flags: Given): number {
  if (task !== 'words')
    throw new InputError(`baseline: expected words but received ${shown(task)}${didYouMean(task, ['words'])}`)
  const { data } = openWords({ T: 1 }, { ...sourcesOf(flags), ...(!flags.json && { say }) })
  const scores = baselines(data)
  if (flags.json) print(JSON.stringify(scores))
  else for (const line of baselineLines(scores)) print(line)
  return 0
}

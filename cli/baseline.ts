/** `irnn baseline words`: what counting words scores on the text that networks are scored on. */
import type { Command } from 'commander'
import { didYouMean, InputError, shown } from '../src/error.ts'
import type { Given } from '../src/flag.ts'
import { baselineLines, baselines } from '../src/tasks/words/baselines.ts'
import { TEXT_SOURCES } from '../src/tasks/words/definition.node.ts'
import { openWords, sourcesOf } from '../src/tasks/words/load.node.ts'
import { JSON_RESULT, withFlags } from './options.ts'
import { print, say } from './say.ts'

/** @param finish takes the exit code */
export function baselineCommand(program: Command, finish: (code: number) => void): void {
  const command = program
    .command('baseline')
    .description(
      'words: perplexity of a unigram model and of an interpolated trigram with modified Kneser-Ney smoothing, on ' +
        'the text that irnn train words is scored on',
    )
    .argument('<task>', 'words')
  withFlags(command, [...TEXT_SOURCES, JSON_RESULT]).action((task: string, flags: Record<string, unknown>) =>
    finish(baselineOf(task, flags)),
  )
}

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

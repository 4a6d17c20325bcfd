/** `irnn eval DIR` and `irnn info DIR`: a run read back. */
import type { BackendName } from '../src/backend/backend.ts'
import { createBackend } from '../src/backend/choose.ts'
import { InputError } from '../src/error.ts'
import { metricOf } from '../src/metric.ts'
import { describeModel, loadModel } from '../src/model/modelFile.ts'
import { elements } from '../src/model/parameters.ts'
import { iterationOf } from '../src/runs/checkpoint.ts'
import { readRunFolder, type StoredRun } from '../src/runs/stored.ts'
import { openTask } from '../src/tasks/open.node.ts'
import { textOfRun } from '../src/tasks/words/load.node.ts'
import { tally, type WordsData } from '../src/tasks/words/words.ts'
import { evaluate } from '../src/train/evaluate.ts'
import { encodeEvent } from '../src/train/events.ts'
import { baselineLines, baselines } from './baseline.ts'
import { evalPhones, phoneErrorLines, type SpeechSourceFlags } from './phones.ts'
import { duration, grouped, scored } from './words.ts'

export interface EvalFlags extends SpeechSourceFlags {
  backend?: BackendName
  threads?: number
  best?: boolean
  json?: boolean
}

/** Scores the stored model on the task's test set, as config.json says it. */
export async function evalRun(dir: string, flags: EvalFlags): Promise<number> {
  const { data, backend: name, threads, best = false, json = false } = flags
  const run = readRunFolder(dir)
  const { name: taskName, options } = run.config.task
  const backend = await createBackend({ name, threads })
  const { model, iteration } = run.readModel(best ? 'best' : 'final', (source) => ({
    model: loadModel(source, { backend }),
    iteration: iterationOf(source) ?? iterations(run),
  }))
  const start = performance.now()
  const { activationCheckpointing, evalBatch: batch } = run.config.training
  if (taskName === 'phones') {
    const { test, phones } = await evalPhones({ model, options, batch, activationCheckpointing }, flags)
    const seconds = (performance.now() - start) / 1000
    if (json) {
      const { confusion, ...rates } = phones
      const counts = Array.from(confusion.counts)
      const event = JSON.parse(encodeEvent({ type: 'eval', iteration, seconds, test })) as object
      process.stdout.write(
        `${JSON.stringify({ ...event, phones: { ...rates, confusion: { ...confusion, counts } } })}\n`,
      )
    } else process.stdout.write(`${phoneErrorLines(phones).join('\n')}\n`)
    model.dispose()
    return 0
  }
  const task = await openTask(taskName, options, { data, dir })
  const test = await evaluate(model, task, { batch, activationCheckpointing })
  const seconds = (performance.now() - start) / 1000
  if (json) {
    process.stdout.write(`${encodeEvent({ type: 'eval', iteration, seconds, test })}\n`)
  } else {
    const how = `${grouped(task.testSize)} sequences in ${duration(seconds)}, ${backend.description}`
    process.stdout.write(`${scored({ test }, task)} on ${how}\n`)
    if (task.name === 'words') sayBeside(textOfRun(dir, task.options.vocabulary, data))
  }
  model.dispose()
  return 0
}

/** What a perplexity is to be read with: what was counted, and what counting words scores on it. */
function sayBeside(text: WordsData): void {
  const { tokens, sentences, unknown } = tally(text.test, text.vocabulary)
  process.stdout.write(
    `${grouped(tokens)} tokens, ${grouped(sentences)} of them </S>, ${((100 * unknown) / tokens).toFixed(2)} % <UNK>\n`,
  )
  try {
    for (const line of baselineLines(baselines(text))) process.stdout.write(`${line}\n`)
  } catch (error) {
    if (!(error instanceof InputError)) throw error
    process.stdout.write(`${error.message}\n`) // too much text to count: the score stands
  }
}

/** What a run was, how it went, and what its model holds. */
export async function infoRun(dir: string): Promise<number> {
  const run = readRunFolder(dir)
  const { config, events } = run
  const { spec, parameters, iteration } = run.readModel('final', (source) => ({
    ...describeModel(source),
    iteration: iterationOf(source) ?? iterations(run),
  }))
  const { rnn } = spec
  const weights = parameters.reduce((sum, { shape }) => sum + elements(shape), 0)
  const last = events.at(-1)
  const ended =
    last?.type === 'done'
      ? {
          iterations: 'all done',
          target: 'target reached',
          plateau: 'no better at any lower rate',
          stopped: 'stopped',
          collapse: 'stopped by its collapse',
        }[last.reason]
      : 'killed'
  const score = events.findLast((event) => event.type === 'eval')
  // Not from the task: a look at a run shall not load, or download, what it was trained on.
  const metric = score && metricOf(score.test)
  const { optimizer, clip } = config.training
  const options = Object.entries(config.task.options).map(([key, value]) => `${key} ${value}`)
  const lines = [
    ['task', `${config.task.name}: ${options.join(', ')}`],
    [
      'model',
      `${rnn.cell}, ${rnn.hidden} units, ${rnn.layers} layer${rnn.layers > 1 ? 's' : ''}${rnn.bidirectional ? ', both directions' : ''}`,
    ],
    [
      'training',
      `recipe ${config.recipe}, seed ${config.seed}: ${optimizer?.kind} at ${optimizer?.lr}, clip ${clip?.kind}, batch ${config.training.batch}`,
    ],
    [
      'ran',
      `${grouped(iterations(run))} of ${grouped(config.training.iterations)} iterations, ${ended}; ${config.backend.description}`,
    ],
    ['score', metric ? `${scored(score!, { metric })} at iteration ${grouped(score.iteration)}` : 'not evaluated'],
    ...parameters.map(({ name, shape }) => [name, `[${shape.join(', ')}]`]),
    ['weights', `${grouped(weights)}, of iteration ${grouped(iteration)}`],
  ]
  const width = Math.max(...lines.map(([key]) => key!.length))
  process.stdout.write(lines.map(([key, value]) => `${key!.padEnd(width)}  ${value}\n`).join(''))
  return 0
}

function iterations({ events }: StoredRun): number {
  return events.at(-1)?.iteration ?? 0
}

/** `irnn info DIR`: what a run was, how it went, and what its model holds. */
import { names } from '../src/flag.ts'
import { metricOf } from '../src/metric.ts'
import { describeModel } from '../src/model/modelFile.ts'
import { chosen, elements } from '../src/model/parameters.ts'
import { grouped } from '../src/numbers.ts'
import { iterationOf } from '../src/runs/checkpoint.ts'
import { type RunConfig, readRunFolder, type StoredRun } from '../src/runs/stored.ts'
import { ENDINGS, scored } from '../src/train/spoken.ts'
import { print, say } from './say.ts'

/** Returns the exit code. */
export async function infoRun(dir: string): Promise<number> {
  const run = readRunFolder(dir)
  const { config } = run
  for (const problem of run.problems) say(problem)
  const { spec, parameters, iteration, file } = run.readModel('final', (source, file) => ({
    ...describeModel(source),
    iteration: iterationOf(source) ?? iterations(run),
    file,
  }))
  const frozen = chosen(`${dir}: frozen`, listed(config, dir), parameters)
  const { rnn } = spec
  const stack = `${rnn.layers} layer${rnn.layers > 1 ? 's' : ''}${rnn.bidirectional ? ', both directions' : ''}`
  const weights = parameters.reduce((sum, { shape }) => sum + elements(shape), 0)
  const lines: [string, string][] = [
    [
      'task',
      `${config.task.name}: ${Object.entries(config.task.options)
        .map((entry) => entry.join(' '))
        .join(', ')}`,
    ],
    ['model', `${rnn.cell}, ${rnn.hidden} units, ${stack}`],
    ['training', training(config)],
    ['ran', ran(run)],
    ['score', score(run)],
    ...parameters.map((parameter): [string, string] => [
      parameter.name,
      `[${parameter.shape.join(', ')}]${frozen.includes(parameter) ? ', frozen' : ''}`,
    ]),
    ['weights', `${grouped(weights)}, of iteration ${grouped(iteration)}, in ${file}`],
  ]
  const width = Math.max(...lines.map(([key]) => key.length))
  for (const [key, value] of lines) print(`${key.padEnd(width)}  ${value}`)
  return 0
}

/** Names of frozen parameters, out of a file that anybody may have written. */
function listed({ training: { frozen = [] } }: RunConfig, dir: string): readonly string[] {
  return names.check(frozen, 'frozen', `${dir}: training`)
}

function training({ recipe, seed, training: { optimizer, clip, batch } }: RunConfig): string {
  return `recipe ${recipe}, seed ${seed}: ${optimizer?.kind} at ${optimizer?.lr}, clip ${clip?.kind}, batch ${batch}`
}

function ran(run: StoredRun): string {
  const last = run.events.at(-1)
  const ended = last?.type === 'done' ? ENDINGS[last.reason] : 'killed'
  const { training, backend } = run.config
  return `${grouped(iterations(run))} of ${grouped(training.iterations)} iterations, ${ended}; ${backend.description}`
}

/** The metric follows from the record. Asking the task for it would load, or download, its data. */
function score({ events }: StoredRun): string {
  const last = events.findLast((event) => event.type === 'eval')
  const metric = last && metricOf(last.test)
  return metric ? `${scored(last, { metric })} at iteration ${grouped(last.iteration)}` : 'not evaluated'
}

function iterations({ events }: StoredRun): number {
  return events.at(-1)?.iteration ?? 0
}

/** `irnn info DIR`: what a run was, how it went, and what its model holds. */
import type { Command } from 'commander'
import type { FitReport } from '../src/data/reading.ts'
import { readReport, readSchema } from '../src/data/run.node.ts'
import { isKind, type Schema } from '../src/data/schema.ts'
import { InputError } from '../src/error.ts'
import { names } from '../src/flag.ts'
import { metricOf } from '../src/metric.ts'
import { describeModel } from '../src/model/modelFile.ts'
import { chosen, elements, type ParameterShape } from '../src/model/parameters.ts'
import type { ModelSpec } from '../src/model/spec.ts'
import { grouped } from '../src/numbers.ts'
import { iterationOf } from '../src/runs/checkpoint.ts'
import { NO_TASK, type RunConfig, readRunFolder, type StoredRun } from '../src/runs/stored.ts'
import { type EvalEvent, encodeEvent } from '../src/train/events.ts'
import { ENDINGS, scored } from '../src/train/spoken.ts'
import { decidedBy, scoreLines } from './kinds.ts'
import { JSON_RESULT, withFlags } from './options.ts'
import { print, say } from './say.ts'

/** @param finish takes the exit code */
export function infoCommand(program: Command, finish: (code: number) => void): void {
  const command = program
    .command('info')
    .description('show what a run was and what its model holds')
    .argument('<dir>', 'folder of a run')
  withFlags(command, [JSON_RESULT]).action(async (dir: string, flags: { json?: boolean }) =>
    finish(await infoRun(dir, flags)),
  )
}

/** Returns the exit code. */
export async function infoRun(dir: string, { json = false }: { readonly json?: boolean } = {}): Promise<number> {
  const run = readRunFolder(dir)
  for (const problem of run.problems) say(problem)
  const model = run.readModel('final', (source, file) => ({
    ...describeModel(source),
    iteration: iterationOf(source) ?? iterations(run),
    file,
  }))
  const fit = isKind(run.config.task.name) ? fitOf(run) : null
  if (json) print(JSON.stringify({ ...record(run, model), ...(fit && { fit }) }))
  else for (const line of [...(fit ? fitLines(fit) : []), ...lines(run, model)]) print(line)
  return 0
}

interface Held {
  readonly spec: ModelSpec
  readonly parameters: readonly ParameterShape[]
  /** Of the model that the folder holds, and the file that it is in. */
  readonly iteration: number
  readonly file: string
}

interface Fit {
  readonly schema: Schema
  /** null: it cannot be read, which was said. */
  readonly report: FitReport | null
}

/** What irnn fit decided, and the scores of its test part. */
function fitOf(run: StoredRun): Fit {
  const schema = readSchema(run)
  try {
    return { schema, report: readReport(run, schema) }
  } catch (error) {
    if (!(error instanceof InputError)) throw error
    say(error.message)
    return { schema, report: null }
  }
}

function fitLines({ schema, report }: Fit): string[] {
  const decided = decidedBy(schema).map(([what, text]) => `${what.padEnd(8)} ${text}`)
  const scores = report ? scoreLines(schema, report.methods, report.winner, 'test part') : []
  return [...decided, ...scores.map((line) => line.slice(2)), '']
}

/** docs/json.md has its fields. */
function record(run: StoredRun, { spec, parameters, iteration, file }: Held): object {
  const { dir, config, events } = run
  const last = events.at(-1)
  const scored = evaluated(run)
  return {
    type: 'info',
    dir,
    config,
    iteration: iterations(run),
    ended: last?.type === 'done' ? last.reason : null,
    eval: scored ? JSON.parse(encodeEvent(scored)) : null,
    model: { file, iteration, spec, parameters, weights: weightsOf(parameters) },
  }
}

function weightsOf(parameters: readonly ParameterShape[]): number {
  return parameters.reduce((sum, { shape }) => sum + elements(shape), 0)
}

function lines(run: StoredRun, { spec, parameters, iteration, file }: Held): string[] {
  const { config, dir } = run
  const frozen = chosen(`${dir}: frozen`, listed(config, dir), parameters)
  const { rnn } = spec
  const stack = `${rnn.layers} layer${rnn.layers > 1 ? 's' : ''}${rnn.bidirectional ? ', both directions' : ''}`
  const options = Object.entries(config.task.options).map((entry) => entry.join(' '))
  const all: [string, string][] = [
    ['task', config.task.name === NO_TASK ? 'none' : [`${config.task.name}:`, options.join(', ')].join(' ')],
    ['model', `${rnn.cell}, ${rnn.hidden} units, ${stack}`],
    ...history(run),
    ...parameters.map((parameter): [string, string] => [
      parameter.name,
      `[${parameter.shape.join(', ')}]${frozen.includes(parameter) ? ', frozen' : ''}`,
    ]),
    [
      'weights',
      [
        grouped(weightsOf(parameters)),
        ...(config.imported ? [] : [`of iteration ${grouped(iteration)}`]),
        `in ${file}`,
      ].join(', '),
    ],
  ]
  const width = Math.max(...all.map(([key]) => key.length))
  return all.map(([key, value]) => `${key.padEnd(width)}  ${value}`)
}

/** How it came to its weights. */
function history(run: StoredRun): [string, string][] {
  const { config } = run
  if (config.imported) {
    const { file, sha256 } = config.imported
    return [['imported', `from ${file}, SHA-256 ${sha256.slice(0, 16)}…`]]
  }
  return [
    ['training', training(config)],
    ['ran', ran(run)],
    ['score', score(run)],
  ]
}

/** Names of frozen parameters, out of a file that anybody may have written. */
function listed({ training: { frozen = [] } }: RunConfig, dir: string): readonly string[] {
  return names.check(frozen, 'frozen', `${dir}: training`)
}

/** What trained it, in a line. */
export function training({ recipe, seed, training: { optimizer, clip, batch } }: RunConfig): string {
  const clipping = clip.kind === 'none' ? 'no clip' : `${clip.kind} clip ${clip.limit}`
  return `recipe ${recipe}, seed ${seed}: ${optimizer.kind} at ${optimizer.lr}, ${clipping}, batch ${batch}`
}

function ran(run: StoredRun): string {
  const last = run.events.at(-1)
  const ended = last?.type === 'done' ? ENDINGS[last.reason] : 'killed'
  const { training, backend } = run.config
  return `${grouped(iterations(run))} of ${grouped(training.iterations)} iterations, ${ended}; ${backend.description}`
}

function evaluated({ events }: StoredRun): EvalEvent | undefined {
  return events.findLast((event) => event.type === 'eval')
}

/** The metric follows from the record. Asking the task for it would load, or download, its data. */
function score(run: StoredRun): string {
  const last = evaluated(run)
  const metric = last && metricOf(last.test)
  return metric ? `${scored(last, { metric })} at iteration ${grouped(last.iteration)}` : 'not evaluated'
}

function iterations({ events }: StoredRun): number {
  return events.at(-1)?.iteration ?? 0
}

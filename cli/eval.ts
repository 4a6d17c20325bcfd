/** `irnn eval DIR`: the model of a run scored on its task's test set again. */
import type { Command } from 'commander'
import { createBackend } from '../src/backend/choose.ts'
import { isKind } from '../src/data/schema.ts'
import { InputError, shown } from '../src/error.ts'
import { loadModel } from '../src/model/modelFile.ts'
import { duration, grouped } from '../src/numbers.ts'
import { iterationOf } from '../src/runs/checkpoint.ts'
import { MODEL, NO_TASK, readRunFolder } from '../src/runs/stored.ts'
import { refuseUnheard, taskNamed } from '../src/tasks/tasks.node.ts'
import { evaluate } from '../src/train/evaluate.ts'
import { type EvalEvent, encodeEvent } from '../src/train/events.ts'
import { scored } from '../src/train/spoken.ts'
import { type EvalFlags, evalFit } from './evalFit.ts'
import { BACKEND, BEST, JSON_RESULT, STORED_SOURCES, THREADS, withFlags } from './options.ts'
import { print, say } from './say.ts'

/** @param finish takes the exit code */
export function evalCommand(program: Command, finish: (code: number) => void): void {
  const command = program
    .command('eval')
    .description('score the model of a run on its test set, or that of irnn fit on new rows')
    .argument('<dir>', 'folder of a run')
    .argument('[files...]', 'of a run of irnn fit: new rows that have what is right')
  withFlags(command, [...STORED_SOURCES, BACKEND, THREADS, BEST, JSON_RESULT]).action(
    async (dir: string, files: string[], flags: EvalFlags) => finish(await evalRun(dir, files, flags)),
  )
}

/** Scores the stored model, as config.json says it. Returns the exit code. */
export async function evalRun(dir: string, files: readonly string[], flags: EvalFlags): Promise<number> {
  const { backend: name, threads, best = false, json = false } = flags
  const run = readRunFolder(dir)
  const { config, events } = run
  if (isKind(config.task.name)) return evalFit(run, files, flags)
  if (config.task.name === NO_TASK) {
    throw new InputError(
      `${dir}: an imported model has no test set: import it with --like RUN, a run of the task that it is for`,
    )
  }
  if (files.length > 0) {
    throw new InputError(
      `eval: expected no files after the folder, for a run of irnn train ${config.task.name} knows its test set, but ` +
        `received ${shown(files[0])}: remove it`,
    )
  }
  const definition = taskNamed(config.task.name)
  refuseUnheard(definition, flags)
  const backend = await createBackend({ name, threads })
  for (const problem of run.problems) say(problem)
  const { model, iteration, file } = run.readModel(best ? 'best' : 'final', (source, file) => ({
    model: loadModel(source, { backend }),
    iteration: iterationOf(source) ?? events.at(-1)?.iteration ?? 0,
    file,
  }))
  if (!best && file !== MODEL) {
    say(`${dir}: it has no ${MODEL}: scoring ${file}, of iteration ${grouped(iteration)}`)
  }
  const start = performance.now()
  const { options } = config.task
  const { task, report } = await definition.open({ options, dir, flags, say, quiet: json })
  const { activationCheckpointing, evalBatch: batch, loss } = config.training
  const scorer = task.scorer?.()
  const test = await evaluate(model, task, { batch, activationCheckpointing, loss: loss ?? undefined, scorer })
  const result = scorer?.result()
  const seconds = (performance.now() - start) / 1000
  if (json) {
    print(encoded({ type: 'eval', iteration, seconds, test }, result === undefined ? {} : { [task.name]: result }))
  } else {
    const how = `${grouped(task.testSize)} sequences in ${duration(seconds)}, ${backend.description}`
    const line = `${scored({ test }, task)} on ${how}`
    for (const text of report?.({ line, result }) ?? [line]) print(text)
  }
  model.dispose()
  return 0
}

/** The event and what else was scored as one JSON object; typed arrays become arrays. */
function encoded(event: EvalEvent, more: object): string {
  const plain = { ...(JSON.parse(encodeEvent(event)) as object), ...more }
  return JSON.stringify(plain, (_, value) => (ArrayBuffer.isView(value) ? [...(value as Int32Array)] : value))
}

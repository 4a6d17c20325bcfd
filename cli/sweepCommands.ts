/** irnn sweep: many runs of one task, from a file that says which. */
import type { Command } from 'commander'
import { type Flag, oneOf, whole } from '../src/flag.ts'
import { JSON_LINES, JSON_RESULT, withFlags } from './options.ts'
import { type SweepFlags, sweepFile } from './sweep.ts'
import { cancelOn, type QueuedResults, type QueuedStatus, resultsOn, statusOn } from './sweepFrom.ts'
import { exportSweep, type PlanFlags, planSweep, runIndex } from './sweepPlan.ts'
import { QUEUE_FLAGS, type QueueFlags } from './sweepQueue.ts'
import { workerCommand } from './worker.ts'

const FLAGS: readonly Flag[] = [
  { flag: '--dir <dir>', help: 'folder of the sweep: a new one, or that of the same file, which goes on' },
  { flag: '--slots <N>', value: whole(), help: 'trials at a time, at the lowest priority (default: one a core)' },
  {
    flag: '--prune <how>',
    value: oneOf('asha'),
    help: 'stop a trial at its evaluation 1, 3, 9, … unless it is in the best third of those that came there',
  },
  {
    flag: '--sampler <who>',
    value: oneOf('optuna'),
    help: 'of trials that are drawn: who draws them, knowing what those before came to; needs a Python with Optuna',
  },
  ...QUEUE_FLAGS,
]

const PLAN: readonly Flag[] = [
  { flag: '--slurm', required: true, help: 'the script of a job array, for sbatch' },
  { flag: '--file <file>', help: 'make the folder from this file first' },
  { flag: '--slots <N>', value: whole(), help: 'trials at a time (default: as many as the scheduler gives)' },
]

const RESULTS: readonly Flag[] = [
  { flag: '--csv', help: 'the table as CSV' },
  { flag: '--svg <file>', help: 'of a grid: its scores by its first two options, the better the darker, as a picture' },
  { ...JSON_LINES, help: 'a JSON object a trial on stdout, in the order of their ids' },
]

/** @param finish takes the exit code */
export function sweepCommands(program: Command, finish: (code: number) => void): void {
  workerCommand(program, finish)
  const sweep = program
    .command('sweep')
    .description('train every network of a grid, or some drawn at random: docs/scale.md')
    .usage('<file> --dir <dir> [options] | status|results|plan|run|export|cancel <dir> [options]')
    .argument('<file>', 'YAML or JSON: task, options, space, seeds; or trials and seed, to draw at random')
    .enablePositionalOptions()
    .helpCommand(false) // irnn help sweep results
  withFlags(sweep, FLAGS).action(async (file: string, flags: SweepFlags) => finish(await sweepFile(file, flags)))
  const status = sweep.command('status').description('how far a sweep is').argument('<dir>', 'folder of a sweep')
  withFlags(status, [JSON_RESULT, ...QUEUE_FLAGS]).action(async (dir: string, flags: QueuedStatus) =>
    finish(await statusOn(dir, flags)),
  )
  const results = sweep
    .command('results')
    .description('the trials of a sweep and their scores, the best first')
    .argument('<dir>', 'folder of a sweep')
  withFlags(results, [...RESULTS, ...QUEUE_FLAGS]).action(async (dir: string, flags: QueuedResults) =>
    finish(await resultsOn(dir, flags)),
  )
  const plan = sweep
    .command('plan')
    .description('print what makes a scheduler of many machines run the trials that are not over')
    .argument('<dir>', 'folder of a sweep, which all machines share')
  withFlags(plan, PLAN).action((dir: string, flags: PlanFlags) => finish(planSweep(dir, flags)))
  const one = sweep.command('run').description('run what is left of one trial, whoever runs the others')
  withFlags(one, [
    { flag: '--dir <dir>', required: true, help: 'folder of a sweep' },
    { flag: '--index <i>', required: true, value: whole(0), help: 'which trial, from 0' },
  ]).action(async ({ dir, index }: { dir: string; index: number }) => finish(await runIndex(dir, index)))
  const exporting = sweep
    .command('export')
    .description('write a sweep for another program')
    .argument('<dir>', 'folder of a sweep')
  withFlags(exporting, [
    { flag: '--optuna <file>', required: true, help: 'a journal of Optuna: optuna-dashboard opens it' },
  ]).action((dir: string, { optuna }: { optuna: string }) => finish(exportSweep(dir, optuna)))
  const cancel = sweep
    .command('cancel')
    .description('stop whoever runs trials of a sweep; each saves where it is, and irnn sweep goes on')
    .argument('<dir>', 'folder of a sweep')
  withFlags(cancel, QUEUE_FLAGS).action(async (dir: string, flags: QueueFlags) => finish(await cancelOn(dir, flags)))
}

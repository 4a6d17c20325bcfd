/** `irnn train`: a command of each task, and `irnn train --resume`. */
import { InputError, shown } from '../src/error.ts'
import { longOf, nameOf } from '../src/flag.ts'
import type { TaskDefinition } from '../src/tasks/definition.ts'
import { TASK_NAMES, TASKS } from '../src/tasks/tasks.node.ts'
import type { IrnnCommand } from './command.ts'
import { RESUME_FLAGS, recipesHelp, trainFlags, withFlags } from './options.ts'
import { type ResumeFlags, resumeRun } from './resume.ts'
import { type TrainFlags, trainTask } from './train.ts'

/** @param finish takes the exit code */
export function trainCommands(program: IrnnCommand, finish: (code: number) => void): void {
  const train: IrnnCommand = program
    .command('train')
    .description(`train a network on a task: ${TASK_NAMES.join(', ')}`)
    .usage('<task> [options] | --resume <dir> [options]')
    .argument('[task]')
    .enablePositionalOptions() // train has options of its own, and a task the same ones after its name
    .allowUnknownOption()
    .allowExcessArguments()
    .option('--resume <dir>', 'go on with the run in a folder, as its config.json says, to the same bits')
    .hook('preSubcommand', (_, task) => refuseBefore(train, task.name()))
    .action(async (task: string | undefined, flags: Partial<ResumeFlags>) => {
      if (flags.resume !== undefined && task === undefined) finish(await resumeRun({ ...flags, resume: flags.resume }))
      else throw refusalOf(train, task, flags.resume)
    })
  withFlags(train, RESUME_FLAGS)
  for (const task of TASKS) taskCommand(train, task, finish)
}

function taskCommand(train: IrnnCommand, task: TaskDefinition, finish: (code: number) => void): void {
  // Commander hands `train`'s leniency down; what stands too much after a task is no more than a slip.
  const command = train.command(task.name).description(task.description).allowExcessArguments(false)
  withFlags(command, trainFlags(task), task)
    .addHelpText('after', () => recipesHelp(task))
    .action(async (flags: TrainFlags) => finish(await trainTask(task, flags)))
}

function refuseBefore(train: IrnnCommand, task: string): void {
  const flags: Partial<ResumeFlags> = train.opts()
  if (flags.resume !== undefined) throw refusalOf(train, task, flags.resume)
  const flag = RESUME_FLAGS.find((flag) => nameOf(flag) in flags)
  if (flag === undefined) return
  throw new InputError(
    `train: expected options after the task, ${task}, but received ${longOf(flag)} before it: move it`,
  )
}

function refusalOf(train: IrnnCommand, task: string | undefined, resume: string | undefined): InputError {
  if (resume === undefined) return train.refusal(task)
  const may = RESUME_FLAGS.map(longOf).join(', ')
  return new InputError(
    `train --resume: expected at most ${may} beside it but received ${shown(task)}: config.json says the rest`,
  )
}

/**
 * What a worker takes out of a queue: a trial and nothing else. Whoever may write to Redis chooses what workers run, so
 * that they take only what `irnn train` would be given of a sweep's file, under the hash that is its id, with data from
 * the folder that the worker was told of.
 */
import { realpathSync } from 'node:fs'
import * as path from 'node:path'
import { InputError, refuseUnknown, refuseUnless, shown } from '../error.ts'
import { isSwitch, longOf } from '../flag.ts'
import * as z from '../schema.ts'
import { taskNamed } from '../tasks/tasks.node.ts'
import { type FlagsOf, sweepOf } from './file.ts'
import { type Trial, type TrialConfig, trialsOf } from './trials.ts'

export interface JobChecks {
  readonly flagsOf: FlagsOf
  /** Folder below which all data lie that a trial may name. undefined: it may name none. */
  readonly data: string | undefined
}

const schema = z.strictObject({
  id: z.string(),
  config: z.strictObject({ task: z.string(), options: z.looseObject({}), seed: z.int().min(0) }),
})

/** @param id of the job @throws InputError, one line, for what is no trial of that id */
export function trialOfJob(id: string, raw: unknown, { flagsOf, data }: JobChecks): Trial {
  const where = `job ${shown(id)}`
  refuseUnknown(where, raw as object, ['id', 'config'])
  const result = schema.safeParse(raw)
  refuseUnless(result.success, where, 'the id and config of a trial', raw)
  const { task, options, seed } = (raw as Trial).config
  // As a sweep of one trial, which is checked as its file is.
  const [[name, value] = [], ...rest] = Object.entries(options)
  refuseUnless(name !== undefined, `${where}: options`, 'at least one', options)
  const file = { task, options: Object.fromEntries(rest), space: { [name]: [value] }, seeds: [seed] }
  const [trial] = trialsOf(sweepOf(file, where, flagsOf))
  if (trial!.id !== id || (raw as Trial).id !== id) {
    throw new InputError(`${where}: expected the hash of its configuration, ${trial!.id}, as its id: it was forged`)
  }
  refuseOtherData(trial!.config, where, data)
  return trial!
}

function refuseOtherData({ task, options }: TrialConfig, where: string, data: string | undefined): void {
  for (const flag of taskNamed(task).sources) {
    const value = options[longOf(flag).slice(2)]
    if (value === undefined || isSwitch(flag) || flag.value) continue
    const at = `${where}: ${longOf(flag).slice(2)}`
    if (data === undefined) {
      throw new InputError(`${at}: expected a worker that was told of data but it was not: start it with --data`)
    }
    if (!isWithin(realOf(path.resolve(data)), realOf(path.resolve(String(value))))) {
      throw new InputError(
        `${at}: expected a place in ${data}, the --data of this worker, but received ${shown(value)}`,
      )
    }
  }
}

function isWithin(folder: string, place: string): boolean {
  const way = path.relative(folder, place)
  return way === '' || !(way === '..' || way.startsWith(`..${path.sep}`) || path.isAbsolute(way))
}

/** Where links lead; of a pattern, or of what is not there, those of the folders above. */
function realOf(place: string): string {
  try {
    return realpathSync(place)
  } catch {
    const above = path.dirname(place)
    return above === place ? place : path.join(realOf(above), path.basename(place))
  }
}

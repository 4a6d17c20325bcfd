/** Writes the folder of a fit, when all of it is there. */
import { refuseNoObject, refuseNoText, refuseUnknown } from '../error.ts'
import { curve } from '../figures/curve.ts'
import { modelParts } from '../model/modelFile.ts'
import { runEvent } from '../runs/begin.ts'
import type { RunConfig } from '../runs/stored.ts'
import { writeRunFolder } from '../runs/whole.ts'
import type { Fitted } from './fit.ts'

/** The name of the schema in a model's metadata. */
export const SCHEMA = 'schema'
/** The file of what a fit was worth. */
export const REPORT = 'report.json'

/** How the folder of a fit is made. */
export interface SaveOptions {
  /** Version of irnn. */
  readonly version: string
  /** Replace the run that is in the folder. Default false. */
  readonly overwrite?: boolean | undefined
  /** Is given a line where there is something to know. */
  readonly say?: ((line: string) => void) | undefined
  /** The command that makes the same fit again, for the first record of the run. Default null: none has made it. */
  readonly command?: string | null | undefined
}

/**
 * Writes the folder of a fit: all of it, or nothing.
 * @throws InputError when it cannot be written or is not empty
 */
export function saveFit(fitted: Fitted, dir: string, options: SaveOptions): void {
  refuseUnknown('saveFit', options, ['version', 'overwrite', 'say', 'command'])
  const { version, overwrite = false, say, command = null } = options
  refuseNoObject('saveFit', fitted)
  refuseNoText('saveFit: dir', dir)
  const { model, trial, events, outcome, seed } = fitted
  const config = configOf(fitted, version)
  const id = `${titleOf(fitted)}-${model.spec.rnn.cell}-seed${seed}`
  writeRunFolder(dir, config, { overwrite, files: outcome.files, ...(say && { say }) }, (folder) => {
    const sha256 = folder.saveModel(modelParts(model, { [SCHEMA]: JSON.stringify(outcome.schema) }))
    folder.append(runEvent(config, { id, task: trial.task, model, command }))
    for (const event of events) folder.append(event.type === 'done' ? { ...event, model: { sha256 } } : event)
    folder.saveCurve(curve(events, trial.task, `${titleOf(fitted)}: ${trial.name}`))
  })
}

function titleOf({ outcome: { schema } }: Fitted): string {
  return schema.kind === 'forecast' ? schema.targets.slice(0, 3).join(', ') : schema.target
}

function configOf(fitted: Fitted, version: string): RunConfig {
  const { trial, model, training, seed } = fitted
  const { name, threads, description, instructionSet } = model.backend
  return {
    version,
    title: `${titleOf(fitted)}: ${trial.name}`,
    recipe: trial.recipe,
    seed,
    task: { name: trial.task.name, options: trial.task.options },
    model: model.spec,
    training,
    checkpointEvery: null,
    backend: { name, threads, description, ...(instructionSet && { instructionSet }) },
    machine: { node: process.version, platform: process.platform, arch: process.arch },
  }
}

/** Writes the folder of a fit, when all of it is there. */
import * as fs from 'node:fs'
import * as path from 'node:path'
import { explaining, makeFolder } from '../disk.node.ts'
import { InputError, refuseNoObject, refuseNoText, refuseUnknown } from '../error.ts'
import { curve } from '../figures/curve.ts'
import { modelParts } from '../model/modelFile.ts'
import { createRunFolder } from '../runs/folder.ts'
import { CONFIG, type RunConfig } from '../runs/stored.ts'
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
}

/** @throws InputError unless a run can be written there: before anything is trained */
export function refuseFolder(dir: string, overwrite = false): void {
  explaining(dir, 'cannot be written', () => {
    const stats = fs.lstatSync(dir, { throwIfNoEntry: false })
    if (!stats) return
    if (!stats.isDirectory()) throw new InputError(`${dir}: expected a new or empty folder but it is a file`)
    const held = fs.readdirSync(dir)
    if (held.length === 0 || (overwrite && held.includes(CONFIG))) return
    const remedy = held.includes(CONFIG) ? 'a run: name another or add --overwrite' : 'other files: name another folder'
    throw new InputError(`${dir}: expected a new or empty folder but it holds ${remedy}`)
  })
}

/**
 * Writes the folder of a fit. It is made under another name and renamed when it is whole, so that whatever happens,
 * there is no half of a run.
 * @throws InputError when it cannot be written or is not empty
 */
export function saveFit(fitted: Fitted, dir: string, options: SaveOptions): void {
  refuseUnknown('saveFit', options, ['version', 'overwrite', 'say'])
  const { version, overwrite = false, say } = options
  refuseNoObject('saveFit', fitted)
  refuseNoText('saveFit: dir', dir)
  refuseFolder(dir, overwrite)
  const { model, trial, events, outcome } = fitted
  const making = `${path.resolve(dir)}.${process.pid}.making`
  try {
    explaining(dir, 'cannot be written', () => makeFolder(path.dirname(path.resolve(dir))))
    const folder = createRunFolder(making, configOf(fitted, version), { files: outcome.files, ...(say && { say }) })
    try {
      const parts = modelParts(model, { [SCHEMA]: JSON.stringify(outcome.schema) })
      const sha256 = folder.saveModel(parts)
      for (const event of events) folder.append(event.type === 'done' ? { ...event, model: { sha256 } } : event)
      folder.saveCurve(curve(events, trial.task, `${titleOf(fitted)}: ${trial.name}`))
    } finally {
      folder.close()
    }
    explaining(dir, 'cannot be written', () => {
      if (fs.existsSync(dir)) fs.rmSync(dir, { recursive: true })
      fs.renameSync(making, dir)
    })
  } finally {
    fs.rmSync(making, { recursive: true, force: true })
  }
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

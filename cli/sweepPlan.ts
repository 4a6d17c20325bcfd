/** `irnn sweep plan`, `run` and `export`: for other programs, those that hand out trials and those that show them. */
import { rmSync } from 'node:fs'
import * as path from 'node:path'
import { explaining, writeAtomic } from '../src/disk.node.ts'
import { InputError } from '../src/error.ts'
import { beginSweep, CANCEL, isOver, readSweepFolder } from '../src/sweep/folder.ts'
import { optunaJournal } from '../src/sweep/optuna.ts'
import { runAlone } from '../src/sweep/run.ts'
import { slurmScript } from '../src/sweep/slurm.ts'
import { print, say } from './say.ts'
import { stopOnSignals } from './signals.ts'
import { flagsOf, folderFrom, MAIN, STOPPED } from './sweep.ts'

const COMMAND = [process.execPath, MAIN]

export interface PlanFlags {
  readonly slurm: true
  readonly file?: string
  readonly slots?: number
}

/** Prints the script of the trials that are not over; nothing, after a word, when all are. */
export function planSweep(dir: string, { file, slots }: PlanFlags): number {
  const made = file === undefined ? readSweepFolder(dir, flagsOf) : folderFrom(file, dir)
  if (made.sweep.sampler !== undefined) {
    throw new InputError(`${dir}: expected trials that are known beforehand but a sampler draws them: run irnn sweep`)
  }
  // Made and unlocked at once: its trials have locks of their own.
  if (file !== undefined) beginSweep(made, flagsOf, say)()
  const folder = readSweepFolder(dir, flagsOf)
  explaining(dir, 'cannot be written', () => rmSync(path.join(dir, CANCEL), { force: true }))
  const script = slurmScript(folder, { command: COMMAND, slots })
  if (script === null) say(`${dir}: all trials are over`)
  else for (const line of script.trimEnd().split('\n')) print(line)
  return 0
}

/** Writes a journal of Optuna, the study named as the folder. */
export function exportSweep(dir: string, file: string): number {
  const journal = optunaJournal(readSweepFolder(dir, flagsOf), path.basename(path.resolve(dir)))
  explaining(file, 'cannot be written', () => writeAtomic(file, journal))
  return 0
}

/** Runs what is left of one trial. Returns the exit code: 75 when it was stopped and can go on. */
export async function runIndex(dir: string, index: number): Promise<number> {
  const { trials } = readSweepFolder(dir, flagsOf)
  const trial = trials[index]
  if (!trial) throw new InputError(`--index: expected 0 to ${trials.length - 1} but received ${index}`)
  const stop = stopOnSignals({ say, show() {}, clear() {} }, 'saving the trial')
  try {
    const { outcome, message } = await runAlone(dir, trial, { command: COMMAND, stop })
    if (isOver(outcome)) return 0
    if (message !== undefined) say(`${trial.id}: ${message}`)
    return message === undefined ? STOPPED : 1
  } finally {
    stop.release()
  }
}

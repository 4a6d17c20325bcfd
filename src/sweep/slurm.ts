/** The script of a Slurm job array: a task for each trial that is not over. Slurm is the queue. */
import * as path from 'node:path'
import { CANCEL, isOver, outcomeOf, type SweepFolder } from './folder.ts'

export interface SlurmOptions {
  /** How to start the command on every machine: executable and first arguments. */
  readonly command: readonly string[]
  /** Tasks at a time; default as many as Slurm gives. */
  readonly slots?: number | undefined
}

/** null: all trials are over. @throws InputError when a folder of a trial holds something else */
export function slurmScript({ dir, trials }: SweepFolder, { command, slots }: SlurmOptions): string | null {
  const left = trials.flatMap((trial, i) => (isOver(outcomeOf(dir, trial)) ? [] : [i]))
  if (left.length === 0) return null
  const folder = path.resolve(dir)
  const run = [...command, 'sweep', 'run', '--dir', folder].map(quoted).join(' ')
  return `#!/bin/bash
#SBATCH --job-name=irnn-sweep
#SBATCH --array=${rangesOf(left)}${slots === undefined ? '' : `%${slots}`}
#SBATCH --cpus-per-task=1
#SBATCH --time=04:00:00
#SBATCH --signal=B:TERM@60
#SBATCH --requeue
#SBATCH --open-mode=append
${run} --index "$SLURM_ARRAY_TASK_ID" & pid=$!
trap 'kill -TERM $pid' TERM
wait $pid; rc=$?
while kill -0 $pid 2>/dev/null; do wait $pid; rc=$?; done
if [ $rc -eq 75 ] && [ ! -e ${quoted(path.join(folder, CANCEL))} ]; then
  scontrol requeue "\${SLURM_ARRAY_JOB_ID}_\${SLURM_ARRAY_TASK_ID}"
fi
exit $rc
`
}

/** A word of the shell. */
function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`
}

/** Ascending numbers as Slurm writes them: 0-2,5. */
export function rangesOf(numbers: readonly number[]): string {
  const ranges: [number, number][] = []
  for (const n of numbers) {
    const last = ranges.at(-1)
    if (last && last[1] === n - 1) last[1] = n
    else ranges.push([n, n])
  }
  return ranges.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(',')
}

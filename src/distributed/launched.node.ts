/** What a launcher, mpirun or srun, says of this process before there is an MPI. */
import { InputError } from '../error.ts'

/** Which rank this process is, as its launcher says before there is an MPI; 0 where there is no launcher. */
export function launchedRank(env: NodeJS.ProcessEnv = process.env): number {
  return Number(env.OMPI_COMM_WORLD_RANK ?? env.PMIX_RANK ?? env.PMI_RANK ?? 0)
}

/** @throws InputError where srun has started several ranks that cannot find each other */
export function refuseBareSrun(env: NodeJS.ProcessEnv = process.env): void {
  const told = ['OMPI_COMM_WORLD_RANK', 'PMIX_RANK', 'PMI_RANK'].some((name) => env[name] !== undefined)
  if (told || env.SLURM_STEP_ID === undefined || !(Number(env.SLURM_STEP_NUM_TASKS) > 1)) return
  throw new InputError('mpi: expected srun --mpi=pmix but srun was called without it, so ranks do not meet: add it')
}

/** Ranks of Open MPI, where it is. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { after } from 'node:test'
import { home, MAIN } from './command.ts'

/** Why there can be none, in a line that the test's report shows; false where there can. */
export const noMpi: string | false =
  spawnSync('mpirun', ['--version']).status === 0 && spawnSync('mpicxx', ['--version']).status === 0
    ? false
    : 'Open MPI (mpirun, mpicxx) is not here'

/** Open MPI asks root twice. */
export const AS_ROOT: NodeJS.ProcessEnv = {
  ...process.env,
  OMPI_ALLOW_RUN_AS_ROOT: '1',
  OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: '1',
}
// On machines with fewer cores than ranks, a rank that waits shall not take the core from one that works.
const LENIENT = ['--oversubscribe', '--bind-to', 'none', '--mca', 'mpi_yield_when_idle', '1']

export interface Job {
  readonly child: ChildProcess
  readonly result: Promise<{ readonly code: number | null; readonly out: string; readonly lines: readonly string[] }>
}

/** [ranks, ...arguments of irnn] */
export type Program = readonly (string | number)[]

/** Starts programs on ranks. `lines` are those of irnn on stderr. What is left when the test file ends is killed. */
export function startRanks(...programs: readonly Program[]): Job {
  const each = programs.map(([n, ...args]) => ['-n', String(n), process.execPath, MAIN, ...args.map(String)])
  const args = [...LENIENT, ...each.flatMap((program, i) => (i === 0 ? program : [':', ...program]))]
  const child = spawn('mpirun', args, { cwd: home, env: AS_ROOT })
  after(() => child.kill('SIGKILL')) // the ranks end with it
  let out = ''
  let err = ''
  child.stdout.on('data', (data) => {
    out += data
  })
  child.stderr.on('data', (data) => {
    err += data
  })
  const result = new Promise<Awaited<Job['result']>>((resolve) =>
    child.on('close', (code) => {
      const lines = err.split('\n').filter((line) => line.startsWith('irnn: ') && !line.includes('building the add-on'))
      resolve({ code, out, lines })
    }),
  )
  return { child, result }
}

/** The processes that mpirun has started, rank by rank. */
export function processesOf({ child }: Job): number[] {
  const { stdout } = spawnSync('ps', ['-o', 'pid=', '--ppid', String(child.pid)], { encoding: 'utf8' })
  return stdout.trim().split(/\s+/).map(Number)
}

/** irnn mpi: what `--distributed mpi` needs of this machine. */
import { fileURLToPath } from 'node:url'
import { call, INSTALL, mpiAddon, wrapper } from '../src/distributed/build.node.ts'
import { joinMpi } from '../src/distributed/mpi.node.ts'
import { InputError } from '../src/error.ts'
import type { IrnnCommand } from './command.ts'
import { print, say } from './say.ts'

/** @param finish takes the exit code */
export function mpiCommands(program: IrnnCommand, finish: (code: number) => void): void {
  // Its help is irnn help mpi doctor.
  const mpi = program.command('mpi').description('training on several ranks: docs/scale.md').helpCommand(false)
  mpi
    .command('build')
    .description('make the add-on for the MPI that is installed, as --distributed mpi does when it is first needed')
    .action(() => {
      print(mpiAddon(() => say('irnn: building the add-on for MPI')))
      finish(0)
    })
  mpi
    .command('doctor')
    .description('say what is here of what ranks need, and let two of them add up')
    .action(() => finish(doctor()))
  mpi
    .command('test')
    .description('under mpirun or srun: let the ranks add up, and say who they are')
    .action(() => finish(test()))
}

/** Each line says of one thing what it is, or what to do. */
function doctor(): number {
  const checks: (() => string)[] = [
    () => `compiler wrapper: ${firstLine(must(wrapper(), ['--version'], INSTALL))}`,
    () => `launcher: ${firstLine(must('mpirun', ['--version'], INSTALL))}`,
    () => `add-on: ${mpiAddon()}`,
    () => twoRanks(),
  ]
  for (const check of checks) {
    try {
      print(check())
    } catch (error) {
      if (!(error instanceof InputError)) throw error
      say(`irnn: ${error.message}`)
      return 2
    }
  }
  return 0
}

const MAIN = fileURLToPath(new URL('main.js', import.meta.url))
/** More ranks than cores, also where root calls, as in a container. */
const LENIENT = { ...process.env, OMPI_ALLOW_RUN_AS_ROOT: '1', OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: '1' }

function twoRanks(): string {
  const args = ['--oversubscribe', '--bind-to', 'none', '-n', '2', process.execPath, MAIN, 'mpi', 'test']
  const { ok, text } = call('mpirun', args, LENIENT)
  if (ok) return firstLine(text)
  throw new InputError(`mpi: two ranks did not come together: ${text.replace(/\s+/g, ' ')}`)
}

function must(program: string, args: readonly string[], remedy: string): string {
  const { ok, text } = call(program, args)
  if (ok) return text
  throw new InputError(`mpi: expected ${program} but cannot call it: ${firstLine(text)}: ${remedy}`)
}

function firstLine(text: string): string {
  return text.split('\n')[0]!
}

function test(): number {
  const group = joinMpi()
  const sum = Float64Array.of(2 ** group.rank)
  group.sumTree(sum)
  const right = sum[0] === 2 ** group.size - 1
  const first = group.rank === 0
  const ranks = `${group.size} rank${group.size === 1 ? '' : 's'}`
  const text = `${ranks}, ${group.here} of them on this machine; ${group.library.split(',')[0]}`
  if (first && right) print(`${text}: their sum is right`)
  group.close()
  if (right) return 0
  if (first) say(`irnn: ${text}: their sum is wrong`)
  return 1
}

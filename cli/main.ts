#!/usr/bin/env node
/**
 * The command. Exit codes: 0 the work was done, 1 it failed while running or nobody read on, 2 bad arguments or input,
 * 75 a sweep, or ranks that train together, were stopped and can go on, 77 another process took the run over, 130 and
 * 143 stopped by a signal. Results go to stdout, everything else to stderr.
 */
import { setTimeout } from 'node:timers/promises'
import { CommanderError } from 'commander'
import { launchedRank } from '../src/distributed/launched.node.ts'
import { InputError, printable } from '../src/error.ts'
import { FencedError } from '../src/runs/fence.ts'
import { VERSION } from '../src/version.ts'
import { IrnnCommand } from './command.ts'
import { helpCommand } from './help.ts'
import { watchOutput } from './say.ts'

type Finish = (code: number) => void
type Register = (program: IrnnCommand, finish: Finish) => void

/** The commands of each file, in the order of the help. A file is loaded for its commands alone, or for the help. */
const FILES: readonly (readonly [commands: readonly string[], load: () => Promise<Register>])[] = [
  [['train'], async () => (await import('./trainCommands.ts')).trainCommands],
  [['fit', 'predict', 'backtest'], async () => (await import('./fitCommands.ts')).fitCommands],
  [['export'], async () => (await import('./export.ts')).exportCommand],
  [['serve'], async () => (await import('./serve.ts')).serveCommand],
  [['watch'], async () => (await import('./watch.ts')).watchCommand],
  [['dashboard'], async () => (await import('./dashboard.ts')).dashboardCommand],
  [['play'], async () => (await import('./play.ts')).playCommand],
  [['report'], async () => (await import('./report.ts')).reportCommand],
  [['phones'], async () => (await import('./phones.ts')).listenCommand],
  [['eval'], async () => (await import('./eval.ts')).evalCommand],
  [['info'], async () => (await import('./info.ts')).infoCommand],
  [['import'], async () => (await import('./import.ts')).importCommand],
  [['data'], async () => (await import('./cloneCommands.ts')).dataCommand],
  [['sample'], async () => (await import('./sample.ts')).sampleCommand],
  [['baseline'], async () => (await import('./baseline.ts')).baselineCommand],
  [['worker', 'sweep'], async () => (await import('./sweepCommands.ts')).sweepCommands],
  [['mpi'], async () => (await import('./mpi.ts')).mpiCommands],
  [['reproduce'], async () => (await import('./cloneCommands.ts')).reproduceCommand],
]

/** @param first of the words after irnn: of what is no command, the help or a refusal names all */
async function command(first: string | undefined, finish: Finish): Promise<IrnnCommand> {
  const program = new IrnnCommand('irnn')
    .description('Train and run recurrent networks: the IRNN of Le, Jaitly & Hinton (2015), and tanh, ReLU, LSTM, GRU.')
    .version(VERSION)
    .exitOverride()
    .enablePositionalOptions()
  const called = FILES.filter(([commands]) => first !== undefined && commands.includes(first))
  for (const [, load] of called.length > 0 ? called : FILES) (await load())(program, finish)
  helpCommand(program)
  return program
}

/** A run was taken over by a process of another machine (src/runs/fence.ts). */
const FENCED = 77

async function main(): Promise<void> {
  try {
    const program = await command(process.argv[2], (code) => {
      process.exitCode = code
    })
    await program.parseAsync()
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? 0 : 2 // it has shown the help or the version
      return
    }
    // What is wrong on all ranks, rank 0 says, and the launcher ends the others meanwhile.
    if (launchedRank() > 0) await setTimeout(2000)
    const { name, message } = error as Error
    const expected = error instanceof InputError || name === 'DivergenceError' || error instanceof FencedError
    process.stderr.write(
      `irnn: ${expected || process.env.IRNN_DEBUG === undefined ? printable(message) : (error as Error).stack}\n`,
    )
    process.exitCode = error instanceof InputError ? 2 : error instanceof FencedError ? FENCED : 1
  }
}

watchOutput()
await main()

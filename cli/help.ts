/** `irnn help train adding`: the help of any command, by the words that call it. */
import { InputError, shown } from '../src/error.ts'
import type { IrnnCommand } from './command.ts'

/** In place of commander's own, which looks at the first word alone. */
export function helpCommand(program: IrnnCommand): void {
  program
    .helpCommand(false)
    .command('help')
    .description('show the help of a command')
    .argument('[command...]', 'its words, e.g. train adding')
    .action((words: readonly string[]) => commandAt(program, words).outputHelp())
}

/** @throws InputError when there is none */
function commandAt(command: IrnnCommand, [word, ...rest]: readonly string[]): IrnnCommand {
  if (word === undefined) return command
  const found = command.commands.find((one) => one.name() === word)
  if (found) return commandAt(found as IrnnCommand, rest)
  if (command.commands.length > 0) throw command.refusal(word)
  throw new InputError(`help: expected no more words after ${command.name()} but received ${shown(word)}: remove it`)
}

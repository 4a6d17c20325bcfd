/** `irnn help train adding`: the help of any command, by the words that call it. */
import type { Command } from 'commander'
import { didYouMean, InputError, shown } from '../src/error.ts'

/** In place of commander's own, which looks at the first word alone. */
export function helpCommand(program: Command): void {
  program
    .helpCommand(false)
    .command('help')
    .description('show the help of a command')
    .argument('[command...]', 'its words, e.g. train adding')
    .action((words: readonly string[]) => commandAt(program, words).outputHelp())
}

/** @throws InputError when there is none */
function commandAt(command: Command, [word, ...rest]: readonly string[]): Command {
  if (word === undefined) return command
  const found = command.commands.find((one) => one.name() === word)
  if (found) return commandAt(found, rest)
  const names = command.commands.map((one) => one.name())
  const expected = names.length > 0 ? `one of ${names.join(', ')}` : 'no more words'
  throw new InputError(
    `help: ${command.name()}: expected ${expected} but received ${shown(word)}${didYouMean(word, names)}`,
  )
}

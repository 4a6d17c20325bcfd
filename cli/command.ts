/** Commander's command, which says what is wrong with a command line in the words that all of irnn uses. */
import { Command, type HelpContext as Context, type Option } from 'commander'
import { didYouMean, InputError, shown } from '../src/error.ts'

export class IrnnCommand extends Command {
  override createCommand(name?: string): IrnnCommand {
    return new IrnnCommand(name)
  }

  /** No option repeats: of two values commander would take the last, and nobody would hear of the first. */
  override addOption(option: Option): this {
    let given = false
    super.addOption(option)
    return this.on(`option:${option.name()}`, () => {
      if (given) {
        throw new InputError(`${this.call()}: ${option.long}: expected it once but received it twice: remove one`)
      }
      given = true
    })
  }

  /** In place of a line of commander's own, whose code says what is wrong. */
  override error(message: string, { code }: { code?: string } = {}): never {
    const quoted = /'([\s\S]*?)'/.exec(message)?.[1] ?? ''
    const call = this.call()
    const where = call === '' ? '' : `${call}: `
    const help = `see irnn ${call === '' ? '' : `${call} `}--help`
    switch (code) {
      case 'commander.unknownOption': {
        const options = this.createHelp().visibleOptions(this)
        const meant = didYouMean(
          quoted,
          options.flatMap(({ long }) => long ?? []),
        )
        throw new InputError(`${where}${shown(quoted)}: no such option${meant || `; ${help}`}`)
      }
      case 'commander.optionMissingArgument': {
        const [flag, value] = quoted.split(' ')
        throw new InputError(`${where}${flag}: expected ${value} after it but received nothing; ${help}`)
      }
      case 'commander.missingMandatoryOptionValue':
        throw new InputError(`${where}expected ${quoted} but received nothing: add it; ${help}`)
      case 'commander.missingArgument':
        throw new InputError(`${where}expected <${quoted}> but received nothing: add it; ${help}`)
      case 'commander.excessArguments': {
        const wanted = this.registeredArguments.map((argument) => `<${argument.name()}>`)
        const expected = wanted.length > 0 ? `only ${wanted.join(' ')} and options` : 'only options'
        const word = this.args[wanted.length]
        const remedy = word === 'help' ? `write irnn help ${call}` : TOO_MANY
        throw new InputError(`${where}expected ${expected} but received ${shown(word)}: ${remedy}`)
      }
      case 'commander.unknownCommand':
        throw this.refusal(this.args[0])
      default:
        throw new InputError(`${where}${message.replace(/^error: /, '')}`)
    }
  }

  /** `irnn data` alone asks for nothing; `irnn` alone shows the help. */
  override help(context?: Context | ((text: string) => string)): never {
    if (typeof context === 'object' && context.error && this.parent) throw this.refusal(undefined)
    return super.help(context as Context)
  }

  /** What to say of a word that is none of its commands. */
  refusal(word: string | undefined): InputError {
    const call = this.call()
    const names = this.commands.map((one) => one.name())
    const received = word === undefined ? 'nothing' : shown(word)
    const remedy = word === 'help' ? `: write irnn help ${call} ${names[0]}` : didYouMean(word, names)
    return new InputError(`${call || 'command'}: expected one of ${names.join(', ')} but received ${received}${remedy}`)
  }

  /** The words that call it, after irnn: `train adding`. */
  private call(): string {
    return this.parent ? `${(this.parent as IrnnCommand).call()} ${this.name()}`.trim() : ''
  }
}

const TOO_MANY = 'remove it, or put words that belong together in quotation marks'

/**
 * Lines to the terminal: results to stdout, everything else to stderr. What they quote of files, a title or the words
 * of a vocabulary, never ends the line nor reaches the terminal as a control character.
 */
import { printable } from '../src/error.ts'

export function print(line: string): void {
  process.stdout.write(`${printable(line)}\n`)
}

export function say(line: string): void {
  process.stderr.write(`${printable(line)}\n`)
}

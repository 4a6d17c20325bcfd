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

/**
 * `irnn … | head`: a reader that went away ends the command without a word; any other failure of output (a full disk)
 * is said once. A run stops well and is saved (signals.ts), a command without a run ends at once. Whatever the command
 * made of it, its exit code is not 0: somebody would take what was not written for the result.
 */
export function watchOutput(): void {
  let failed = false
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE' && stream === process.stdout && !failed) {
        say(`irnn: standard output: cannot be written: ${error.message}`)
      }
      failed = true
      if (stream.listenerCount('error') === 1) process.exit(1)
    })
  }
  process.on('exit', (code) => {
    if (failed && code === 0) process.exitCode = 1
  })
}

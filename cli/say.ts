/** Lines to the terminal: results to stdout, everything else to stderr. */

export function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

export function say(line: string): void {
  process.stderr.write(`${line}\n`)
}

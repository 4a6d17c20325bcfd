/** A command in this process, for speed: what it says, and how it ends. */
import { InputError } from '../../src/error.ts'

export interface Said {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** What a command says. An error counts as it does in main: its line, and code 2 if it is the user's. */
export async function said(work: () => Promise<number>): Promise<Said> {
  const text = { stdout: '', stderr: '' }
  const writes = { stdout: process.stdout.write, stderr: process.stderr.write }
  for (const name of ['stdout', 'stderr'] as const) {
    process[name].write = (...args: unknown[]) => {
      const [chunk] = args
      if (typeof chunk !== 'string') return (writes[name] as (...all: unknown[]) => boolean).apply(process[name], args)
      text[name] += chunk // the test runner writes bytes
      return true
    }
  }
  let code: number
  try {
    code = await work()
  } catch (error) {
    if (!(error instanceof InputError)) throw error
    text.stderr += error.message
    code = 2
  } finally {
    for (const name of ['stdout', 'stderr'] as const) process[name].write = writes[name]
  }
  return { code, out: text.stdout, err: text.stderr }
}

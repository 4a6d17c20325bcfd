/** SIGINT, SIGTERM and SIGHUP end a run well; the second one ends the process. */
import type { Progress } from './progress.ts'

export interface Stop {
  readonly signal: AbortSignal
  /** Stops the work without a signal. */
  now(): void
  /** 130 after SIGINT, 143 after SIGTERM, 129 after SIGHUP, as shells have it; 1 when output could not be written. */
  exitCode(): number
  /** Back to the default: a signal kills. */
  release(): void
}

const CODES: Readonly<Partial<Record<NodeJS.Signals, number>>> = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 }

/** @param doing what is done before the process ends */
export function stopOnSignals({ say }: Progress, doing = 'saving the model'): Stop {
  const controller = new AbortController()
  let code = 1
  const handler = (name: NodeJS.Signals) => {
    if (controller.signal.aborted) {
      release()
      process.kill(process.pid, name)
      return
    }
    code = CODES[name] ?? 1
    controller.abort()
    say(`stopping: ${doing}; once more to quit at once`)
  }
  // A reader that went away, or a full disk behind the output: what was computed is saved all the same.
  const broken = () => controller.abort()
  const names = Object.keys(CODES) as NodeJS.Signals[]
  const release = () => {
    for (const name of names) process.off(name, handler)
    for (const stream of [process.stdout, process.stderr]) stream.off('error', broken)
  }
  for (const name of names) process.on(name, handler)
  for (const stream of [process.stdout, process.stderr]) stream.on('error', broken)
  return { signal: controller.signal, now: () => controller.abort(), exitCode: () => code, release }
}

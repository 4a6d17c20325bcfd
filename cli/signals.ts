/** SIGINT and SIGTERM end a run well; the second one ends the process. */
import type { Progress } from './progress.ts'

export interface Stop {
  readonly signal: AbortSignal
  /** 130 after SIGINT, 143 after SIGTERM, as shells have it; 1 when it was a reader that went away. */
  exitCode(): number
  /** Back to the default: a signal kills. */
  release(): void
}

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
    code = name === 'SIGINT' ? 130 : 143
    controller.abort()
    say(`stopping: ${doing}; once more to quit at once`)
  }
  const broken = (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    controller.abort()
  }
  const release = () => {
    process.off('SIGINT', handler)
    process.off('SIGTERM', handler)
  }
  process.on('SIGINT', handler)
  process.on('SIGTERM', handler)
  for (const stream of [process.stdout, process.stderr]) stream.on('error', broken)
  return { signal: controller.signal, exitCode: () => code, release }
}

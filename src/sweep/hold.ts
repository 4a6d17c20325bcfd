/** Processes that stand still while a file is there: the machine is wanted for something else, and nothing is lost. */
import type { ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'

const LOOK_MS = 1000

export interface Hold {
  /** A process to be stopped and to go on with the others. */
  take(child: ChildProcess): void
  /** Looks no more. */
  release(): void
}

/**
 * Stops processes (SIGSTOP) while there is a file of that name, and lets them go on (SIGCONT) when it is gone; looks
 * every second. Without a name, and on Windows, which has no such signals, it does nothing. `changed` hears of it.
 */
export function holding(file: string | undefined, changed: (held: boolean) => void = () => {}): Hold {
  if (file === undefined || process.platform === 'win32') return { take() {}, release() {} }
  const children = new Set<ChildProcess>()
  let held = existsSync(file)
  const look = () => {
    const wanted = existsSync(file)
    if (wanted === held) return
    held = wanted
    for (const child of children) child.kill(held ? 'SIGSTOP' : 'SIGCONT')
    changed(held)
  }
  const timer = setInterval(look, LOOK_MS)
  return {
    take(child) {
      children.add(child)
      child.on('close', () => children.delete(child))
      if (held) child.kill('SIGSTOP')
    },
    release() {
      clearInterval(timer)
    },
  }
}

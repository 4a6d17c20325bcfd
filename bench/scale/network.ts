/** Another network on this machine, joined by a link that can be cut: as root, with ip of iproute2. */
import { execFileSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'

export interface Network {
  /** This machine's address in it. */
  readonly host: string
  /** What a command of the other side is put behind. */
  readonly within: readonly string[]
  /** Cuts the link for so long. */
  cut(ms: number): Promise<void>
  release(): void
}

/** @throws Error where networks cannot be made */
export function makeNetwork(): Network {
  const name = `irnn${process.pid}`
  const [near, far] = [`${name}a`, `${name}b`]
  const ip = (...args: string[]) => execFileSync('ip', args, { stdio: 'pipe' })
  ip('netns', 'add', name)
  ip('link', 'add', near, 'type', 'veth', 'peer', 'name', far)
  ip('link', 'set', far, 'netns', name)
  ip('address', 'add', '10.78.0.1/24', 'dev', near)
  ip('link', 'set', near, 'up')
  ip('netns', 'exec', name, 'ip', 'address', 'add', '10.78.0.2/24', 'dev', far)
  ip('netns', 'exec', name, 'ip', 'link', 'set', far, 'up')
  return {
    host: '10.78.0.1',
    within: ['ip', 'netns', 'exec', name],
    async cut(ms) {
      ip('link', 'set', near, 'down')
      await sleep(ms)
      ip('link', 'set', near, 'up')
    },
    release() {
      ip('netns', 'delete', name)
    },
  }
}

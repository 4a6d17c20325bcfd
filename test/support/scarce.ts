/** Programs on a machine that refuses memory or threads, as a limit of the system makes it. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

export interface Ended {
  readonly out: string
  readonly err: string
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** Why no limits can be set here; null where they can. */
export const noLimits: string | null =
  process.platform === 'linux' && spawnSync('prlimit', ['--version']).status === 0 ? null : 'there is no prlimit here'

/**
 * Runs a module's text with Node. In it, `limit(mebibytes)` allows the process so much address space beyond what it
 * has, and `unlimit()` any.
 */
export function script(text: string, imports: Readonly<Record<string, string>>): Ended {
  const lines = Object.entries(imports).map(([names, module]) => `import ${names} from '${module}'`)
  const here = new URL('./scarce.js', import.meta.url).href
  const whole = [...lines, `import { limit, unlimit } from '${here}'`, text].join('\n')
  const env = { ...process.env, MALLOC_MMAP_THRESHOLD_: '1000000' } // glibc gives more than that back to the system
  return ended(
    spawnSync(process.execPath, ['--expose-gc', '--input-type=module', '-e', whole], { env, timeout: 60_000 }),
  )
}

export function ended({ stdout, stderr, status, signal }: ReturnType<typeof spawnSync>): Ended {
  return { out: String(stdout), err: String(stderr), code: status, signal }
}

function setLimit(value: string): void {
  const { status, stderr } = spawnSync('prlimit', ['--pid', String(process.pid), `--as=${value}:`])
  if (status !== 0) throw new Error(`prlimit: ${stderr}`)
}

export function limit(mebibytes: number): void {
  for (let i = 0; i < 2; i++) globalThis.gc?.() // what is collected later would be room
  const used = Number(/^VmSize:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))![1])
  setLimit(String((used + 1024 * mebibytes) * 1024))
}

export function unlimit(): void {
  setLimit('unlimited')
}

/** What a result was measured on, and from which commit. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, release, type } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { Machine } from './results.ts'

/** Flags of the processor that decide which kernels run and how fast. */
const FLAGS = /^(sse4_2|avx|avx2|fma|avx512f|avx512vl|avx512dq|avx512_bf16|avx_vnni|asimd|sve)$/

export function machine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    flags: flags(),
    os: `${type()} ${release().split('-')[0]}`,
    node: process.version,
  }
}

function flags(): string[] {
  try {
    const line = /^(?:flags|Features)\s*:\s*(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? ''
    return line.split(' ').filter((flag) => FLAGS.test(flag))
  } catch {
    return [] // not Linux
  }
}

/** The commit of this clone, `+` when files differ from it; `unknown` when this is no clone. */
export function commit(): string {
  const git = (...args: string[]): string =>
    execFileSync('git', args, {
      cwd: fileURLToPath(new URL('.', import.meta.url)),
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim()
  try {
    return git('rev-parse', '--short=12', 'HEAD') + (git('status', '--porcelain', '--untracked-files=no') ? '+' : '')
  } catch {
    return 'unknown'
  }
}

export function today(): string {
  return new Date().toISOString().slice(0, 10)
}

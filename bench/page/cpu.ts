/** CPU time of processes, as Linux counts it. */
import { readdirSync, readFileSync } from 'node:fs'

const TICKS = 100 // a second: what Linux tells programs, whatever its kernel counts in

interface Process {
  readonly parent: number
  readonly seconds: number
}

function processOf(pid: number): Process | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // After the name, which may have anything in it: state, parent, …
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return { parent: Number(fields[1]), seconds: (Number(fields[11]) + Number(fields[12])) / TICKS }
  } catch {
    return null // it has ended meanwhile
  }
}

/** Seconds of CPU of all processes that one has started, and those have, without some of them. */
export function cpuBelow(root: number, without: readonly number[] = []): number {
  const all = new Map<number, Process>()
  for (const name of readdirSync('/proc')) {
    const one = /^\d+$/.test(name) ? processOf(Number(name)) : null
    if (one) all.set(Number(name), one)
  }
  const isBelow = (pid: number): boolean => {
    const parent = all.get(pid)?.parent
    if (parent === undefined || without.includes(pid)) return false
    return parent === root || isBelow(parent)
  }
  return [...all].reduce((sum, [pid, { seconds }]) => sum + (isBelow(pid) ? seconds : 0), 0)
}

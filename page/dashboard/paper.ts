/** Curves of the paper, loaded when a run is shown that they belong behind. */
import { effect, signal } from '@preact/signals'
import type { RunLine } from '../../src/figures/wire.ts'
import { shownRuns } from './store.ts'

export type PaperCurve = readonly (readonly [number, number])[]

const curves = signal<ReadonlyMap<string, PaperCurve> | null>(null)

export function keepPaper(): void {
  let asked = false
  effect(() => {
    if (asked || shownRuns.value.every(({ paper }) => paper === null)) return
    asked = true
    load().catch(() => {
      asked = false
    })
  })
}

async function load(): Promise<void> {
  const { default: lists } = await import('virtual:paper-curves')
  const entries = Object.entries(lists).map(([name, list]) => {
    // The table has accuracies in percent, as the paper; runs have shares.
    const unit = name.includes('mnist') ? 100 : 1
    const points = Array.from({ length: list.length / 2 }, (_, i) => [list[2 * i]!, list[2 * i + 1]! / unit] as const)
    return [name, points] as const
  })
  curves.value = new Map(entries)
}

/** The curves behind some runs, each once, with what to call it. */
export function paperCurves(behind: readonly RunLine[]): { readonly name: string; readonly points: PaperCurve }[] {
  const names = [...new Set(behind.flatMap(({ paper }) => paper ?? []))]
  return names.flatMap((name) => {
    const points = curves.value?.get(name)
    const [figure, cell] = name.split(',')
    return points
      ? [{ name: `paper, ${cell} (${figure!.startsWith('adding') ? 'Fig. 2' : 'Fig. 3'}, digitised)`, points }]
      : []
  })
}

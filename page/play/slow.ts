/** Slow motion: one update as the four things that it is. */
import { signal } from '@preact/signals'
import { sides } from './state.ts'

export interface Phase {
  readonly name: 'forward' | 'loss' | 'backward' | 'update'
  /** How far it is, from 0 to 1. */
  readonly share: number
}

/** What is shown now; null: no slow motion. */
export const phase = signal<Phase | null>(null)
export const slow = signal(false)

export const PHASES: Readonly<Record<Phase['name'], string>> = {
  forward: 'forward: the network reads the sequence, step by step, and its states change',
  loss: 'loss: its answer is compared with the target',
  backward: 'backward: the gradient goes from the last step to the first',
  update: 'update: every weight moves a little against its gradient',
}
const MS: Readonly<Record<Phase['name'], number>> = { forward: 1200, loss: 500, backward: 1200, update: 500 }

/** Runs until `slow` is switched off, one iteration after the other. */
export async function slowMotion(): Promise<void> {
  if (slow.value) return
  slow.value = true
  while (slow.value) {
    for (const name of Object.keys(MS) as Phase['name'][]) {
      if (name === 'update') await Promise.all(sides.map((side) => side.step(1)))
      await sweep(name)
    }
    if (sides.every((side) => side.status.value !== 'paused')) slow.value = false
  }
  phase.value = null
}

async function sweep(name: Phase['name']): Promise<void> {
  const began = performance.now()
  const still = matchMedia('(prefers-reduced-motion: reduce)').matches
  for (let share = 0; share < 1 && slow.value; ) {
    await new Promise((resolve) => setTimeout(resolve, 50))
    share = Math.min(1, (performance.now() - began) / MS[name])
    phase.value = { name, share: still ? 1 : share }
  }
}

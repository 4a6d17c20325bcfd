/** The first record of a run: which it is, and all it takes to repeat it. */

import type { Model } from '../model/model.ts'
import type { Task } from '../task.ts'
import type { RunEvent } from '../train/notes.ts'
import { VERSION } from '../version.ts'
import type { RunConfig } from './stored.ts'

/** What config.json does not say. */
export interface Beginning {
  readonly id: string
  readonly task: Pick<Task, 'name' | 'T'>
  readonly model: Pick<Model, 'spec' | 'weights'>
  readonly command: string | null
  readonly paper?: string | null
}

export function runEvent(config: RunConfig, { id, task, model, command, paper = null }: Beginning): RunEvent {
  const { cell, hidden, layers } = model.spec.rnn
  const { batch, iterations } = config.training
  return {
    ...{ type: 'run', iteration: 0, seconds: 0, format: 1, id, title: config.title ?? id },
    ...{ task: task.name, T: task.T, B: batch, cell, H: hidden, layers, parameters: model.weights.length },
    ...{ iterations, seed: config.seed, backend: config.backend.name, threads: config.backend.threads },
    ...{ versions: { irnn: VERSION, node: config.machine.node }, command, paper, config },
  }
}

/** The record of a run that goes on to more iterations than it was begun with. */
export function revised(event: RunEvent, config: RunConfig): RunEvent {
  const { iterations } = config.training
  const command = event.command?.replace(/ --iterations \d+/, ` --iterations ${iterations}`) ?? null
  return { ...event, iterations, command, config }
}

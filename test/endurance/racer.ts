/** One of the processes of races.ts: takes up a run when it is told, says whether it has it, and ends it. */
import { createBackend, createModel, InputError, loadModel, type Model, modelParts, train } from '../../src/index.ts'
import { type ResumedRun, readRunFolder, resumeRunFolder } from '../../src/node.ts'
import { rng } from '../../src/rng.ts'
import { type Death, dieAt } from './dying.ts'
import { SPEC, TASK, TRAINING } from './raced.ts'

export interface Go {
  readonly dir: string
  readonly death: Death | null
  /** Seed of the disk's delays, of up to 2 ms a call; null: none. */
  readonly slow: number | null
}

/** `held`: the run is ours, and 'on' is awaited. */
export type Answer =
  | { readonly kind: 'held' }
  | { readonly kind: 'refused' | 'wrong'; readonly message: string }
  | { readonly kind: 'done' }

const backend = await createBackend({ threads: 1 })
let run: ResumedRun<Model> | null = null

process.on('message', async (message: Go | 'on') => {
  try {
    answer(message === 'on' ? await end(run!) : take(message))
  } catch (error) {
    const refused = error instanceof InputError
    answer({ kind: refused ? 'refused' : 'wrong', message: refused ? error.message : (error as Error).stack! })
  }
})
process.send!('ready')

function answer(answer: Answer): void {
  process.send!(answer)
}

function take({ dir, death, slow }: Go): Answer {
  const random = slow === null ? null : rng(slow)
  dieAt(death, () => (random ? 2 * random.next() : 0))
  run = resumeRunFolder(readRunFolder(dir), { load: (source) => loadModel(source, { backend }) })
  return { kind: 'held' }
}

async function end({ folder, checkpoint }: ResumedRun<Model>): Promise<Answer> {
  const model = checkpoint?.model ?? createModel(SPEC, { backend, seed: 1 })
  const training = train(model, TASK, { ...TRAINING, checkpoints: { every: 3 }, resume: checkpoint?.state })
  for await (const event of training) {
    if (event.type === 'checkpoint') folder.saveCheckpoint('last', model, training.getState())
    else if (event.type === 'done') folder.append({ ...event, model: { sha256: folder.saveModel(modelParts(model)) } })
    else folder.append(event)
  }
  folder.close()
  model.dispose()
  return { kind: 'done' }
}

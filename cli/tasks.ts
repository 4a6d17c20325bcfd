/** `irnn train <task>`: what each task's own flags mean. */
import { InputError } from '../src/error.ts'
import { recipe } from '../src/runs/recipes.ts'
import { adding } from '../src/tasks/adding.ts'
import { openTask } from '../src/tasks/open.node.ts'
import type { TrainFlags } from './settings.ts'
import { trainTask } from './train.ts'

export interface AddingFlags extends TrainFlags {
  length: number
  halves?: boolean
  trainSize: number
  testSize: number
}

/** Runs `irnn train adding`. Returns the exit code. */
export async function trainAdding(flags: AddingFlags): Promise<number> {
  const { length: T, halves = false, trainSize, testSize, seed, cell } = flags
  return trainTask(
    {
      task: adding({ T, halves, train: trainSize, test: testSize, seed }),
      recipe: recipe('adding', flags.recipe, cell, { T }),
      name: `adding-${cell}-T${T}-seed${seed}`,
      title: `adding, T = ${T}`,
    },
    flags,
  )
}

export interface MnistFlags extends TrainFlags {
  permuted?: boolean
  permutationSeed?: number
  pixels?: 'raw' | 'unit'
  data?: string
  trainSize?: number
  testSize?: number
}

/** Runs `irnn train mnist`. Returns the exit code. */
export async function trainMnist(flags: MnistFlags): Promise<number> {
  const { permuted = false, permutationSeed: permutation, data, trainSize, testSize, seed, cell } = flags
  if (permutation !== undefined && !permuted) {
    throw new InputError('--permutation-seed: only pixels in permuted order have one: add --permuted')
  }
  const chosen = recipe('mnist', flags.recipe, cell, { permuted })
  const options = {
    order: permuted ? 'permuted' : 'scanline',
    scale: flags.pixels ?? chosen.pixels,
    seed,
    trainSize,
    testSize,
    ...(permutation !== undefined && { permutation }),
  }
  const say = (text: string) => void process.stderr.write(`${text}\n`)
  const task = await openTask('mnist', options, { data, say: flags.json ? undefined : say })
  const name = permuted ? 'permuted-mnist' : 'mnist'
  return trainTask(
    { task, recipe: chosen, name: `${name}-${cell}-seed${seed}`, title: `${name.replace('-', ' ')}, T = ${task.T}` },
    flags,
  )
}

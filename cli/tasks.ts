/** `irnn train <task>`: what each task's own flags mean. */
import { InputError } from '../src/error.ts'
import { adding } from '../src/tasks/adding/adding.ts'
import { openTask } from '../src/tasks/open.node.ts'
import { recipe } from '../src/tasks/recipes.ts'
import { openWords, type WordsSources } from '../src/tasks/words/load.node.ts'
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
  const options = { T, halves, train: trainSize, test: testSize, seed }
  return trainTask(
    {
      task: await inFlags({ T: '--length', train: '--train-size', test: '--test-size' }, () => adding(options)),
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
  const task = await inFlags({ trainSize: '--train-size', testSize: '--test-size' }, () =>
    openTask('mnist', options, { data, say: flags.json ? undefined : say }),
  )
  const name = permuted ? 'permuted-mnist' : 'mnist'
  return trainTask(
    { task, recipe: chosen, name: `${name}-${cell}-seed${seed}`, title: `${name.replace('-', ' ')}, T = ${task.T}` },
    flags,
  )
}

/** Where text and vocabulary come from. */
export interface TextFlags {
  data?: string
  vocabulary?: string
  vocabularySize?: number
  minCount?: number
}

export interface WordsFlags extends TrainFlags, TextFlags {
  length: number
  order?: 'sentences' | 'text'
  reset: 'none' | 'sentence'
}

/** Runs `irnn train words`. Returns the exit code. */
export async function trainWords(flags: WordsFlags): Promise<number> {
  const { length: T, order, reset, seed, cell, json } = flags
  if (flags.bidirectional) {
    throw new InputError('--bidirectional: a network that has read the next word need not predict it: remove it')
  }
  const chosen = recipe('words', flags.recipe, cell)
  const say = (text: string) => void process.stderr.write(`${text}\n`)
  const options = { T, ...(order && { order }), reset, seed }
  const sources = { ...sourcesOf(flags), ...(!json && { say }) }
  const { task, files } = await inFlags({ T: '--length' }, () => openWords(options, sources))
  const { size } = task.head
  if (flags.samples !== undefined && flags.samples >= size) {
    throw new InputError(
      `--samples: expected fewer than the ${size} words of the vocabulary but received ${flags.samples}: ` +
        'sample fewer, or leave it out to train on all',
    )
  }
  return trainTask({ task, recipe: chosen, name: `words-${cell}-seed${seed}`, title: `words, T = ${T}`, files }, flags)
}

/** @throws InputError for flags that contradict each other */
export function sourcesOf({ data, vocabulary, vocabularySize: size, minCount }: TextFlags): WordsSources {
  if (vocabulary !== undefined && (size !== undefined || minCount !== undefined)) {
    const flag = size === undefined ? '--min-count' : '--vocabulary-size'
    throw new InputError(`${flag}: the words of --vocabulary are all used, as they are: remove one of the two`)
  }
  return { data, vocabulary, choice: { size, minCount } }
}

/** What is wrong with an option of a task, said of the flag that it was given by. */
async function inFlags<T>(flags: Readonly<Record<string, string>>, open: () => T | Promise<T>): Promise<T> {
  try {
    return await open()
  } catch (error) {
    const [, option = '', what] = (error as Error).message.match(/^[\w ]+: (\w+): (.*)$/) ?? []
    if (!(error instanceof InputError) || !Object.hasOwn(flags, option)) throw error
    throw new InputError(`${flags[option]}: ${what}`)
  }
}

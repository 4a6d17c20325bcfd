/** The adding problem on the command line. */
import { oneOf, whole } from '../../flag.ts'
import type { TaskDefinition } from '../definition.ts'
import { LENGTHS } from '../paper.ts'
import { ADDING_DEFAULTS, type AddingOptions, adding as createAdding } from './adding.ts'
import { ADDING_RECIPES } from './recipes.ts'

export const adding: TaskDefinition = {
  name: 'adding',
  description: 'the adding problem: find the two marked numbers of a sequence and say their sum',
  score: 'mean squared error',
  options: [
    { flag: '--length <T>', value: whole(2), sets: 'T', default: ADDING_DEFAULTS.T, help: 'steps of a sequence' },
    {
      flag: '--halves',
      sets: 'halves',
      absent: false,
      help: 'one mark in each half, as in later papers (default: anywhere, as in the paper)',
    },
    {
      flag: '--inputs <how>',
      value: oneOf('raw', 'normalised'),
      sets: 'inputs',
      help: 'raw: numbers 0 to 1 and marks of 1; normalised: shifted and scaled by constants',
    },
    {
      flag: '--train-size <N>',
      value: whole(),
      sets: 'train',
      default: ADDING_DEFAULTS.train,
      help: 'training sequences',
    },
    { flag: '--test-size <N>', value: whole(), sets: 'test', default: ADDING_DEFAULTS.test, help: 'test sequences' },
  ],
  sources: [],
  extras: ['curriculum'],
  recipes: ADDING_RECIPES,
  create: ({ options }) => ({ task: createAdding(options as Partial<AddingOptions>) }),
  open: ({ options }) => ({ task: createAdding(options as Partial<AddingOptions>) }),
  called: ({ T }, { cell }) => ({ folder: `adding-${cell}-T${T}`, title: `adding, T = ${T}` }),
  figure: ({ T }) => (LENGTHS.some((length) => length === T) ? `adding-${T}` : undefined),
}

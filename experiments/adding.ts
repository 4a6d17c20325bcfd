/**
 * Figure 2 of the paper: the adding problem at 150, 200, 300 and 400 steps, 100 units, with the learning rate, clip and
 * forget bias its Table 1 found best. Table 1 lists RNN + tanh for 150 only ("none worked" beyond) and RNN + ReLU not
 * at all: the ReLU run at 150 takes the numbers of the tanh.
 *
 * The paper's runs go to 9 million iterations. Ours end where its IRNN has been below 0.1 for a while: twice its
 * iterations at 150 and 200, a little more than its iterations at 300, where one run takes hours.
 */
import { grouped } from '../src/numbers.ts'
import { LENGTHS, type Length, TABLE_1 } from '../src/tasks/paper.ts'
import { explained, never, ordered, reaches } from './claims.ts'
import type { Claim, Experiment, ExperimentRun, Panel } from './experiment.ts'

const ITERATIONS: Readonly<Record<Length, number>> = { 150: 1_000_000, 200: 1_500_000, 300: 3_500_000, 400: 3_500_000 }
/** Where the paper's IRNN is first at 0.1 or below. */
const PAPER_IRNN_LEARNS: Readonly<Record<150 | 200 | 300, number>> = { 150: 494_656, 200: 719_216, 300: 3_128_056 }

const TABLE = 'Table 1; the clip read as that of the norm of the whole gradient'

function paperRuns(length: Length): ExperimentRun[] {
  const { irnn, lstm, tanh } = TABLE_1[length]
  const shared = { length, clipKind: 'norm', iterations: ITERATIONS[length], seed: 1 }
  const of = (
    cell: ExperimentRun['cell'],
    label: string,
    flags: ExperimentRun['flags'],
    note = TABLE,
  ): ExperimentRun => ({
    name: `${cell}-${length}`,
    label,
    task: 'adding',
    cell,
    recipe: 'paper',
    flags: { ...shared, ...flags },
    note,
  })
  const runs = [of('irnn', 'IRNN', { ...irnn }), of('lstm', 'LSTM', { ...lstm })]
  if (!tanh) return runs
  return [
    ...runs,
    of('tanh', 'RNN + tanh', { ...tanh, iterations: 1_500_000 }),
    of('relu', 'RNN + ReLU', { ...tanh }, 'not in Table 1: rate and clip of RNN + tanh'),
  ]
}

function panel(length: Length): Panel {
  return {
    title: `Adding problem, T = ${length}`,
    paper: { figure: `adding-${length}`, cells: ['irnn', 'lstm', 'tanh', 'relu'] },
    runs: paperRuns(length).map(({ name }) => name),
    x: 'iterations',
    y: { title: 'test mean squared error', domain: [0, 0.25] },
    references: [{ name: 'always 1 (1/6)', value: 1 / 6 }],
  }
}

const CLIP_150 =
  'Table 1 has a clip of 100 for 150 steps and of 1 for 200. Read as the norm of the gradient, 100 is hardly ever ' +
  'exceeded, and the network stays where it starts; with 1, 200 steps are learnt. So either this reading of the clip ' +
  'is wrong, or the seed is unlucky: more seeds, and 150 steps with a clip of 1, would tell.'

const learns: Claim[] = ([150, 200, 300] as const).flatMap((length) => {
  const theirs = PAPER_IRNN_LEARNS[length]
  const by = Math.min(2 * theirs, ITERATIONS[length])
  const learnsAtAll = (claim: Claim) => (length === 150 ? explained(claim, CLIP_150) : claim)
  return [
    learnsAtAll(
      reaches(
        `irnn-${length}`,
        0.1,
        `T = ${length}: the IRNN is at 0.1 or below within ${grouped(by)} iterations (paper: ${grouped(theirs)})`,
        { by },
      ),
    ),
    reaches(`lstm-${length}`, 0.1, `T = ${length}: the LSTM gets to 0.1 or below`),
    ordered(
      [`irnn-${length}`, `lstm-${length}`],
      ITERATIONS[length],
      `T = ${length}: the IRNN's best error is below the LSTM's at an equal budget`,
    ),
  ]
})

const fast: ExperimentRun = {
  name: 'irnn-fast-150',
  label: 'IRNN, recipe fast',
  task: 'adding',
  cell: 'irnn',
  recipe: 'fast',
  flags: { length: 150, seed: 1 },
  note: 'ours: Adam, weights of ordinary size, norm clip',
}

export const addingExperiment: Experiment = {
  name: 'adding',
  title: 'The adding problem (Figure 2)',
  metric: 'mse',
  panels: [
    ...LENGTHS.map(panel),
    {
      ...panel(150),
      title: 'Adding problem, T = 150: recipes for the IRNN',
      paper: { figure: 'adding-150', cells: ['irnn'] },
      runs: ['irnn-150', fast.name],
      logX: true,
      y: { title: 'test mean squared error', log: true, domain: [1e-5, 1] },
    },
  ],
  runs: [fast, ...LENGTHS.flatMap(paperRuns)],
  claims: [
    ...learns,
    reaches('tanh-150', 0.1, 'T = 150: the RNN with tanh gets to 0.1 or below (paper: at 1,468,942)'),
    never('relu-150', 0.1, 'T = 150: the RNN with ReLU never gets to 0.1'),
    never('irnn-400', 0.1, 'T = 400: the IRNN does not get to 0.1 (paper: best 0.1137)'),
    never('lstm-400', 0.1, 'T = 400: the LSTM does not get to 0.1 (paper: best 0.1533)'),
    reaches(fast.name, 0.001, 'T = 150: recipe fast is at 0.001 or below within 8,000 iterations', { by: 8000 }),
  ],
}

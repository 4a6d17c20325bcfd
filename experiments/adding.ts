/**
 * Figure 2 of the paper: the adding problem at 150, 200, 300 and 400 steps, 100 units, with the learning rate, clip and
 * forget bias its Table 1 found best; and a second figure, recipe fast on up to 5,000 steps. Table 1 lists RNN + tanh
 * for 150 only ("none worked" beyond) and RNN + ReLU not at all: those runs take the numbers of the tanh at 150.
 *
 * The paper's runs go to 9 million iterations. Each of ours has the budget that decides what is claimed of it, and the
 * claim says that budget, with what the paper has there. An LSTM takes 3 to 8 ms an iteration, an IRNN 0.5 to 1.
 */
import { grouped } from '../src/numbers.ts'
import { LENGTHS, type Length, NETWORKS, type Network, TABLE_1 } from '../src/tasks/paper.ts'
import { explained, never, notRun, ordered, reaches } from './claims.ts'
import {
  type Claim,
  type Experiment,
  type ExperimentRun,
  type Panel,
  seeds,
  type Table,
  type TableCell,
} from './experiment.ts'
import { groupOf } from './group.ts'

const BUDGETS: Readonly<Record<Network, Readonly<Record<Length, number>>>> = {
  irnn: { 150: 1_000_000, 200: 1_000_000, 300: 3_500_000, 400: 3_500_000 },
  lstm: { 150: 600_000, 200: 800_000, 300: 1_000_000, 400: 400_000 },
  tanh: { 150: 1_500_000, 200: 400_000, 300: 400_000, 400: 400_000 },
  relu: { 150: 1_000_000, 200: 400_000, 300: 400_000, 400: 400_000 },
}
const LABELS: Readonly<Record<Network, string>> = {
  irnn: 'IRNN',
  lstm: 'LSTM',
  tanh: 'RNN + tanh',
  relu: 'RNN + ReLU',
}
const TABLE = 'Table 1; the clip read as that of the norm of the whole gradient'
const SEEDS = [1, 2, 3]

function paperRun(cell: Network, length: Length, more: Partial<ExperimentRun> = {}): ExperimentRun {
  const listed = TABLE_1[length]
  const tuned = cell === 'irnn' || cell === 'lstm' ? listed[cell] : listed.tanh
  const isListed = cell !== 'relu' && tuned !== undefined
  return {
    name: `${cell}-${length}`,
    label: LABELS[cell],
    task: 'adding',
    cell,
    recipe: 'paper',
    note: isListed ? TABLE : 'not in Table 1: rate and clip of RNN + tanh at 150 steps',
    ...more,
    flags: {
      length,
      clipKind: 'norm',
      iterations: BUDGETS[cell][length],
      ...(tuned ?? TABLE_1[150].tanh),
      seed: 1,
      ...more.flags,
    },
  }
}

/** The reading of the clip: 150 steps with the clip that Table 1 has for 200 and 400, all else as it says for 150. */
const CLIP_1 = 'irnn-150-clip-1'
const clipRuns = seeds(
  paperRun('irnn', 150, {
    name: CLIP_1,
    label: 'IRNN, clip 1',
    note: 'not in Table 1 for 150 steps: the clip that it has for 200 and 400',
    flags: { clip: 1 },
  }),
  SEEDS,
)

/** The IRNN at 150 and 200 steps has three seeds: 200 are learnt and 150 are not, so one seed of each would not do. */
function paperRuns(length: Length): ExperimentRun[] {
  return NETWORKS.flatMap((cell) => {
    const run = paperRun(cell, length)
    return cell === 'irnn' && length <= 200 ? seeds(run, SEEDS) : [run]
  })
}

function panel(length: Length): Panel {
  return {
    title: `Adding problem, T = ${length}`,
    paper: { figure: `adding-${length}`, cells: NETWORKS },
    runs: [...NETWORKS.map((cell) => `${cell}-${length}`), ...(length === 150 ? [CLIP_1] : [])],
    x: 'iterations',
    y: { title: 'test mean squared error', domain: [0, 0.25] },
    references: [{ name: 'always 1 (1/6)', value: 1 / 6 }],
  }
}

const budgets: Table = {
  title: 'Best test error within the iterations that were run',
  columns: ['network', 'T', 'iterations', 'the paper, within as many', 'ours'],
  rows: LENGTHS.flatMap((length) =>
    NETWORKS.map((cell): TableCell[] => {
      const budget = BUDGETS[cell][length]
      const run = `${cell}-${length}`
      const paper = { figure: `adding-${length}`, cell, by: budget }
      return [LABELS[cell], `${length}`, grouped(budget), { paper }, { run }]
    }),
  ),
}

/** Recipe fast: of each length its seeds. */
const FAST: Readonly<Record<number, readonly number[]>> = {
  150: [1, 2, 3, 4, 5],
  200: [1, 2, 3, 4, 5],
  300: [1, 2, 3, 4, 5],
  400: [1, 2, 3, 4, 5],
  750: [1, 2, 3, 4, 5],
  1000: [1, 2, 3, 4, 5],
  2000: [1, 2, 3, 4, 5],
  5000: [1, 2, 3],
}
const SOLVED = 0.005

function fastRuns(length: number): ExperimentRun[] {
  const run: ExperimentRun = {
    name: `fast-${length}`,
    label: `T = ${grouped(length)}`,
    task: 'adding',
    cell: 'irnn',
    recipe: 'fast',
    flags: { length, evalEvery: length > 500 ? 1000 : 500 },
    note: 'ours: normalised inputs, Muon, shorter sequences first',
  }
  return seeds(run, FAST[length]!)
}

const fastLengths = Object.keys(FAST).map(Number)

function fastPanel(title: string, lengths: readonly number[]): Panel {
  return {
    title,
    runs: lengths.map((length) => `fast-${length}`),
    x: 'iterations',
    y: { title: 'test mean squared error', log: true, domain: [5e-4, 1] },
    references: [{ name: 'always 1 (1/6)', value: 1 / 6 }],
  }
}

const fastTable: Table = {
  title: 'IRNN, recipe fast: best test error, which is that of the end or near it',
  columns: ['T', ...FAST[150]!.map((seed) => `seed ${seed}`)],
  rows: fastLengths.map((length): TableCell[] => [
    grouped(length),
    ...FAST[150]!.map((seed) => (FAST[length]!.includes(seed) ? { run: `fast-${length}-seed${seed}` } : '')),
  ]),
}

/** Each seed, not their mean, ends below the level: what counts is the last evaluation, not the best. */
function endsBelow(name: string, level: number, text: string): Claim {
  return {
    text,
    test({ experiment, result }) {
      const { results, missing, complete } = groupOf(experiment, name, result)
      if (missing.length > 0) return notRun(missing)
      const ends = results.map(({ final }) => final?.value ?? Number.NaN)
      const said = ends.map((value) => (Number.isFinite(value) ? value.toPrecision(3) : 'no score'))
      return { holds: complete ? ends.every((value) => value < level) : null, measured: `last: ${said.join(', ')}` }
    },
  }
}

/** Why the claims on RNN + ReLU fail, which diverges: it never was near 0.1. */
const RELU =
  'It diverges, with the rate and the clip that Table 1 has for RNN + tanh at 150 steps: of its own it has none. ' +
  'Until then it stays on the plateau of "always 1", 0.167, as the paper says; at 400 steps it diverges before its ' +
  'first score.'

const CLIP_150 =
  'Table 1 has a clip of 100 for 150 steps and of 1 for 200 and 400, and does not say what it clips. Read as the ' +
  'norm of the gradient, a clip of 100 lets a step of norm 1 pass at a rate of 0.01: within ten iterations of seed 1 ' +
  'the loss is 9e8, and from then on 4 to 7 % of the units are not 0, where with a clip of 1 it is 12 to 27 %. The ' +
  'next claim is the same run with a clip of 1.'

const paperClaims: Claim[] = [
  explained(
    reaches(
      'irnn-150',
      0.1,
      'T = 150: the IRNN is at 0.1 or below within 989,312 iterations, mean of 3 seeds (paper: 494,656)',
      { by: 989_312 },
    ),
    CLIP_150,
  ),
  reaches(CLIP_1, 0.1, 'T = 150, clip 1: the IRNN is at 0.1 or below within 989,312 iterations, mean of 3 seeds', {
    by: 989_312,
  }),
  reaches(
    'irnn-200',
    0.1,
    'T = 200: the IRNN is at 0.1 or below within 1,000,000 iterations, mean of 3 seeds (paper: 719,216)',
  ),
  reaches('irnn-300', 0.1, 'T = 300: the IRNN is at 0.1 or below within 3,500,000 iterations (paper: 3,128,056)'),
  never('irnn-400', 0.1, 'T = 400: the IRNN is not at 0.1 within 3,500,000 iterations (paper: nor in 9 million)'),
  reaches('lstm-150', 0.1, 'T = 150: the LSTM is at 0.1 or below within 600,000 iterations (paper: 423,373)'),
  reaches('lstm-200', 0.1, 'T = 200: the LSTM is at 0.1 or below within 800,000 iterations (paper: 345,478)'),
  reaches('lstm-300', 0.15, 'T = 300: the LSTM is at 0.15 or below within 1,000,000 iterations (paper: 693,484)'),
  never('lstm-400', 0.1, 'T = 400: the LSTM is not at 0.1 within 400,000 iterations (paper: nor in 9 million)'),
  ordered(
    ['irnn-150', 'lstm-150'],
    600_000,
    "T = 150: within 600,000 iterations the IRNN's best error is below the LSTM's (paper: 0.036, 0.039)",
  ),
  ordered(
    ['irnn-200', 'lstm-200'],
    800_000,
    "T = 200: within 800,000 iterations the IRNN's best error is below the LSTM's (paper: 0.044, 0.066)",
  ),
  ordered(
    ['lstm-300', 'irnn-300'],
    1_000_000,
    "T = 300: within 1,000,000 iterations the LSTM's best error is below the IRNN's (paper: 0.127; the IRNN on its " +
      'plateau until 2 million)',
  ),
  reaches('tanh-150', 0.1, 'T = 150: the RNN with tanh is at 0.1 within 1,500,000 iterations (paper: 1,468,942)'),
  explained(
    never(
      'relu-150',
      0.1,
      'T = 150: the RNN with ReLU is not at 0.1 within 1,000,000 iterations (paper: nor in 9 million)',
    ),
    RELU,
  ),
  ...([200, 300, 400] as const).flatMap((length) =>
    (['tanh', 'relu'] as const).map((cell) => {
      const until = 'within 400,000 iterations (paper: nor in 9 million)'
      const text = `T = ${length}: the ${LABELS[cell]} is not at 0.1 ${until}`
      const claim = never(`${cell}-${length}`, 0.1, text)
      return cell === 'relu' ? explained(claim, RELU) : claim
    }),
  ),
]

export const addingExperiment: Experiment = {
  name: 'adding',
  title: 'The adding problem (Figure 2)',
  metric: 'mse',
  panels: [
    ...LENGTHS.map(panel),
    fastPanel('IRNN, recipe fast: the lengths of the paper', [150, 200, 300, 400]),
    fastPanel('IRNN, recipe fast: longer', [750, 1000, 2000, 5000]),
  ],
  tables: [budgets, fastTable],
  runs: [...fastLengths.flatMap(fastRuns), ...LENGTHS.flatMap(paperRuns), ...clipRuns],
  claims: [
    ...paperClaims,
    ...fastLengths.map((length) =>
      endsBelow(
        `fast-${length}`,
        SOLVED,
        `T = ${grouped(length)}: recipe fast ends below ${SOLVED}, with each of ${FAST[length]!.length} seeds`,
      ),
    ),
  ],
}

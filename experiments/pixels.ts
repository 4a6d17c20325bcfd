/**
 * What both pixel-by-pixel experiments share: four cells side by side at one equal budget, the IRNN on to the paper's
 * million iterations, other readings of what the paper leaves open, and the IRNN with our own recipes. Three seeds of
 * whatever a claim is about; 5,000 digits of the training set decide in our recipes.
 */
import { grouped } from '../src/numbers.ts'
import { NETWORKS, type Network, TABLE_2, type Tuned } from '../src/tasks/paper.ts'
import { attains, explained, never, ordered, reaches, tracks } from './claims.ts'
import { type Claim, type Experiment, type ExperimentRun, type Panel, seeds } from './experiment.ts'

export interface PixelFigure {
  readonly name: string
  readonly title: string
  readonly permuted: boolean
  /** The paper's best test accuracy of its IRNN and LSTM, percent. */
  readonly best: number
  readonly lstm: number
  /** What our recipes fast and best are to reach, and the best published for an IRNN; percent. */
  readonly fast: number
  readonly top: number
  readonly published: number
  /** Percent points between our curve and the paper's, and where they are compared. */
  readonly within: number
  readonly trackedAt: readonly number[]
  /** Flags of further readings of the IRNN's recipe, by the ends of their names. */
  readonly readings: Readonly<Record<string, ExperimentRun['flags']>>
  /** Why claims fail, as far as we know, by a word for each. */
  readonly why: Readonly<Partial<Record<'reaches' | 'tracks' | 'order' | 'lstm', string>>>
}

const LABELS = { irnn: 'IRNN', lstm: 'LSTM', tanh: 'RNN + tanh', relu: 'RNN + ReLU' }
const SEEDS = [1, 2, 3]
/** The paper: "at most 1,000,000". */
const LONGEST = 1_000_000
/** Iterations, equal for all cells. */
const BUDGET = 100_000
/** Where the IRNN's curve has bent away from the paper's: long enough for another reading to show that it does not. */
const READ_TO = 200_000
/** Percent points that one mean must be ahead of another. */
const MARGIN = 1

const NOTE = 'Table 2; raw pixels, summed loss, the clip elementwise on the derivatives inside back-propagation'

function paperRun(cell: Network, { permuted }: PixelFigure, iterations: number): ExperimentRun {
  const tuned: Tuned = TABLE_2[permuted ? 'permuted' : 'scanline'][cell]
  const start = cell === 'lstm' ? '; all weights of std 0.001' : ''
  return {
    name: `${cell}-paper`,
    label: LABELS[cell],
    task: 'mnist',
    cell,
    recipe: 'paper',
    flags: { ...(permuted && { permuted }), ...tuned, clipKind: 'derivative', iterations },
    note: NOTE + start,
  }
}

/** The paper's LSTM from other weights. 0.001, all weights, is what claims are about. */
function startedRun(std: number, figure: PixelFigure): ExperimentRun {
  const { flags, ...run } = paperRun('lstm', figure, BUDGET)
  return {
    ...run,
    name: `lstm-std-${std}`.replace('0.', ''),
    label: `LSTM, all weights of std ${std}`,
    flags: { ...flags, recurrent: `gaussian:${std}`, std, seed: 1 },
    note: `as lstm-paper, all weights of std ${std}`,
  }
}

function readingRun(name: string, more: ExperimentRun['flags'], figure: PixelFigure): ExperimentRun {
  const { flags, ...run } = paperRun('irnn', figure, READ_TO)
  const said = Object.entries(more).map(([flag, value]) => `${flag.replace('Std', ' std')} ${value}`)
  return {
    ...run,
    name: `irnn-${name}`,
    label: `IRNN, ${said.join(', ')}`,
    flags: { ...flags, ...more, seed: 1 },
    note: `not in the paper: as irnn-paper, ${said.join(', ')}`,
  }
}

function ownRun(recipe: 'fast' | 'best', { permuted }: PixelFigure): ExperimentRun {
  const units = recipe === 'fast' ? 100 : permuted ? 512 : 256
  return {
    name: `irnn-${recipe}`,
    label: `IRNN, ${units} units, recipe ${recipe}`,
    task: 'mnist',
    cell: 'irnn',
    recipe,
    flags: { ...(permuted && { permuted }), hidden: units },
    note: 'ours; 5,000 training digits decide which evaluation counts',
  }
}

function claims(figure: PixelFigure): Claim[] {
  const { name, permuted, best, lstm, fast, top, published, within, trackedAt, why } = figure
  const where = permuted ? 'permuted MNIST' : 'pixel MNIST'
  const at = trackedAt.map((n) => `${n / 1000}k`).join(', ')
  const because = (claim: Claim, reason: string | undefined) => (reason ? explained(claim, reason) : claim)
  const budget = `${grouped(BUDGET)} iterations`
  const high = Math.ceil(lstm / 10) * 10
  return [
    because(
      reaches('irnn-paper', best, `With the paper's recipe the IRNN reaches the paper's ${best} % on ${where}`),
      why.reaches,
    ),
    because(
      tracks(
        'irnn-paper',
        { figure: name, cell: 'irnn' },
        { at: trackedAt, within },
        `With the paper's recipe the IRNN is within ${within} points of the paper's curve at ${at} iterations`,
      ),
      why.tracks,
    ),
    because(
      ordered(['irnn-paper', 'lstm-paper'], BUDGET, `The IRNN is ahead of the LSTM within ${budget} of each`, {
        margin: MARGIN,
      }),
      why.lstm,
    ),
    because(
      ordered(
        NETWORKS.map((cell) => `${cell}-paper`),
        BUDGET,
        `The order of Figure 3 within ${budget} of each: IRNN > LSTM > RNN + tanh > RNN + ReLU`,
        { margin: MARGIN },
      ),
      why.order,
    ),
    because(
      never(
        'lstm-paper',
        high,
        `The LSTM does not reach ${high} % within ${budget} (paper: ${lstm} at best, of a million)`,
      ),
      why.lstm,
    ),
    attains('irnn-fast', fast, `Recipe fast, 100 units, has ${fast} % on ${where} or more (paper: ${best})`),
    attains(
      'irnn-best',
      top,
      `Recipe best, one layer of ReLU started at the identity, has ${top} % or more (best published: ${published})`,
    ),
  ]
}

function panels(figure: PixelFigure): Panel[] {
  const { name, permuted, best, published, readings } = figure
  const order = permuted ? 'permuted' : 'scanline'
  const y = { title: 'test accuracy, %', domain: [0, 100] as const }
  const references = [{ name: 'guessing (10 %)', value: 10 }]
  const others = Object.keys(readings).map((reading) => `irnn-${reading}`)
  const shared = { x: 'iterations', y, references } as const
  return [
    {
      ...shared,
      title: `MNIST, ${order} order, 100 units: the paper's recipe`,
      paper: { figure: name, cells: NETWORKS },
      runs: NETWORKS.map((cell) => `${cell}-paper`),
    },
    {
      title: `MNIST, ${order} order: recipes for the IRNN`,
      paper: { figure: name, cells: ['irnn'] },
      runs: ['irnn-paper', 'irnn-fast', 'irnn-best'],
      x: 'sequences',
      logX: true,
      y,
      references: [
        { name: `the paper's best (${best} %)`, value: best },
        { name: `best published IRNN, 256 units (${published} %)`, value: published },
      ],
    },
    {
      ...shared,
      title: `MNIST, ${order} order: the LSTM from other weights`,
      paper: { figure: name, cells: ['lstm'] },
      runs: ['lstm-paper', 'lstm-std-01', 'lstm-std-05'],
    },
    ...(others.length > 0
      ? [
          {
            ...shared,
            title: `MNIST, ${order} order: other readings of the IRNN's recipe`,
            paper: { figure: name, cells: ['irnn'] as const },
            runs: ['irnn-paper', ...others],
          },
        ]
      : []),
  ]
}

export function pixelExperiment(figure: PixelFigure): Experiment {
  const { name, title, permuted, best, published } = figure
  const both = (run: string) => [{ run, set: 'heldOut' } as const, { run }]
  return {
    name,
    title,
    metric: 'accuracy',
    panels: panels(figure),
    tables: [
      {
        title: 'Accuracy at the evaluation that 5,000 held-out digits found best; mean ± standard deviation of seeds',
        columns: ['network', 'held-out', 'test'],
        rows: [
          ['recipe fast, 100 units', ...both('irnn-fast')],
          [`recipe best, ${permuted ? 512 : 256} units`, ...both('irnn-best')],
          ['the paper, 100 units, best on test', '', best],
          ['best published IRNN, 256 units (Wave-RNN, arXiv:2309.08045)', '', published],
        ],
      },
    ],
    runs: [
      ...(['fast', 'best'] as const).flatMap((recipe) => seeds(ownRun(recipe, figure), SEEDS)),
      ...NETWORKS.flatMap((cell) => seeds(paperRun(cell, figure, cell === 'irnn' ? LONGEST : BUDGET), SEEDS)),
      startedRun(0.01, figure),
      startedRun(0.05, figure),
      ...Object.entries(figure.readings).map(([reading, flags]) => readingRun(reading, flags, figure)),
    ],
    claims: claims(figure),
  }
}

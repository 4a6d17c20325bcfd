/**
 * What both pixel-by-pixel experiments share: four cells side by side at one equal budget, the IRNN on to the paper's million
 * iterations, and the IRNN with our own recipe at 100 and 256 units.
 */
import { ordered, reaches, tracks } from './claims.ts'
import type { Experiment, Run } from './experiment.ts'

export interface PixelFigure {
  readonly name: string
  readonly title: string
  readonly permuted: boolean
  /** The paper's Table 2. */
  readonly table: Readonly<Record<(typeof CELLS)[number], { lr: number; clip: number; forgetBias?: number }>>
  /** Of the runs with the paper's recipe. */
  readonly seed: number
  /** Iterations, equal for all cells; the IRNN goes on to the paper's million. */
  readonly budget: number
  /** The paper's best test accuracy, and what our recipe is to reach with 100 and with 256 units; percent. */
  readonly best: number
  readonly fast: number
  readonly large: number
  /** Percent points between our curve and the paper's, and where they are compared. */
  readonly within: number
  readonly trackedAt: readonly number[]
}

const CELLS = ['irnn', 'lstm', 'tanh', 'relu'] as const
const LABELS = { irnn: 'IRNN', lstm: 'LSTM', tanh: 'RNN + tanh', relu: 'RNN + ReLU' }
/** Iterations of 256 units; the permuted recipe has 150,000 for 100. */
const LARGE = { scanline: 80_000, permuted: 50_000 }
/** Beyond the budget that all cells have. The paper: "at most 1,000,000". */
const ITERATIONS: { readonly [cell in Run['cell']]?: number } = { irnn: 1_000_000 }

function paperRun(cell: (typeof CELLS)[number], { permuted, table, seed, budget }: PixelFigure): Run {
  const iterations = ITERATIONS[cell] ?? budget
  return {
    name: `${cell}-paper`,
    label: LABELS[cell],
    task: 'mnist',
    cell,
    recipe: 'paper',
    flags: { ...(permuted && { permuted }), ...table[cell], clipKind: 'derivative', iterations, seed },
    note: 'Table 2; raw pixels, summed loss, the clip elementwise on the derivatives inside back-propagation',
  }
}

function fastRun(hidden: number, name: string, { permuted }: PixelFigure, note: string, more: Run['flags'] = {}): Run {
  return {
    name,
    label: `IRNN, ${hidden} units, recipe fast`,
    task: 'mnist',
    cell: 'irnn',
    recipe: 'fast',
    flags: { ...(permuted && { permuted }), hidden, seed: 1, ...more },
    note,
  }
}

function claims({ name, permuted, budget, best, fast, large, within, trackedAt }: PixelFigure): Experiment['claims'] {
  const where = permuted ? 'permuted MNIST' : 'pixel MNIST'
  const at = trackedAt.map((n) => `${n / 1000}k`).join(', ')
  return [
    reaches('irnn-paper', best, `With the paper's recipe the IRNN reaches the paper's ${best} % on ${where}`),
    tracks(
      'irnn-paper',
      { figure: name, cell: 'irnn' },
      { at: trackedAt, within },
      `With the paper's recipe the IRNN is within ${within} points of the paper's curve at ${at} iterations`,
    ),
    ordered(
      CELLS.map((cell) => `${cell}-paper`),
      budget,
      `The order of Figure 3 at an equal budget of ${budget.toLocaleString('en-US')} iterations: IRNN > LSTM > RNN + tanh > RNN + ReLU`,
    ),
    reaches('irnn-fast', fast, `Recipe fast, 100 units, reaches ${fast} % on ${where} (paper: ${best})`),
    reaches('irnn-fast-256', large, `Recipe fast, 256 units, reaches ${large} %, the best published for an IRNN`),
  ]
}

export function pixelExperiment(figure: PixelFigure): Experiment {
  const { name, title, permuted, best, large } = figure
  const order = permuted ? 'permuted' : 'scanline'
  const y = { title: 'test accuracy, %', domain: [0, 100] as const }
  return {
    name,
    title,
    metric: 'accuracy',
    panels: [
      {
        title: `MNIST, ${order} order, 100 units: the paper's recipe`,
        paper: { figure: name, cells: CELLS },
        runs: CELLS.map((cell) => `${cell}-paper`),
        x: 'iterations',
        y,
        references: [{ name: 'guessing (10 %)', value: 10 }],
      },
      {
        title: `MNIST, ${order} order: recipes for the IRNN`,
        paper: { figure: name, cells: ['irnn'] },
        runs: ['irnn-paper', 'irnn-fast', 'irnn-fast-256'],
        x: 'sequences',
        logX: true,
        y,
        references: [
          { name: `the paper's best (${best} %)`, value: best },
          { name: `best published IRNN, 256 units (${large} %)`, value: large },
        ],
      },
    ],
    runs: [
      fastRun(100, 'irnn-fast', figure, 'ours'),
      ...CELLS.map((cell) => paperRun(cell, figure)),
      fastRun(256, 'irnn-fast-256', figure, 'ours, as large as the best published IRNN (Wave-RNN, arXiv:2309.08045)', {
        iterations: LARGE[order],
        evalEvery: 4000,
      }),
    ],
    claims: claims(figure),
  }
}

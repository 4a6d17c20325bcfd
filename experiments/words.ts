/**
 * Table 3 of the paper: a word language model. The paper trains on the one-billion-word benchmark with a vocabulary of
 * a million, its LSTM for 60 hours on 32 machines. What one machine carries in an hour is the Brown corpus, a million
 * words of English, with a vocabulary of 10,000: an LSTM, an IRNN and an RNN + tanh of equal size, each tuned in short
 * runs over two learning rates and two clips of the paper's grid, then trained at one equal budget; and the paper's
 * five networks, as large as it has them, for a look at each.
 */
import { grouped } from '../src/numbers.ts'
import { beatsBaseline, ranked, tuned } from './claims.ts'
import type { Claim, Experiment, ExperimentRun, TableCell } from './experiment.ts'

const CELLS = ['lstm', 'irnn', 'tanh'] as const
type Network = (typeof CELLS)[number]
const LABELS: Readonly<Record<Network, string>> = { lstm: 'LSTM', irnn: 'IRNN', tanh: 'RNN + tanh' }

const RATES = [0.001, 0.01] as const
const CLIPS = [1, 10] as const
/** Iterations of 400 words; an epoch is some 2,740. */
const HIDDEN = 128
const TUNING = 200
const BUDGET = 5500
const LOOK = 400

/** What was best in the tuning runs: a claim holds it against them. */
const CHOSEN: Readonly<Record<Network, { readonly lr: number; readonly clip: number }>> = {
  lstm: { lr: 0.01, clip: 10 },
  irnn: { lr: 0.01, clip: 1 },
  tanh: { lr: 0.01, clip: 1 },
}

function run(name: string, label: string, cell: Network, flags: ExperimentRun['flags'], note: string): ExperimentRun {
  return { name, label, task: 'words', cell, recipe: 'fast', flags: { ...flags, seed: 1 }, note }
}

const tuning = (cell: Network): ExperimentRun[] =>
  RATES.flatMap((lr) =>
    CLIPS.map((clip) =>
      run(
        `${cell}-lr${lr === 0.01 ? 2 : 3}-clip${clip}`,
        `${LABELS[cell]}, ${lr}, ${clip}`,
        cell,
        { hidden: HIDDEN, lr, clip, iterations: TUNING, evalEvery: TUNING },
        'tuning, on held-out perplexity',
      ),
    ),
  )

const finals = CELLS.map((cell) =>
  run(
    cell,
    LABELS[cell],
    cell,
    { hidden: HIDDEN, ...CHOSEN[cell], iterations: BUDGET, evalEvery: 1100 },
    'the best of its tuning runs',
  ),
)

/** As large as the others are small, and trained for three epochs: what `irnn train words --cell lstm` does. */
const fast = run('lstm-fast', 'LSTM, recipe fast, 200 units', 'lstm', {}, 'ours: three epochs')

/**
 * The paper's networks and their test perplexity. Four layers of ReLU that start from the whole identity are at a loss
 * of 1e14 within ten iterations, with input weights of std 0.1 and of 0.01, so they start from half of it.
 */
const PAPER: readonly (readonly [string, string, Network, ExperimentRun['flags'], number])[] = [
  ['lstm-512', 'LSTM, 512 units', 'lstm', { hidden: 512 }, 68.8],
  ['irnn-4x512', 'IRNN, 4 layers of 512', 'irnn', { hidden: 512, layers: 4, scale: 0.5 }, 69.4],
  ['irnn-1024', 'IRNN, 1024 units, linear 512', 'irnn', { hidden: 1024, projection: 512, embedding: 512 }, 70.2],
  ['tanh-4x512', 'RNN + tanh, 4 layers of 512', 'tanh', { hidden: 512, layers: 4 }, 71.8],
  ['tanh-1024', 'RNN + tanh, 1024 units, linear 512', 'tanh', { hidden: 1024, projection: 512, embedding: 512 }, 72.5],
]

const large = PAPER.map(([name, label, cell, flags]) =>
  run(
    name,
    label,
    cell,
    { ...flags, lr: 0.001, clip: 1, iterations: LOOK, evalEvery: LOOK },
    'a network of Table 3, untuned, for a look only: 160,000 words, a seventh of an epoch',
  ),
)

const claims: Claim[] = [
  beatsBaseline(
    [...CELLS, fast.name],
    'Kneser-Ney trigram, test',
    'On Brown the best network is below the interpolated Kneser-Ney trigram, same split, vocabulary and tokens',
  ),
  ranked(CELLS, `The paper's order at an equal budget of ${grouped(BUDGET)} iterations: LSTM ≤ IRNN < RNN + tanh`, {
    ties: [true, false],
  }),
  ...CELLS.map((cell) =>
    tuned(
      cell,
      tuning(cell).map(({ name }) => name),
      ['lr', 'clip'],
      `The ${LABELS[cell]} has the learning rate and clip that were best on held-out text in its short runs`,
    ),
  ),
]

const both = (name: string): TableCell[] => [{ run: name, set: 'heldOut' }, { run: name }]

export const wordsExperiment: Experiment = {
  name: 'words',
  title: 'A word language model (Table 3)',
  metric: 'perplexity',
  baselines: ['baseline', 'words'],
  panels: [
    {
      title: `Brown corpus, ${HIDDEN} units, an equal budget`,
      runs: [...CELLS, fast.name],
      x: 'iterations',
      y: { title: 'test perplexity', log: true, domain: [80, 1000] },
    },
  ],
  tables: [
    {
      title: `Brown corpus: perplexity of networks of ${HIDDEN} units and of n-grams`,
      columns: ['model', 'held-out', 'test'],
      rows: [
        ...CELLS.map((cell) => [`${LABELS[cell]}, ${CHOSEN[cell].lr}, clip ${CHOSEN[cell].clip}`, ...both(cell)]),
        [fast.label, ...both(fast.name)],
        ...['Kneser-Ney trigram', 'unigram'].map((name) => [
          name,
          { baseline: `${name}, held-out` },
          { baseline: `${name}, test` },
        ]),
      ],
    },
    {
      title: 'Tuning: held-out perplexity after short runs, by learning rate and clip',
      columns: ['network', ...RATES.flatMap((lr) => CLIPS.map((clip) => `${lr}, ${clip}`))],
      rows: CELLS.map((cell) => [
        LABELS[cell],
        ...tuning(cell).map(({ name }) => ({ run: name, set: 'heldOut' }) as const),
      ]),
    },
    {
      title:
        "Table 3: test perplexity. The paper's is of a billion words of news and a vocabulary of a million; ours a " +
        'look at Brown',
      columns: ['network', 'paper', `ours, ${LOOK} iterations`],
      rows: PAPER.map(([name, label, , , theirs]) => [label, theirs, { run: name }]),
    },
  ],
  runs: [...CELLS.flatMap(tuning), ...finals, fast, ...large],
  claims,
}

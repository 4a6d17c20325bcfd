/** The charts of a report: what the records of some runs say, over iterations, as figures. */
import { type Figure, NEUTRAL, type Series } from '../src/figures/figure.ts'
import { bucketed, type StepKey, scoreHistory, stepsOf } from '../src/figures/history.ts'
import { scoreLine } from './board.ts'
import type { Reported } from './reported.ts'

/** Points of a curve of training; a band has the least and the most of all that lies between two. */
const POINTS = 300
const COLORS = 6

/** Score, loss, gradients and live units of runs of one task; a chart where some run has two points of it. */
export function figuresOf(runs: readonly Reported[]): Figure[] {
  return [scoreFigure(runs), spreadFigure(runs, 'loss'), spreadFigure(runs, 'gradNorm'), liveFigure(runs)].filter(
    (figure) => figure.series.some(({ points }) => points.length > 1),
  )
}

function scoreFigure(runs: readonly Reported[]): Figure {
  const scores = runs.map(({ events }) => scoreHistory(events))
  const { title, log } = scores.find((one) => one !== null) ?? { title: 'score', log: false }
  return {
    ...headOf(`test ${title}`, runs),
    description: runs.map(({ name, events }) => `${name}: ${scoreLine(events)}`).join('. '),
    y: { title, log },
    series: [
      ...runs.map((run, i) => ({ ...lookOf(run, i), points: scores[i]?.test ?? [], told: true })),
      ...papers(runs),
    ],
  }
}

/** Each once, as far as the runs went. */
function papers(runs: readonly Reported[]): Series[] {
  const found = new Map(runs.flatMap(({ paper }) => (paper ? [[paper.name, paper] as const] : [])))
  const drawn = [...found.values()].filter(({ points }) => points.length > 0)
  return drawn.map(({ name, points }) => ({ name, color: NEUTRAL, dashed: true, points }))
}

function untilOf(runs: readonly Reported[]): number {
  return Math.max(1, ...runs.map(({ events }) => events.at(-1)?.iteration ?? 0))
}

const TITLES = { loss: 'training loss', gradNorm: 'norm of the gradient before clipping' } as const

function spreadFigure(runs: readonly Reported[], key: StepKey): Figure {
  const buckets = runs.map(({ events }) => bucketed(stepsOf(events), key, POINTS))
  const log = buckets.flat().every(({ min }) => !(min <= 0))
  return {
    ...headOf(TITLES[key], runs),
    description: `Means of up to ${POINTS} parts of a run, and a band from the least to the most of each part.`,
    y: { title: TITLES[key], log },
    series: runs.map((run, i) => ({
      ...lookOf(run, i),
      points: buckets[i]!.map(({ x, mean }) => [x, mean] as const),
      told: true,
    })),
    bands: runs.map((_, i) => ({
      name: i === 0 ? 'least to most' : '',
      points: buckets[i]!.map(({ x, min, max }) => [x, min, max] as const),
      of: i,
    })),
  }
}

function liveFigure(runs: readonly Reported[]): Figure {
  return {
    ...headOf('live units', runs),
    description: 'Share of hidden units that are not zero, over the steps and sequences of a minibatch.',
    y: { title: 'share of live units', domain: [0, 1] },
    series: runs.map((run, i) => {
      const steps = stepsOf(run.events)
      const every = Math.max(1, Math.ceil(steps.length / POINTS))
      const shown = steps.filter((_, at) => at % every === every - 1)
      return { ...lookOf(run, i), points: shown.map(({ iteration, liveShare }) => [iteration, liveShare] as const) }
    }),
  }
}

function headOf(title: string, runs: readonly Reported[]): Pick<Figure, 'title' | 'x'> {
  return { title, x: { title: 'iterations', domain: [0, untilOf(runs)] } }
}

/** A run has one colour in all charts; those beyond the colours are dashed. */
function lookOf({ name }: Reported, i: number): Pick<Series, 'name' | 'dashed'> {
  return { name, dashed: i >= COLORS }
}

/** The curve of the paper that shows what a run did, where there is one, and how the run stands beside it. */
import { type Point, type ScoreHistory, scoreHistory } from '../src/figures/history.ts'
import { measured } from '../src/metric.ts'
import { grouped } from '../src/numbers.ts'
import type { RunEvent } from '../src/train/notes.ts'
import type { Watched } from './board.ts'

export interface PaperCurve {
  /** In the legend: "the paper's irnn". */
  readonly name: string
  /** Over the run's iterations, in the unit of its score; none if the run ended before the curve begins. */
  readonly points: readonly Point[]
  /** What the paper has and what the run has, in a sentence. */
  readonly claim: string
}

/** A curve of experiments/paper-curves.csv. @throws Error when there is none of that name */
export type Curves = (figure: string, cell: string) => readonly Point[]

/** Sequences of a minibatch in the paper. */
const PAPER_BATCH = 16

/** @param curves null in an installed package, which has none */
export function paperOf({ events }: Pick<Watched, 'events'>, curves: Curves | null): PaperCurve | null {
  const begin = events.find((event): event is RunEvent => event.type === 'run')
  const scores = scoreHistory(events)
  const [figure, cell] = typeof begin?.paper === 'string' ? begin.paper.split('/') : []
  if (!curves || !begin || !scores || figure === undefined || cell === undefined) return null
  // Equal work stands at equal places: the same number of sequences.
  const stretch = PAPER_BATCH / begin.B
  const points = curveOf(curves, figure, cell).map(
    ([iteration, value]) => [iteration * stretch, scores.percent ? value / 100 : value] as const,
  )
  if (points.length === 0 || !Number.isFinite(stretch)) return null
  const batch = stretch === 1 ? '' : ' (after as many sequences)'
  // The figures begin at iteration 0 or so, and have their first reading well behind it.
  const start = points.find(([at]) => at > points[0]![0])?.[0] ?? Number.POSITIVE_INFINITY
  const until = events.at(-1)!.iteration
  const end = points.findIndex(([at]) => at >= until)
  return {
    name: `the paper's ${cell}${batch}`,
    points: until < start ? [] : points.slice(0, end < 0 ? undefined : end + 1),
    claim: claimOf(points, start, scores, `The paper's ${cell}${batch}`),
  }
}

/** Nothing for a name that a file has made up. */
function curveOf(curves: Curves, figure: string, cell: string): readonly Point[] {
  try {
    return curves(figure, cell)
  } catch {
    return []
  }
}

/** At the last iteration that both have. */
function claimOf(points: readonly Point[], start: number, scores: ScoreHistory, who: string): string {
  const last = points.at(-1)![0]
  const at = scores.test.findLast(([iteration]) => iteration >= start && iteration <= last)
  if (!at) return `${who} has its first reading at iteration ${grouped(Math.round(start))}: this run has none there.`
  const [iteration, ours] = at
  const theirs = valueAt(points, iteration)
  const better = ours === theirs ? 'as good' : ours < theirs === scores.lowerIsBetter ? 'better' : 'worse'
  const [value, own] = [theirs, ours].map((score) => measured(scores, score))
  return `${who} has ${scores.name} ${value} at iteration ${grouped(iteration)}, this run ${own}: ${better}.`
}

/** On the line between its neighbours. */
function valueAt(points: readonly Point[], x: number): number {
  const right = points.find(([at]) => at >= x)!
  const left = points.findLast(([at]) => at <= x)!
  return right[0] === left[0] ? left[1] : left[1] + ((right[1] - left[1]) * (x - left[0])) / (right[0] - left[0])
}

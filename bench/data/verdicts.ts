/** What the programs of bench/data show: bars, held or failed, from their results as they are stored. */

/** One run of a side. */
export interface Side {
  /** Both sides have each seed once. */
  readonly seed: number
  readonly versions: Readonly<Record<string, string>>
  /** MASE, or mean cross-entropy: less is better. */
  readonly score: number
  /** CPU seconds, user and system. */
  readonly cpu: number
  /** MASE of the value a week before, or the number of answers: the same on both sides, or they had other data. */
  readonly check?: number
  readonly count?: number
  /** What a network is made of, where both have the same one. */
  readonly parameters?: number
  readonly accuracy?: number
  readonly coverage?: number
}

export interface RaceResult {
  readonly race: string
  readonly ours: Side[]
  readonly rival: Side[]
}

export interface Verdict {
  readonly text: string
  readonly held: boolean
}

/** Ours at most: MASE of births, its share of the rival's time; loss beside the rival's, and its share of the time. */
const MASE = 0.52
const FORECAST_SHARE = 1 / 2
const LOSS = 1.03
const LABEL_SHARE = 1 / 4

const mean = (sides: readonly Side[], of: (side: Side) => number) =>
  sides.reduce((sum, side) => sum + of(side), 0) / sides.length
const least = (sides: readonly Side[]) => Math.min(...sides.map(({ cpu }) => cpu))

/** The least time of each side counts, and the mean score. */
export function raceVerdicts({ race, ours, rival }: RaceResult): Verdict[] {
  const same = ours.every((side, i) => {
    const other = rival[i]!
    const close = Math.abs((side.check ?? 0) - (other.check ?? 0)) < 1e-3
    return close && side.count === other.count && side.parameters === other.parameters
  })
  const share = least(ours) / least(rival)
  const [score, theirs] = [mean(ours, (side) => side.score), mean(rival, (side) => side.score)]
  const forecast = race === 'births'
  const most = forecast ? FORECAST_SHARE : LABEL_SHARE
  const bar = forecast ? MASE : LOSS * theirs
  return [
    { text: `${race}: both sides had the same data`, held: same },
    {
      text:
        `${race}: ${forecast ? 'MASE' : 'loss'} ${score.toFixed(3)}, at most ${bar.toFixed(3)}; ` +
        `the rival's ${theirs.toFixed(3)}`,
      held: score <= bar,
    },
    {
      text:
        `${race}: ${least(ours).toFixed(1)} CPU s, ${share.toFixed(2)} of the rival's ${least(rival).toFixed(1)}, ` +
        `at most ${most.toFixed(2)}`,
      held: share <= most,
    },
  ]
}

/** What a method did on a set with a seed: bench/results/forecasts.json is a list of these. */
export interface ForecastResult {
  readonly set: string
  readonly seed: number
  readonly winner: string
  readonly methods: readonly { readonly name: string; readonly mase: number; readonly coverage: number | null }[]
}

/** MASE of the network at most, and where the network or another method shall win. */
const FORECASTS: Readonly<Record<string, { readonly mase: number | null; readonly banded: boolean }>> = {
  births: { mase: MASE, banded: true },
  'births with holidays': { mase: 0.45, banded: true },
  chicago: { mase: 0.85, banded: true },
  taylor: { mase: 0.6, banded: true },
  employment: { mase: 0.4, banded: false },
  unemployment: { mase: null, banded: false },
}
const BAND = [0.7, 0.9] as const
/** The network's MASE on births beside that of the best naive method. */
const NAIVE_SHARE = 0.8

export function forecastVerdicts(results: readonly ForecastResult[]): Verdict[] {
  const verdicts: Verdict[] = []
  for (const [set, { mase: most, banded }] of Object.entries(FORECASTS)) {
    const own = results.filter((result) => result.set === set)
    const networks = own.map(({ methods }) => methods.find(({ name }) => name === 'network')!)
    const mase = networks.reduce((sum, { mase }) => sum + mase, 0) / networks.length
    if (most !== null) verdicts.push({ text: `${set}: MASE ${mase.toFixed(3)}, at most ${most}`, held: mase <= most })
    if (set === 'births') {
      const naive = own[0]!.methods.filter(({ name }) => /last|before/.test(name)).map(({ mase }) => mase)
      const share = mase / Math.min(...naive)
      const text = `${set}: MASE ${share.toFixed(2)} of the best naive method's, at most ${NAIVE_SHARE}`
      verdicts.push({ text, held: share <= NAIVE_SHARE })
    }
    if (banded) {
      const covered = networks.map(({ coverage }) => coverage!)
      const held = covered.every((share) => share >= BAND[0] && share <= BAND[1])
      const shares = covered.map((share) => `${(100 * share).toFixed(0)} %`).join(', ')
      verdicts.push({ text: `${set}: ${shares} of the values in the 80 % band, 70 % to 90 % with each seed`, held })
    }
    // The winner is the least MASE of the table by its definition: that is what is asked of it.
    const right = own.every(({ methods, winner }) => methods.every((m) => m.mase >= named(methods, winner).mase))
    const winners = [...new Set(own.map(({ winner }) => winner))].join(', ')
    verdicts.push({ text: `${set}: the winner is named, ${winners}`, held: right && own.length === 3 })
  }
  return verdicts
}

function named(methods: ForecastResult['methods'], winner: string) {
  return methods.find(({ name }) => name === winner)!
}

/** bench/results/labels.json, by set. */
export function labelVerdicts(results: Readonly<Record<string, { bar: number; mean: number }>>): Verdict[] {
  return Object.entries(results).map(([set, { bar, mean }]) => ({
    text: `${set}: accuracy ${mean.toFixed(3)}, at least ${bar}`,
    held: mean >= bar,
  }))
}

/** What a reader prints: one line of JSON. */
export interface Answer {
  readonly rows: number
  /** Sums of the moments in milliseconds, of the codes of words in order of appearance, and of the numbers. */
  readonly sums: readonly number[]
  /** CPU seconds, user and system, of all threads; MB resident at most. */
  readonly cpu: number
  readonly memory: number
}

/** MB that the table takes: four columns of 8 bytes a row, and one of 4. */
const columnsOf = ({ rows }: Answer) => (36 * rows) / 1e6

type Readers = Readonly<Record<string, Answer | string>>

const RATIOS: readonly [claim: string, rival: string, of: (ours: Answer, rival: Answer) => number, least: number][] = [
  ['speed beside DuckDB, whose query casts to doubles', 'DuckDB, doubles', (ours, rival) => rival.cpu / ours.cpu, 2],
  ['speed beside DuckDB, value by value', 'DuckDB, values', (ours, rival) => rival.cpu / ours.cpu, 2],
  ['speed beside csv-parse', 'csv-parse', (ours, rival) => rival.cpu / ours.cpu, 5],
  ["speed beside pandas' C engine", 'pandas', (ours, rival) => rival.cpu / ours.cpu, 1 / 3],
  ['memory of pandas beside ours', 'pandas', (ours, rival) => rival.memory / ours.memory, 4 / 3],
]
const MOST_BEYOND = 250

/** Of readers that are strings nothing is known. */
export function readingVerdicts(readers: Readers): Verdict[] {
  const ours = readers.irnn as Answer
  const verdicts = RATIOS.flatMap(([claim, name, of, least]): Verdict[] => {
    const rival = readers[name]
    if (rival === undefined || typeof rival === 'string') return []
    const ratio = of(ours, rival)
    return [{ text: `reading: ${claim} ${ratio.toFixed(2)}, at least ${least.toFixed(2)}`, held: ratio >= least }]
  })
  const beyond = ours.memory - columnsOf(ours)
  const rows = `${Math.round(ours.rows / 1e6)} million rows`
  const text = `reading ${rows}: ${beyond.toFixed(0)} MB beyond the columns, at most ${MOST_BEYOND}`
  return [...verdicts, { text, held: beyond <= MOST_BEYOND }]
}

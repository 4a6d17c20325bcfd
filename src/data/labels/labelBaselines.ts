/** What stands beside a network that labels: methods that count, average and compare. */
import { nearestByWarping } from './dtw.ts'
import type { Encoded } from './encode.ts'
import { labelScores } from './labelScores.ts'
import type { SequenceParts } from './parts.ts'
import type { SequenceSchema } from './sequenceSchema.ts'
import type { Sequences, StepColumn } from './sequences.ts'
import { type Features, nearest, ridge } from './tabular.ts'

/** What a method answers for the test part: classes, in the order of what is asked. */
export interface MethodAnswers {
  readonly name: string
  readonly answers: Int32Array
}

/** What a baseline may see. */
export interface BaselineInput {
  readonly schema: SequenceSchema
  readonly sequences: Sequences
  readonly data: Encoded
  readonly parts: SequenceParts
  /** [N] or [steps] classes; -1: none. */
  readonly targets: Int32Array
  readonly K: number
}

/** Values a step beyond which no features are made of them. */
const MOST_WIDTH = 200
/** Category columns beyond which only the first have a row in the table. */
const MOST_COUNTED = 3

/** Methods, and a line for each that would cost too much. */
export function labelBaselines(input: BaselineInput): { methods: MethodAnswers[]; skipped: string[] } {
  const { schema, sequences, data, parts, targets, K } = input
  const skipped: string[] = []
  const every = schema.of === 'row'
  const units = (which: Int32Array) => (every ? stepsIn(sequences, which) : which)
  const known = (which: Int32Array) => units(which).filter((i) => targets[i]! >= 0)
  const [training, validation, test] = [known(parts.training), known(parts.validation), units(parts.test)]
  const learnt = Int32Array.from([...training, ...validation])
  const methods: MethodAnswers[] = [majority(targets, learnt, test, K)]
  const counted = sequences.columns.filter(({ levels }) => levels !== null)
  for (const column of counted.slice(0, MOST_COUNTED)) methods.push(byValue(column, input, learnt, test))
  if (data.width > 0 && data.width <= MOST_WIDTH && every) {
    const features = { F: data.width, values: Float64Array.from(data.values) }
    methods.push({ name: 'each row alone (ridge)', answers: ridge(features, targets, K, learnt, test) })
  }
  if (data.width > 0 && data.width <= MOST_WIDTH && !every) {
    methods.push(summaries(data, targets, K, [training, validation, test]))
    const answers = nearestByWarping(data, learnt, test, targets)
    if (answers !== null) methods.push({ name: '1-NN DTW', answers })
    else skipped.push('1-NN DTW was left out: to compare so many steps would take minutes')
  }
  return { methods, skipped }
}

/** Places of all steps of sequences. */
export function stepsIn({ starts }: Pick<Sequences, 'starts'>, which: Int32Array): Int32Array {
  const steps: number[] = []
  for (const n of which) for (let i = starts[n]!; i < starts[n + 1]!; i++) steps.push(i)
  return Int32Array.from(steps)
}

/** The most frequent class of each row of counts [rows, K]; where a row has none, `otherwise`. */
function commonest(counts: Float64Array, K: number, otherwise: number): Int32Array {
  return Int32Array.from({ length: counts.length / K }, (_, row) => {
    let [best, most] = [otherwise, 0]
    for (let k = 0; k < K; k++) if (counts[row * K + k]! > most) [best, most] = [k, counts[row * K + k]!]
    return best
  })
}

function majorityOf(targets: Int32Array, learnt: Int32Array, K: number): number {
  const counts = new Float64Array(K)
  for (const i of learnt) counts[targets[i]!]! += 1
  return commonest(counts, K, 0)[0]!
}

function majority(targets: Int32Array, learnt: Int32Array, test: Int32Array, K: number): MethodAnswers {
  const answers = new Int32Array(test.length).fill(majorityOf(targets, learnt, K))
  return { name: 'most frequent label', answers }
}

/** The most frequent label of each value of a category: of a row's own, or of the last in a sequence. */
function byValue(
  { name, values, levels }: StepColumn,
  { schema, sequences, targets, K }: BaselineInput,
  learnt: Int32Array,
  test: Int32Array,
): MethodAnswers {
  const place = (i: number) => {
    const value = schema.of === 'row' ? values[i]! : values[sequences.starts[i + 1]! - 1]!
    return Number.isNaN(value) ? levels!.length : value
  }
  const counts = new Float64Array((levels!.length + 1) * K)
  for (const i of learnt) counts[place(i) * K + targets[i]!]! += 1
  const label = commonest(counts, K, majorityOf(targets, learnt, K))
  const what = schema.of === 'row' ? name : schema.layout === 'letters' ? 'last letter' : `last ${name}`
  return { name: `most frequent label of each ${what}`, answers: test.map((i) => label[place(i)]!) }
}

/** Mean, deviation, least and most of each channel, and the length; validation chooses ridge or nearest neighbour. */
function summaries(
  data: Encoded,
  targets: Int32Array,
  K: number,
  [training, validation, test]: readonly [Int32Array, Int32Array, Int32Array],
): MethodAnswers {
  const features = summaryFeatures(data)
  const own = validation.map((n) => targets[n]!)
  const score = (answers: Int32Array) => labelScores(own, answers, K).accuracy
  const linear = score(ridge(features, targets, K, training, validation))
  const near = score(nearest(features, targets, training, validation))
  const learnt = Int32Array.from([...training, ...validation])
  const answers = near > linear ? nearest(features, targets, learnt, test) : ridge(features, targets, K, learnt, test)
  return { name: `summary statistics (${near > linear ? '1-NN' : 'ridge'})`, answers }
}

function summaryFeatures({ values, width, starts }: Encoded): Features {
  const N = starts.length - 1
  const F = 4 * width + 1
  const features = new Float64Array(N * F)
  for (let n = 0; n < N; n++) {
    const [start, end] = [starts[n]!, starts[n + 1]!]
    features[n * F] = end - start
    for (let k = 0; k < width; k++) {
      let [sum, squares, least, most] = [0, 0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
      for (let i = start; i < end; i++) {
        const value = values[i * width + k]!
        sum += value
        squares += value * value
        least = Math.min(least, value)
        most = Math.max(most, value)
      }
      const mean = sum / (end - start)
      const deviation = Math.sqrt(Math.max(0, squares / (end - start) - mean * mean))
      features.set([mean, deviation, least, most], n * F + 1 + 4 * k)
    }
  }
  return { F, values: features }
}

/** Probabilities of the item after each of `asked` steps, by counting. */
export interface ItemMethod {
  readonly name: string
  readonly probability: (step: number, item: number) => number
}

/**
 * Most popular: the share of each item. Item after item: how often an item came after the one of this step, shrunk
 * towards the shares by as much as the kinds of items that came after it (Witten & Bell 1991).
 */
export function itemBaselines({ sequences, parts, targets, K }: BaselineInput): ItemMethod[] {
  const [{ values, levels }] = sequences.columns as [StepColumn]
  const L = levels!.length
  const popular = new Float64Array(K).fill(1)
  const after = new Map<number, number>()
  const total = new Float64Array(L)
  const kinds = new Float64Array(L)
  for (const part of [parts.training, parts.validation]) {
    for (const i of stepsIn(sequences, part)) {
      const item = targets[i]!
      if (item < 0 || item >= K) continue
      popular[item]! += 1
      const pair = values[i]! * K + item
      const seen = after.get(pair) ?? 0
      if (seen === 0) kinds[values[i]!]! += 1
      after.set(pair, seen + 1)
      total[values[i]!]! += 1
    }
  }
  const all = popular.reduce((sum, count) => sum + count, 0)
  return [
    { name: 'most popular', probability: (_, item) => popular[item]! / all },
    {
      name: 'item after item',
      probability(step, item) {
        const before = values[step]!
        const weight = kinds[before]! + total[before]!
        const share = popular[item]! / all
        if (weight === 0 || Number.isNaN(before)) return share
        return ((after.get(before * K + item) ?? 0) + kinds[before]! * share) / weight
      },
    },
  ]
}

/** What a fit of labels or next items leaves for people and programs. */
import { percent, significant } from '../../numbers.ts'
import { listed, type Note } from '../notes.ts'
import { cell } from '../report.ts'
import type { MethodScores } from '../work.ts'
import { stepsIn } from './labelBaselines.ts'
import { answersIn, labelScores } from './labelScores.ts'
import type { SequenceParts } from './parts.ts'
import type { SequenceSchema } from './sequenceSchema.ts'
import type { Sequences } from './sequences.ts'

export type Method = MethodScores

export interface SequenceReport {
  readonly prepared: {
    readonly schema: SequenceSchema
    readonly sequences: Sequences
    readonly parts: SequenceParts
    readonly names: readonly string[]
    readonly K: number
  }
  /** The network last. */
  readonly methods: readonly Method[]
  readonly winner: string
  readonly trial: string
  readonly notes: readonly Note[]
  /** Of the test part: [answers, K], and their targets. */
  readonly probabilities: Float64Array
  readonly targets: Int32Array
}

/** The score by which methods are held against each other, and which way is better. */
export function decidingScore({ kind, score }: SequenceSchema): string {
  return kind === 'next' ? 'hitRate' : score
}

/** The best method on the test part; of equals the surer, or the simplest, which stands first. */
export function winnerOf(schema: SequenceSchema, methods: readonly Method[]): string {
  const score = decidingScore(schema)
  const surer = (a: Method, b: Method) => Number(a.perplexity ?? 0) - Number(b.perplexity ?? 0)
  return [...methods].sort((a, b) => Number(b[score]) - Number(a[score]) || surer(a, b))[0]!.name
}

/** Files of a run's folder, by name. */
export function sequenceFiles(report: SequenceReport): Record<string, string> {
  const { methods, winner, trial, notes, prepared, probabilities, targets } = report
  const { schema, names, K } = prepared
  const confusion = schema.kind === 'next' ? {} : { confusion: confusionOf(targets, probabilities, K, names) }
  return {
    'schema.json': `${JSON.stringify(schema, null, 2)}\n`,
    'report.json': `${JSON.stringify({ winner, trial, methods, ...confusion, notes }, null, 2)}\n`,
    'predictions.csv': predictionsCsv(report),
  }
}

/** Pairs of labels that occur: how often rows of the first were answered as the second. */
function confusionOf(targets: Int32Array, probabilities: Float64Array, K: number, names: readonly string[]) {
  const { confusion } = labelScores(targets, answersIn(probabilities, K), names.length)
  return names.flatMap((label, i) =>
    names
      .map((answer, j) => ({ label, answer, count: confusion[i * names.length + j]! }))
      .filter(({ count }) => count > 0),
  )
}

function predictionsCsv({ prepared, probabilities, targets }: SequenceReport): string {
  const { schema, sequences, parts, names, K } = prepared
  const answers = answersIn(probabilities, K)
  const every = schema.of === 'row'
  const owner = every
    ? Array.from(parts.test).flatMap((n) => new Array<number>(sequences.starts[n + 1]! - sequences.starts[n]!).fill(n))
    : Array.from(parts.test)
  const steps = every ? stepsIn(sequences, parts.test) : null
  const lines = owner.map((n, i) => {
    const row = sequences.rows[steps === null ? sequences.starts[n]! : steps[i]!]! + 1
    const answer = answers[i]!
    return [sequences.ids[n], row, names[answer], probabilities[i * K + answer], names[targets[i]!]].map(cell).join(',')
  })
  return `${['id,row,label,probability,actual', ...lines].join('\n')}\n`
}

/** Titles of the scores, and their cells for each method. */
export function sequenceTable({ kind }: SequenceSchema): { titles: string[]; cells: (method: Method) => string[] } {
  if (kind === 'next') {
    return {
      titles: ['in first 10', 'perplexity'],
      cells: (method) => [percent(Number(method.hitRate), 1), significant(Number(method.perplexity), 4)],
    }
  }
  return {
    titles: ['accuracy', 'macro-F1'],
    cells: (method) => [percent(Number(method.accuracy), 1), Number(method.macroF1).toFixed(3)],
  }
}

/** Who wins, and by how much. */
export function sequenceVerdict(schema: SequenceSchema, methods: readonly Method[], winner: string): string {
  const score = decidingScore(schema)
  const of = (name: string) => Number(methods.find((method) => method.name === name)![score])
  const others = methods.filter(({ name }) => name !== 'network').sort((a, b) => Number(b[score]) - Number(a[score]))
  const best = others[0]!
  if (winner !== 'network') {
    return `! the network is no better than "${winner}": use that, or give it more sequences or inputs`
  }
  if (of('network') === of(best.name)) return `the network has as many hits as "${best.name}", and is surer of them`
  const fewer = (of('network') - of(best.name)) / (1 - of(best.name))
  if (score === 'macroF1') return `the network is ${percent(fewer, 0)} nearer to an F1 of 1 than "${best.name}"`
  return `the network has ${percent(fewer, 0)} fewer ${score === 'accuracy' ? 'errors' : 'misses'} than "${best.name}"`
}

/** Lines of decisions: [what, sentence]. @param parts their sizes; null: not known */
export function sequenceDecisions(
  schema: SequenceSchema,
  parts: { readonly [part in keyof SequenceParts]: number } | null,
  classes: readonly string[],
): [string, string][] {
  const { kind, of, target, layout, id, time, split, inputs, oneWay } = schema
  const names = inputs.map(({ name, type }) => (type === 'number' ? name : `${name} (${type})`))
  const order = time === null ? 'in the order of the file' : `sorted by ${time}`
  const steps = {
    rows: `rows of one ${id ?? 'piece of 128 rows'}, ${order}`,
    cells: `cells of a row, ${inputs[0]!.name} … ${inputs.at(-1)!.name}`,
    letters: `letters of ${inputs[0]!.name}`,
  }
  const what = kind === 'next' ? `next ${target}, of ${classes.length}` : `${target}: ${listed(classes, 6)}`
  const lines: [string, string][] = [
    [kind === 'next' ? 'item' : 'label', kind === 'next' ? what : `${what}; one for each ${of}`],
    ['steps', `${steps[layout]}${oneWay && kind === 'label' ? '; read forwards only' : ''}`],
  ]
  if (layout === 'rows' && kind !== 'next') lines.push(['inputs', listed(names, 8)])
  const how = split === null ? (id === null && layout === 'rows' ? 'in order' : 'by content') : `by ${split}`
  const sizes = parts ? `: ${parts.training} to train, ${parts.validation} to choose, ${parts.test} to test` : ''
  lines.push(['split', how + sizes])
  return lines
}

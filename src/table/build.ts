/**
 * A table from a source: types are inferred from the first rows, and every row is held against them while the columns
 * are filled. Columns of which rows say otherwise are read again with a better type, so that what is decided holds for
 * all rows; most files are read once.
 */
import { type Filler, FlagFiller, NumberFiller, WordFiller } from './fill.ts'
import { TimeFiller } from './fillTime.ts'
import { type Finished, finish, typeOf } from './finish.ts'
import { type Inference, infer, votesForComma } from './infer.ts'
import { selected, type TableOptions } from './options.ts'
import { samePlan } from './plan.ts'
import { sampleOf, seenBy } from './sample.ts'
import type { Source } from './source.ts'

/** A column on its way. */
interface Draft {
  readonly name: string
  /** Where the source has it. */
  readonly index: number
  /** What has been seen of its texts, and in how many rows. */
  texts: ReadonlyMap<string, number>
  found?: Inference
  finished?: Finished
}

/** Readings after which a column keeps its type. Two are usual where the first rows mislead. */
const MOST_READINGS = 5

export interface Built {
  readonly rows: number
  readonly columns: readonly Finished[]
}

/** @throws InputError, one line, for a column that no type fits; and what the source throws */
export async function build(source: Source, options: TableOptions): Promise<Built> {
  const indices = selected(source.name, source.columns, options)
  const samples = await sampleOf(source, indices, options.decimal)
  const drafts: Draft[] = indices.map((index, i) => ({ name: source.columns[index]!, index, texts: samples[i]! }))
  let rows = 0
  for (let reading = 1, open = drafts; open.length > 0; reading++) {
    decide(open, drafts, source, options)
    const fillers = open.map((draft) => fillerFor(draft, source, options))
    rows = await fill(source, open, fillers)
    const seen = open.map(({ texts }, i) => seenBy(fillers[i]!, texts))
    const news = seen.some((texts, i) => texts !== open[i]!.texts)
    for (const [i, draft] of open.entries()) draft.texts = seen[i]!
    const before = open.map(({ found }) => found!)
    if (news) decide(open, drafts, source, options)
    for (const [i, draft] of open.entries()) {
      if (reading < MOST_READINGS && !samePlan(before[i]!.plan, draft.found!.plan)) continue
      draft.finished = finish({ name: draft.name, filler: fillers[i]!, found: before[i]!, source, options })
    }
    open = open.filter((draft) => draft.finished === undefined)
  }
  return { rows, columns: drafts.map((draft) => draft.finished!) }
}

/** Infers the types of `open`. The decimal mark is one for the whole file where a column leaves it open. */
function decide(open: readonly Draft[], all: readonly Draft[], source: Source, options: TableOptions): void {
  const votes = all.map(({ texts }) => Math.sign(votesForComma(texts))).reduce<number>((sum, vote) => sum + vote, 0)
  const comma = votes === 0 ? source.decimalComma === true : votes > 0
  for (const draft of open) {
    draft.found = infer(draft.texts, {
      name: draft.name,
      type: typeOf(options, draft.name),
      dayFirst: options.dayFirst,
      missing: options.missing ?? [],
      mark: options.decimal ?? (comma ? ',' : '.'),
      onlyMark: options.decimal !== undefined,
    })
  }
}

function fillerFor({ name, found }: Draft, source: Source, { missing = [], float32 = false }: TableOptions): Filler {
  const { plan } = found!
  const options = { missing, float32, what: `${source.name}: ${name}`, places: source.places }
  if (plan.kind === 'number' || plan.kind === 'epoch') return new NumberFiller(plan, options)
  if (plan.kind === 'time') return new TimeFiller(plan, options)
  return plan.kind === 'flag' ? new FlagFiller(plan, options) : new WordFiller(plan, options)
}

/** Reads all rows into the columns; how many there are. */
async function fill(source: Source, drafts: readonly Draft[], fillers: readonly Filler[]): Promise<number> {
  let rows = 0
  for await (const batch of source.batches()) {
    rows += batch.rows
    // Room for as many rows as the part that was read foretells: what is never filled is never in RAM.
    const share = source.share()
    const capacity = share === undefined || share === 0 ? 2 * rows : Math.ceil((1.05 * rows) / share) + 1024
    for (const [i, { index }] of drafts.entries()) fillers[i]!.add(batch, index, capacity)
  }
  return rows
}

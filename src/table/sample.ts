/** What is seen of the texts of columns: at first of some rows, later of all. */
import { InputError } from '../error.ts'
import { type Filler, WordFiller } from './fill.ts'
import { TimeFiller } from './fillTime.ts'
import type { Batch, Source } from './source.ts'

/** Rows of the sample, and fields of all columns in it, at most. */
const ROWS = 1000
const FIELDS = 500_000
/** More different words are no numbers and no moments: they are not looked at again. */
const WORDS = 20_000

const decoder = new TextDecoder()

/** The texts of the first rows, and how often each occurs, for each of the columns `indices`. */
export async function sampleOf(source: Source, indices: readonly number[], mark: '.' | ',' = '.') {
  const texts = indices.map(() => new Map<string, number>())
  const most = Math.max(100, Math.min(ROWS, Math.floor(FIELDS / indices.length)))
  let rows = 0
  for await (const batch of source.batches()) {
    const n = Math.min(batch.rows, most - rows)
    for (const [i, index] of indices.entries()) {
      for (let r = 0; r < n; r++) {
        const text = textOf(batch, index, r, mark)
        if (text !== undefined) texts[i]!.set(text, (texts[i]!.get(text) ?? 0) + 1)
      }
    }
    rows += n
    if (rows >= most) break
  }
  if (rows > 0) return texts
  const columns = source.columns.length > 8 ? `${source.columns.slice(0, 8).join(', ')} …` : source.columns.join(', ')
  throw new InputError(`${source.name}: expected rows but there are none, only the columns ${columns}: add the data`)
}

/** As CSV with that decimal mark would have it. */
function textOf(batch: Batch, column: number, row: number, mark: string): string | undefined {
  if (batch.kind === 'fields') {
    const f = batch.first + row * batch.stride + batch.order[column]!
    return decoder.decode(batch.bytes.subarray(batch.starts[f], batch.ends[f]))
  }
  const cell = batch.cells[column]![row]
  if (cell === null || cell === undefined) return
  if (typeof cell === 'number') return String(cell).replace('.', mark)
  return cell instanceof Date && !Number.isNaN(cell.getTime()) ? cell.toISOString() : String(cell)
}

/**
 * The texts of a column once all rows were read with a plan; `before` itself, those of the sample, if there are no
 * others that matter.
 */
export function seenBy(filler: Filler, before: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
  if (filler instanceof WordFiller) return wordsSeen(filler, before)
  const { odd, oddRows } = filler.left
  const sure = filler instanceof TimeFiller ? [filler.dayFirst, filler.monthFirst] : []
  const news = sure.filter((one) => one !== undefined).filter(({ text }) => !before.has(text))
  if (oddRows === 0 && news.length === 0) return before
  const sampled = [...before].filter(([text]) => !odd.has(text))
  const fit = sampled.reduce((sum, [, n]) => sum + n, 0)
  const scale = Math.max(1, (filler.rows - oddRows) / Math.max(1, fit))
  const texts = new Map(sampled.map(([text, n]) => [text, n * scale]))
  for (const [text, { rows }] of odd) texts.set(text, rows)
  // What stands in no list, for there were too many different ones, counts as the last of them.
  const unlisted = oddRows - [...odd.values()].reduce((sum, { rows }) => sum + rows, 0)
  const last = [...odd.keys()].at(-1)
  if (last !== undefined) texts.set(last, texts.get(last)! + unlisted)
  for (const { text } of news) texts.set(text, 1)
  return texts
}

function wordsSeen(filler: WordFiller, before: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
  const { words } = filler
  if (words.size > WORDS) return before
  const texts = Array.from({ length: words.size }, (_, code) => decoder.decode(words.word(code)))
  if (texts.every((text) => before.has(text))) return before
  const counts = new Float64Array(words.size)
  for (let r = 0; r < filler.rows; r++) if (filler.values[r]! >= 0) counts[filler.values[r]!]!++
  return new Map(texts.map((text, code) => [text, counts[code]!]))
}

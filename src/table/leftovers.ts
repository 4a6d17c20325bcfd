/** What a column's plan does not explain: words that mean "missing", and words that fit nothing. */
import { isMissing } from './plan.ts'

const decoder = new TextDecoder()
const MOST = 1000
const SHOWN = 5

export interface Left {
  rows: number
  /** Places of the first rows with it, of the words that messages show. */
  readonly places: number[]
  readonly shown: boolean
}

export class Leftovers {
  /** Texts that mean that there is no value, as they are written, and in how many rows. */
  readonly missing = new Map<string, number>()
  /** Texts that are neither missing nor explained; after MOST of them the others are only counted. */
  readonly odd = new Map<string, Left>()
  oddRows = 0
  readonly #words: readonly string[]

  /** @param words what the user says means "missing" */
  constructor(words: readonly string[]) {
    this.#words = words
  }

  /** Of a field that the plan does not explain: its text; undefined if it is a missing value, which is noted. */
  explain(bytes: Uint8Array, start: number, end: number): string | undefined {
    const text = start === end ? '' : decoder.decode(bytes.subarray(start, end))
    return this.explainText(text)
  }

  explainText(text: string): string | undefined {
    if (!isMissing(text, this.#words)) return text
    const word = text.trim()
    if (word !== '') this.missing.set(word, (this.missing.get(word) ?? 0) + 1)
    return
  }

  /** Notes a text that fits nothing. @param place of its row, asked for the first ones */
  add(text: string, place: () => number): void {
    this.oddRows++
    let left = this.odd.get(text)
    if (left === undefined) {
      if (this.odd.size >= MOST) return
      left = { rows: 0, places: [], shown: this.odd.size < SHOWN }
      this.odd.set(text, left)
    }
    left.rows++
    if (left.shown && left.places.length < SHOWN) left.places.push(place())
  }
}

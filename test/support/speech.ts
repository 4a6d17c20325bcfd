// Speech files made by hand, and a corpus of them in TIMIT's layout.
import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import { after } from 'node:test'
import { loadSpeech } from '../../src/tasks/phones/load.node.ts'
import { readTimit } from '../../src/tasks/phones/timit.node.ts'

/** n samples of both signs, large and small. */
export function samplesOf(n: number, seed = 1): Int16Array {
  return Int16Array.from({ length: n }, (_, i) =>
    Math.round(9000 * Math.sin(i * 0.05 * seed) + ((i * 7919 * seed) % 601) - 300),
  )
}

function words(samples: Int16Array, bigEndian: boolean): number[] {
  return [...samples].flatMap((s) => (bigEndian ? [(s >> 8) & 255, s & 255] : [s & 255, (s >> 8) & 255]))
}

/** A SPHERE file; `fields` replace or, as null, remove lines of its header. */
export function sphere(
  samples: Int16Array,
  { bigEndian = false, fields = {} }: { bigEndian?: boolean; fields?: Record<string, string | null> } = {},
): Uint8Array {
  const all: Record<string, string | null> = {
    database_id: '-s5 TIMIT',
    channel_count: '-i 1',
    sample_count: `-i ${samples.length}`,
    sample_rate: '-i 16000',
    sample_n_bytes: '-i 2',
    sample_byte_format: `-s2 ${bigEndian ? '10' : '01'}`,
    sample_sig_bits: '-i 16',
    ...fields,
  }
  const lines = Object.entries(all).flatMap(([name, value]) => (value === null ? [] : [`${name} ${value}`]))
  const header = `NIST_1A\n   1024\n${lines.join('\n')}\nend_head\n`.padEnd(1024)
  return Uint8Array.from([...new TextEncoder().encode(header), ...words(samples, bigEndian)])
}

export interface RiffOptions {
  bigEndian?: boolean
  rate?: number
  channels?: number
  bits?: number
  tag?: number
  /** What the chunk of samples says its length is. */
  size?: number
  /** What the file says its length is, less 8; otherwise what it is. */
  riffSize?: number
  /** Bytes that a sample of all channels takes, as the header says it. */
  align?: number
  /** Chunks before the format, after it and behind the samples, by name. */
  before?: Readonly<Record<string, ArrayLike<number>>>
  between?: Readonly<Record<string, ArrayLike<number>>>
  behind?: Readonly<Record<string, ArrayLike<number>>>
  /** First four letters. */
  magic?: string
}

/** A RIFF (or RIFX) file with an odd chunk before the samples. */
export function riff(samples: Int16Array, options: RiffOptions = {}): Uint8Array {
  const { bigEndian = false, rate = 16_000, channels = 1, bits = 16, tag = 1, size = 2 * samples.length } = options
  const { before = { LIST: [1, 2, 3] }, between = {}, behind = {}, align = channels * 2 } = options
  const number = (value: number, bytes: number) => {
    const little = Array.from({ length: bytes }, (_, i) => Math.floor(value / 256 ** i) & 255)
    return bigEndian ? little.reverse() : little
  }
  const text = (name: string) => [...new TextEncoder().encode(name)]
  const sub =
    tag === 0xfffe ? [...number(22, 2), ...number(16, 2), ...number(0, 4), ...number(1, 2), ...Array(14).fill(0)] : []
  const fmt = [
    ...number(tag, 2),
    ...number(channels, 2),
    ...number(rate, 4),
    ...number(rate * align, 4),
    ...number(align, 2),
    ...number(bits, 2),
    ...sub,
  ]
  const chunks = (bodies: Readonly<Record<string, ArrayLike<number>>>) =>
    Object.entries(bodies).map(([name, body]) =>
      Buffer.from([...text(name), ...number(body.length, 4), ...Array.from(body), ...(body.length % 2 ? [0] : [])]),
    )
  const data = Buffer.from([...text('data'), ...number(size, 4), ...words(samples, bigEndian)])
  const body = Buffer.concat([...chunks({ ...before, 'fmt ': fmt, ...between }), data, ...chunks(behind)])
  const { magic = bigEndian ? 'RIFX' : 'RIFF', riffSize = 4 + body.length } = options
  return Uint8Array.from(Buffer.concat([Buffer.from([...text(magic), ...number(riffSize, 4), ...text('WAVE')]), body]))
}

/** Segments that cover n samples, one phone after the other in turn. */
export function phn(n: number, phones: readonly string[] = ['h#', 'sh', 'iy', 'q', 'dcl', 'd', 'h#']): string {
  const bound = (i: number) => Math.round((n * i) / phones.length)
  return phones.map((phone, i) => `${bound(i)} ${bound(i + 1)} ${phone}\n`).join('')
}

/** Writes files by their path under `dir`. */
export function writeFiles(dir: string, files: Readonly<Record<string, string | Uint8Array>>): void {
  for (const [name, content] of Object.entries(files)) {
    const file = path.join(dir, name)
    fs.mkdirSync(path.dirname(file), { recursive: true })
    fs.writeFileSync(file, content)
  }
}

/** `sentences` utterances of unequal lengths of each speaker, by path: SPHERE and RIFF in turn. */
export function corpusFiles(speakers: readonly string[], sentences = 2): Record<string, string | Uint8Array> {
  const files: Record<string, string | Uint8Array> = {}
  for (const [s, speaker] of speakers.entries()) {
    for (let i = 0; i < sentences; i++) {
      const n = 4000 + 1600 * s + 800 * i
      const stem = `${speaker}/SX${i + 1}`
      files[`${stem}.WAV`] = (s + i) % 2 ? riff(samplesOf(n, s + i + 1)) : sphere(samplesOf(n, s + i + 1))
      files[`${stem}.PHN`] = phn(n)
      files[`${stem}.TXT`] = `0 ${n} She had.\n`
    }
  }
  return files
}

export interface StoredSpeech {
  /** The folder of the other two. */
  readonly home: string
  readonly cache: string
  readonly dir: string
  readonly speakers: readonly string[]
  readonly corpus: ReturnType<typeof loadSpeech>
  readonly timit: ReturnType<typeof readTimit>
}

/** A corpus of five speakers in a folder that is gone after the tests, loaded, with its features in a cache. */
export function storedSpeech(): StoredSpeech {
  const home = fs.mkdtempSync(path.join(os.tmpdir(), 'irnn-phones-'))
  after(() => fs.rmSync(home, { recursive: true }))
  const [cache, dir] = [path.join(home, 'cache'), path.join(home, 'corpus')]
  const speakers = ['TRAIN/DR1/FCJF0', 'TRAIN/DR2/MPGR1', 'TRAIN/DR2/MRGG0', 'TEST/DR1/FAKS0', 'TEST/DR1/MDAB0']
  writeFiles(dir, corpusFiles(speakers, 3))
  return { home, cache, dir, speakers, corpus: loadSpeech({ data: dir, cache }), timit: readTimit(dir) }
}

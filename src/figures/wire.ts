/** What a server of runs and a page say to each other: lines of the list of runs, and charts' numbers as bytes. */

/** A line of the list: what can be said of a run without its curves. */
export interface RunLine {
  readonly id: number
  readonly name: string
  readonly title: string
  readonly task: string
  readonly cell: string
  readonly seed: number | null
  readonly state: 'running' | 'ended' | 'stopped'
  /** Why it ended. */
  readonly reason: string | null
  readonly iteration: number
  readonly iterations: number | null
  readonly seconds: number
  readonly rate: number | null
  readonly rows: number
  /** Bytes of its records that were read. */
  readonly offset: number
  readonly score: ScoreLine | null
  /** The curve of the paper for its task and cell, "pixel-mnist,irnn"; null: the paper has none. */
  readonly paper: string | null
  /** Where it was taken up again, the last times: iteration and seconds. */
  readonly resumes: readonly (readonly [number, number])[]
  readonly problems: readonly string[]
}

export interface ScoreLine {
  readonly name: string
  readonly title: string
  readonly lowerIsBetter: boolean
  readonly percent: boolean
  readonly log: boolean
  /** The column of the evaluations, `testAccuracy`. */
  readonly key: string
  readonly last: number
  readonly best: number
  readonly bestAt: number
}

/** The numbers of a run for charts: of the buckets that have rows, in their order. */
export interface WireSeries {
  readonly run: number
  /** Bytes of the run's records that they are of: fewer than its line says while the server still reads them. */
  readonly offset: number
  /** Which buckets, whole numbers. */
  readonly index: Float32Array
  /** By name: mean, least, most and how many are not finite. NaN: no finite number. */
  readonly series: Readonly<Record<string, WireValues>>
}

export interface WireValues {
  readonly mean: Float32Array
  readonly min: Float32Array
  readonly max: Float32Array
  readonly bad: Float32Array
}

interface Head {
  readonly run: number
  readonly offset: number
  readonly count: number
  readonly names: readonly string[]
}

const PARTS = ['mean', 'min', 'max', 'bad'] as const
const MOST = 3.4e38

/** One series of numbers, of whatever kind of array, before it is packed. */
export interface Packable {
  readonly run: number
  readonly offset: number
  readonly index: ArrayLike<number>
  readonly series: ReadonlyMap<string, Readonly<Record<(typeof PARTS)[number], ArrayLike<number>>>>
}

/** The length of a head of JSON in 4 bytes, the head, and float32: all machines that run this are little-endian. */
export function packSeries(all: readonly Packable[]): Uint8Array {
  const heads = all.map(({ run, offset, index, series }): Head => {
    return { run, offset, count: index.length, names: [...series.keys()] }
  })
  const json = new TextEncoder().encode(JSON.stringify(heads))
  const start = 4 * Math.ceil((4 + json.length) / 4)
  const numbers = heads.reduce((sum, { count, names }) => sum + count * (1 + PARTS.length * names.length), 0)
  const bytes = new Uint8Array(start + 4 * numbers)
  new DataView(bytes.buffer).setUint32(0, json.length, true)
  bytes.set(json, 4)
  const body = new Float32Array(bytes.buffer, start)
  let at = 0
  const put = (values: ArrayLike<number>) => {
    // What is beyond float32 stays a number: Infinity would say that it was none.
    for (let i = 0; i < values.length; i++) body[at++] = Math.min(MOST, Math.max(-MOST, values[i]!))
  }
  for (const { index, series } of all) {
    put(index)
    for (const values of series.values()) for (const part of PARTS) put(values[part])
  }
  return bytes
}

export function unpackSeries(buffer: ArrayBuffer): WireSeries[] {
  const length = new DataView(buffer).getUint32(0, true)
  const heads = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length))) as Head[]
  let at = 4 * Math.ceil((4 + length) / 4)
  const next = (count: number) => {
    const values = new Float32Array(buffer, at, count)
    at += 4 * count
    return values
  }
  return heads.map(({ run, offset, count, names }) => {
    const index = next(count)
    const valuesOf = () => ({ mean: next(count), min: next(count), max: next(count), bad: next(count) })
    return { run, offset, index, series: Object.fromEntries(names.map((name) => [name, valuesOf()])) }
  })
}

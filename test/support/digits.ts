// Small sets in MNIST's form, as bytes and as files.
import * as fs from 'node:fs'
import * as path from 'node:path'
import { gzipSync } from 'node:zlib'
import { parseLabelled } from '../../src/formats/idx.ts'
import type { Digits } from '../../src/tasks/mnist/digits.ts'

/** An IDX file of unsigned bytes. */
export function idx(shape: readonly number[], data: ArrayLike<number>): Uint8Array {
  const bytes = new Uint8Array(4 + 4 * shape.length + data.length)
  bytes.set([0, 0, 8, shape.length])
  const view = new DataView(bytes.buffer)
  for (const [d, n] of shape.entries()) view.setUint32(4 + 4 * d, n)
  bytes.set(Uint8Array.from(data), 4 + 4 * shape.length)
  return bytes
}

/** N pictures whose pixel p is (i + 3 p) mod 256 in picture i, of class i mod 10. */
export function pictures(N: number, rows: number, columns: number): { images: Uint8Array; labels: Uint8Array } {
  const T = rows * columns
  return {
    images: idx(
      [N, rows, columns],
      Array.from({ length: N * T }, (_, at) => (Math.floor(at / T) + 3 * (at % T)) % 256),
    ),
    labels: idx(
      [N],
      Array.from({ length: N }, (_, i) => i % 10),
    ),
  }
}

interface Sizes {
  train?: number
  test?: number
  rows?: number
  columns?: number
}

export function smallDigits({ train = 50, test = 20, rows = 28, columns = 28 }: Sizes = {}): Digits {
  const set = (N: number) => {
    const { images, labels } = pictures(N, rows, columns)
    return parseLabelled({ images: { bytes: images, name: 'images' }, labels: { bytes: labels, name: 'labels' } })
  }
  return { id: 'small', train: set(train), test: set(test) }
}

/** The four files. `gzip`: packed, with the ending. `dots`: train-images.idx3-ubyte and so on. */
export function writeDigits(
  dir: string,
  {
    train = 50,
    test = 20,
    rows = 28,
    columns = 28,
    gzip = false,
    dots = false,
  }: Sizes & { gzip?: boolean; dots?: boolean } = {},
): string {
  fs.mkdirSync(dir, { recursive: true })
  const sets = { train: pictures(train, rows, columns), t10k: pictures(test, rows, columns) }
  for (const [set, { images, labels }] of Object.entries(sets)) {
    const write = (name: string, bytes: Uint8Array) =>
      fs.writeFileSync(
        path.join(dir, (dots ? name.replace('-idx', '.idx') : name) + (gzip ? '.gz' : '')),
        gzip ? gzipSync(bytes) : bytes,
      )
    write(`${set}-images-idx3-ubyte`, images)
    write(`${set}-labels-idx1-ubyte`, labels)
  }
  return dir
}

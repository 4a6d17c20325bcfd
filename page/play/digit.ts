/**
 * A drawing → the 28×28 pixels that a network of MNIST reads, by MNIST's own procedure (LeCun, Cortes & Burges): the
 * ink is cut out, its longer side scaled to 20 pixels, and its centre of mass put in the middle.
 */

const SIZE = 28
const BOX = 20

/** Grey values, 0 to 255, ink is 255. */
export interface Grey {
  readonly width: number
  readonly height: number
  readonly pixels: ArrayLike<number>
}

/** The 784 pixels; null where nothing is drawn. */
export function digitFrom(drawing: Grey): Uint8Array<ArrayBuffer> | null {
  const box = inkOf(drawing)
  if (box === null) return null
  const longer = Math.max(box.width, box.height)
  const width = Math.max(1, Math.round((box.width * BOX) / longer))
  const height = Math.max(1, Math.round((box.height * BOX) / longer))
  const small = scaled(drawing, box, width, height)
  const [x, y] = centreOf(small, width, height)
  return placed(small, width, height, Math.round(SIZE / 2 - x), Math.round(SIZE / 2 - y))
}

interface Box {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

function inkOf({ width, height, pixels }: Grey): Box | null {
  let [left, right, top, bottom] = [width, -1, height, -1]
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (pixels[y * width + x]! === 0) continue
      left = Math.min(left, x)
      right = Math.max(right, x)
      top = Math.min(top, y)
      bottom = y
    }
  }
  return right < 0 ? null : { x: left, y: top, width: right - left + 1, height: bottom - top + 1 }
}

/** Means over areas: a pixel of the result is what the part of the box that it covers is on average. */
function scaled({ width: stride, pixels }: Grey, box: Box, width: number, height: number): Float64Array {
  const across = weights(box.width, width)
  const down = weights(box.height, height)
  const rows = new Float64Array(box.height * width)
  for (let y = 0; y < box.height; y++) {
    for (let x = 0; x < width; x++) {
      for (const [from, weight] of across[x]!)
        rows[y * width + x]! += weight * pixels[(box.y + y) * stride + box.x + from]!
    }
  }
  const small = new Float64Array(height * width)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++)
      for (const [from, weight] of down[y]!) small[y * width + x]! += weight * rows[from * width + x]!
  }
  return small
}

/** For each of `to` places, which of `from` places it covers, and with what share. */
function weights(from: number, to: number): [place: number, share: number][][] {
  const size = from / to
  return Array.from({ length: to }, (_, i) => {
    const [begin, end] = [i * size, (i + 1) * size]
    const covered: [number, number][] = []
    for (let at = Math.floor(begin); at < Math.min(from, Math.ceil(end - 1e-9)); at++) {
      covered.push([at, (Math.min(at + 1, end) - Math.max(at, begin)) / size])
    }
    return covered
  })
}

/** In pixels, the middle of the first one at 0.5. */
function centreOf(grey: Float64Array, width: number, height: number): [x: number, y: number] {
  let [sum, sumX, sumY] = [0, 0, 0]
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const ink = grey[y * width + x]!
      sum += ink
      sumX += ink * (x + 0.5)
      sumY += ink * (y + 0.5)
    }
  }
  return [sumX / sum, sumY / sum]
}

function placed(grey: Float64Array, width: number, height: number, left: number, top: number): Uint8Array<ArrayBuffer> {
  const pixels = new Uint8Array(SIZE * SIZE)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [column, row] = [left + x, top + y]
      if (column < 0 || column >= SIZE || row < 0 || row >= SIZE) continue
      pixels[row * SIZE + column] = Math.min(255, Math.round(grey[y * width + x]!))
    }
  }
  return pixels
}

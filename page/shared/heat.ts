/** Numbers as colours of pixels: one image a picture, stretched by the browser without smoothing. */

/** Stops of cividis (Nuñez, Anderton & Renslow 2018), which readers of every kind of colour vision see alike. */
const STOPS = [
  [0, 34, 78],
  [39, 65, 107],
  [87, 93, 109],
  [125, 124, 120],
  [166, 157, 117],
  [210, 193, 99],
  [254, 232, 56],
] as const

/** Red, green and blue of a share from 0 to 1. */
export function heatColor(share: number): readonly [number, number, number] {
  const at = Math.max(0, Math.min(1, share)) * (STOPS.length - 1)
  const [low, part] = [STOPS[Math.floor(at)]!, at % 1]
  const high = STOPS[Math.ceil(at)]!
  return [0, 1, 2].map((i) => Math.round(low[i]! + part * (high[i]! - low[i]!))) as [number, number, number]
}

/**
 * Draws a picture of `columns` by `rows` values; what is not a number stays clear.
 * @param value by column and row, the first row on top
 * @param limits values of the first and the last colour
 */
export function drawHeat(
  canvas: HTMLCanvasElement,
  columns: number,
  rows: number,
  value: (column: number, row: number) => number,
  [low, high]: readonly [number, number],
): void {
  canvas.width = Math.max(1, columns)
  canvas.height = Math.max(1, rows)
  const image = new ImageData(canvas.width, canvas.height)
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const one = value(column, row)
      if (Number.isNaN(one)) continue
      image.data.set([...heatColor((one - low) / (high - low)), 255], 4 * (row * columns + column))
    }
  }
  canvas.getContext('2d')!.putImageData(image, 0, 0)
}

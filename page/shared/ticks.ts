/** Labelled places on an axis, and numbers as they stand there. */

/** Round numbers, at most about `count`; on a logarithmic axis powers of ten, where it has some. */
export function ticksOf(min: number, max: number, log: boolean, count: number): number[] {
  if (!(max > min)) return [min]
  return log ? logTicks(min, max, count) : linearTicks(min, max, count)
}

function linearTicks(min: number, max: number, count: number): number[] {
  const rough = (max - min) / Math.max(1, count)
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = power * ([1, 2, 5, 10].find((times) => times * power >= rough) ?? 10)
  const found: number[] = []
  for (let i = Math.ceil(min / step - 1e-9); i * step <= max + 1e-9 * step; i++) found.push(i * step)
  return found
}

function logTicks(min: number, max: number, count: number): number[] {
  const [low, high] = [Math.floor(Math.log10(min)), Math.ceil(Math.log10(max))]
  const within = (value: number) => value >= min * (1 - 1e-9) && value <= max * (1 + 1e-9)
  const decades = Array.from({ length: high - low + 1 }, (_, i) => 10 ** (low + i)).filter(within)
  if (decades.length > 2) {
    const every = Math.ceil(decades.length / Math.max(1, count))
    return decades.filter((decade) => Math.round(Math.log10(decade)) % every === 0)
  }
  const between = Array.from({ length: high - low + 1 }, (_, i) => [1, 2, 5].map((times) => times * 10 ** (low + i)))
  const found = between.flat().filter(within)
  return found.length > 1 ? found : linearTicks(min, max, count)
}

/** 16000 → "16k", 0.00002 → "2e-5" */
export function tickLabel(value: number): string {
  const size = Math.abs(value)
  const short = (divisor: number, unit: string) => `${Number((value / divisor).toPrecision(4))}${unit}`
  if (size >= 1e9 || (size > 0 && size < 1e-3)) return value.toExponential(2).replace(/\.?0*e\+?/, 'e')
  if (size >= 1e6) return short(1e6, 'M')
  return size >= 1e4 ? short(1e3, 'k') : short(1, '')
}

/** What a probe says: how much gradient reaches each time step. */

export interface Probe {
  readonly iteration: number
  /** Time steps that one number stands for. */
  readonly every: number
  /** log10 of the norm of dL/dh over time; "-Infinity": exactly zero. */
  readonly flow: readonly (number | string)[]
  readonly rho: number
}

/** Decades by which the gradient grows over 100 steps back from the end: below 0 it vanishes. NaN: too few numbers. */
export function slopeOf({ flow, every }: Probe): number {
  const points = flow
    .map((value, i) => [i * every, Number(value)] as const)
    .filter(([, value]) => Number.isFinite(value))
  if (points.length < 2) return Number.NaN
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / points.length
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / points.length
  const up = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0)
  const across = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0)
  return across > 0 ? (-100 * up) / across : Number.NaN
}

/** "The gradient is carried, -0.02 decades per 100 steps." */
export function flowWords(slope: number): string {
  if (Number.isNaN(slope)) return 'No gradient reaches the earlier steps.'
  const verdict = slope < -0.5 ? 'vanishes' : slope > 0.5 ? 'explodes' : 'is carried'
  return `The gradient ${verdict}, ${slope.toFixed(2)} decades per 100 steps back.`
}

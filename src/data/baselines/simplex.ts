/** Minimisation without derivatives (Nelder & Mead 1965). */

/** How long and how exactly. */
export interface SimplexOptions {
  readonly evaluations: number
  /** Ends where the values at the corners differ by less than this share. */
  readonly tolerance: number
}

/** The point at which `f` is least, as far as found from `start` on. Deterministic. */
export function minimise(
  f: (point: Float64Array) => number,
  start: ArrayLike<number>,
  steps: ArrayLike<number>,
  { evaluations, tolerance }: SimplexOptions,
): Float64Array {
  const n = start.length
  let used = 0
  const tried = (point: Float64Array) => {
    used++
    return { point, value: f(point) }
  }
  const corners = Array.from({ length: n + 1 }, (_, i) => {
    const point = Float64Array.from(start)
    if (i > 0) point[i - 1]! += steps[i - 1]!
    return tried(point)
  })
  const byValue = (a: { value: number }, b: { value: number }) => a.value - b.value
  while (used < evaluations) {
    corners.sort(byValue)
    const best = corners[0]!
    const worst = corners[n]!
    if (Math.abs(worst.value - best.value) <= tolerance * (Math.abs(best.value) + tolerance)) break
    const centre = new Float64Array(n)
    for (let i = 0; i < n; i++) for (let k = 0; k < n; k++) centre[k]! += corners[i]!.point[k]! / n
    const along = (factor: number) => tried(centre.map((value, k) => value + factor * (worst.point[k]! - value)))
    const reflected = along(-1)
    if (reflected.value < best.value) {
      const expanded = along(-2)
      corners[n] = expanded.value < reflected.value ? expanded : reflected
    } else if (reflected.value < corners[n - 1]!.value) corners[n] = reflected
    else {
      const contracted = reflected.value < worst.value ? along(-0.5) : along(0.5)
      if (contracted.value < Math.min(reflected.value, worst.value)) corners[n] = contracted
      else for (let i = 1; i <= n; i++) corners[i] = tried(corners[i]!.point.map((v, k) => (v + best.point[k]!) / 2))
    }
  }
  return corners.sort(byValue)[0]!.point
}

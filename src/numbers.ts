/** Numbers as people read them. */

/** 16000 → "16,000" */
export function grouped(n: number): string {
  return Math.round(n).toLocaleString('en-US')
}

/** 0.00013842 → "0.000138", 3.2e-9 → "3.2e-9", 7.294e17 → "7.29e17" */
export function significant(value: number, digits = 3): string {
  if (!Number.isFinite(value)) return String(value)
  const rounded = Number(value.toPrecision(digits))
  const size = Math.abs(rounded)
  return rounded !== 0 && (size < 1e-5 || size >= 1e9) ? rounded.toExponential().replace('+', '') : String(rounded)
}

/** 75.2 → "1 min 15 s" */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '?'
  if (seconds < 10) return `${seconds.toFixed(1)} s`
  const s = Math.round(seconds)
  if (s < 60) return `${s} s`
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`
  return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`
}

/** 0.1234 → "12.34 %" */
export function percent(share: number, digits = 2): string {
  return `${(100 * share).toFixed(digits)} %`
}

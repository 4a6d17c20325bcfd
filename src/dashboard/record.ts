/** A line of a metrics.jsonl, which may hold anything. */

/** A record that is no step: an evaluation, a collapse, an alert, the end. */
export type LogRecord = Readonly<Record<string, unknown>> & { readonly type: string; readonly iteration: number }

const NOT_FINITE = /"(NaN|-?Infinity)"/

/** Numbers that JSON cannot write are strings in a record. */
function finished(_: string, value: unknown): unknown {
  return value === 'NaN' || value === 'Infinity' || value === '-Infinity' ? Number(value) : value
}

/** null: it is none. */
export function recordOf(text: string): LogRecord | null {
  try {
    const value: unknown = NOT_FINITE.test(text) ? JSON.parse(text, finished) : JSON.parse(text)
    if (typeof value !== 'object' || value === null) return null
    const { type, iteration = 0 } = value as { type?: unknown; iteration?: unknown }
    if (typeof type !== 'string' || type.length > 40) return null
    if (!Number.isSafeInteger(iteration) || (iteration as number) < 0) return null
    return { ...value, type, iteration: iteration as number }
  } catch {
    return null
  }
}

/** Records and settings as flat rows: leaves under the names of their paths, and lines of CSV of them. */

/** Levels of a setting or a record; of what is deeper than any of ours, nothing. */
const DEEPEST = 8

/** Leaves by their path: "training.optimizer.lr" → "0.001". */
export function flat(value: unknown, name = '', leaves = new Map<string, string>(), depth = 0): Map<string, string> {
  if (typeof value === 'object' && value !== null) {
    if (depth === DEEPEST) return leaves
    for (const [key, part] of Object.entries(value)) flat(part, name === '' ? key : `${name}.${key}`, leaves, depth + 1)
  } else if (value !== undefined) leaves.set(name, String(value))
  return leaves
}

/** A record as a row: a curve is one cell, with spaces between its numbers; settings, as config.json has, are left. */
export function flatRecord(record: object): Map<string, string> {
  const cells = Object.entries(record).filter(([name]) => name !== 'config')
  return flat(Object.fromEntries(cells.map(([name, of]) => [name, Array.isArray(of) ? of.join(' ') : of])))
}

/** A line of CSV (RFC 4180) without its end; what a row does not have is empty. */
export function csvLine(columns: readonly string[], row: ReadonlyMap<string, string>): string {
  return columns.map((column) => cellOf(row.get(column) ?? '')).join(',')
}

export function csvHead(columns: readonly string[]): string {
  return columns.map(cellOf).join(',')
}

/** What a spreadsheet would take for a formula gets a quote before it, numbers do not. */
function cellOf(text: string): string {
  const safe = /^[=+@-]/.test(text) && Number.isNaN(Number(text)) && text !== '-Infinity' ? `'${text}` : text
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

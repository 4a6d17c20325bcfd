/** What a person should know of a decision, a mending or a danger. */

/** A note tells what was decided or mended; a warning, what may be wrong. */
export interface Note {
  readonly level: 'note' | 'warning'
  /** What it is about, for programs: `duplicates`, `leak`, `unused` … */
  readonly kind: string
  /** One line. */
  readonly text: string
}

export const note = (kind: string, text: string): Note => ({ level: 'note', kind, text })
export const warning = (kind: string, text: string): Note => ({ level: 'warning', kind, text })

/** "a, b, c" or "a, b, c … (41)" */
export function listed(names: readonly string[], most = 8): string {
  return names.length > most ? `${names.slice(0, most).join(', ')} … (${names.length})` : names.join(', ')
}

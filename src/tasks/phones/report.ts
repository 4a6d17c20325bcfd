/** The errors of a network for phones as lines of text. */
import { grouped, percent } from '../../numbers.ts'
import type { PhoneErrors } from './score.ts'

/** The three error rates, and for each of the 39 phones what it was most often taken for. */
export function phoneErrorLines(phones: PhoneErrors): string[] {
  const { frames, states, phones48, phones39, confusion } = phones
  return [
    `frame error over states ${percent(states)}, 48 phones ${percent(phones48)}, 39 phones ${percent(phones39)}, ` +
      `${grouped(frames)} frames`,
    'of each phone its frames, the share that was right, and what the others were taken for:',
    ...confusion.labels.flatMap((label, row) => confusionLine(label, row, confusion) ?? []),
  ]
}

const SHOWN = 5

function confusionLine(label: string, row: number, { labels, counts }: PhoneErrors['confusion']): string | null {
  const own = counts.subarray(row * labels.length, (row + 1) * labels.length)
  const all = own.reduce((sum, n) => sum + n, 0)
  if (all === 0) return null
  const share = (n: number) => `${((100 * n) / all).toFixed(1).padStart(5)} %`
  const others = [...own]
    .map((n, column) => ({ n, as: labels[column]! }))
    .filter(({ n, as }) => n > 0 && as !== label)
    .sort((a, b) => b.n - a.n)
    .slice(0, SHOWN)
  const taken = others.map(({ n, as }) => `${as} ${share(n).trim()}`).join(', ')
  return `  ${label.padEnd(4)}${grouped(all).padStart(8)} ${share(own[row]!)}  ${taken}`.trimEnd()
}

/** What the look of a rare word tells: its ending, a capital, a digit (Brants, "TnT", 2000). */

/** A kind of rare words has a token of its own if training has so many of them. */
const LEAST = 5
/** Endings of so many letters, the longest first. */
const LENGTHS = [3, 2, 1, 0]

/** Kinds that a word belongs to, the narrowest first. */
function kindsOf(word: string): string[] {
  const letters = [...word]
  const look = `${/^\p{Lu}/u.test(word) ? 'A' : 'a'}${/\d/.test(word) ? '0' : ''}`
  return LENGTHS.filter((n) => n < letters.length).map((n) => {
    return `${look}…${letters
      .slice(letters.length - n)
      .join('')
      .toLowerCase()}`
  })
}

/** The kinds of rare words that are frequent enough, sorted. */
export function endingsOf(rare: Iterable<string>): string[] {
  const count = new Map<string, number>()
  for (const word of rare) for (const kind of kindsOf(word)) count.set(kind, (count.get(kind) ?? 0) + 1)
  return [...count]
    .filter(([, n]) => n >= LEAST)
    .map(([kind]) => kind)
    .sort()
}

/** The place of the narrowest of the kinds that a word belongs to; -1: of none. */
export function endingIn(places: ReadonlyMap<string, number>, word: string): number {
  for (const kind of kindsOf(word)) {
    const place = places.get(kind)
    if (place !== undefined) return place
  }
  return -1
}

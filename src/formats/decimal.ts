/** Decimal numbers from bytes, rounded as Number() rounds them, without a string for those that are usual. */

/** 10^k is exact in float64 up to k = 22; 15 digits need no more than 14. */
const POWERS = Float64Array.from({ length: 15 }, (_, k) => Number(`1e${k}`))
const [ZERO, NINE, POINT, MINUS, PLUS, E] = [48, 57, 46, 45, 43, 101]

/**
 * The number that bytes [start, end) write: digits with or without a sign, a decimal mark, an exponent, spaces around
 * them.
 * @param mark the code of the decimal mark: a point or a comma
 * @returns NaN if it is no number, or none that is finite in float64
 */
export function decimal(bytes: Uint8Array, start: number, end: number, mark: number): number {
  let i = start
  const sign = bytes[i]!
  if (sign === MINUS || sign === PLUS) i++
  // 15 digits are exact in float64, a division by an exact power rounds once (Clinger 1990): no more is needed.
  if (end - i > 15) return hard(bytes, start, end, mark)
  const first = i
  let mantissa = 0
  let point = end
  for (; i < end; i++) {
    const c = bytes[i]!
    if (c >= ZERO && c <= NINE) mantissa = mantissa * 10 + (c - ZERO)
    else if (c === mark && point === end) point = i
    else return hard(bytes, start, end, mark)
  }
  if (point === end) return end === first ? Number.NaN : sign === MINUS ? -mantissa : mantissa
  if (end - first < 2) return Number.NaN
  const value = mantissa / POWERS[end - point - 1]!
  return sign === MINUS ? -value : value
}

/** What has an exponent, spaces around it, or many digits. */
function hard(bytes: Uint8Array, start: number, end: number, mark: number): number {
  let text = ''
  if (end - start > LONGEST) return Number.NaN
  for (let i = start; i < end; i++) {
    const c = bytes[i]!
    if (c === mark) text += '.'
    else if ((c >= ZERO && c <= NINE) || c === MINUS || c === PLUS || (c | 32) === E || c === 32 || c === 9) {
      text += String.fromCharCode(c)
    } else return Number.NaN // also a point where the mark is a comma
  }
  const trimmed = text.trim()
  const value = trimmed === '' ? Number.NaN : Number(trimmed)
  return Number.isFinite(value) ? value : Number.NaN
}

/** In bytes: the exact decimal of a float64 has some 1,080 characters at most. */
const LONGEST = 1100

/** The code of a decimal mark. */
export function codeOfMark(mark: '.' | ','): number {
  return mark === '.' ? POINT : 44
}

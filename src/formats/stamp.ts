/**
 * Moments as people and programs write them, from bytes: a date in one of FORMATS, and after it, perhaps, a time of day
 * and an offset from UTC: `2015-01-01T13:00:00.5+01:00`, `01.02.2015 13:00`, `Jan 1, 2015 1:00 PM`.
 */
import { DateReader, daysIn, daysSince1970 } from './date.ts'

const [SPACE, PLUS, COMMA, MINUS, POINT, COLON] = [32, 43, 44, 45, 46, 58]
export const DAY = 86_400_000

/** Reads moments one after the other; its fields are those of the last one. */
export class StampReader {
  /** An index of FORMATS. */
  format = 0
  /** An offset from UTC, or Z, was there. */
  zoned = false
  /** How much of the time of day was there: 0 none, 1 minutes, 2 seconds, 3 parts of seconds. */
  precision = 0
  readonly date = new DateReader()
  /** Milliseconds since midnight, less the offset. */
  time = 0
  #bytes: Uint8Array = new Uint8Array()
  #at = 0
  #end = 0

  /** Whether bytes [start, end) write a moment. */
  read(bytes: Uint8Array, start: number, end: number): boolean {
    let [i, n] = [start, end]
    while (i < n && bytes[i]! <= SPACE) i++
    while (i < n && bytes[n - 1]! <= SPACE) n--
    if (n - i > 64 || !this.date.read(bytes, i, n)) return false
    this.#bytes = bytes
    this.#at = this.date.next
    this.#end = n
    this.format = this.date.format
    this.zoned = false
    this.precision = 0
    this.time = 0
    return this.#at === n || (this.#separator() && this.#clock() && this.#zone())
  }

  /** Milliseconds since 1970 as if it were UTC where there is no offset. @param dayFirst what `01/02/2015` means */
  milliseconds(dayFirst: boolean): number {
    return this.date.days(dayFirst) * DAY + this.time
  }

  /** A T or spaces, which a time of day must follow. */
  #separator(): boolean {
    const c = this.#bytes[this.#at]!
    if ((c | 32) === 116) this.#at++
    else {
      if (c !== SPACE && c !== COMMA) return false
      while (this.#bytes[this.#at] === SPACE || this.#bytes[this.#at] === COMMA) this.#at++
    }
    return true
  }

  #clock(): boolean {
    const [start, bytes] = [this.#at, this.#bytes]
    let hour = this.#number()
    const compact = this.#at - start
    let [minute, seconds] = [0, 0]
    if (compact === 4 || compact === 6) {
      seconds = compact === 6 ? hour % 100 : 0
      if (compact === 6) hour = Math.floor(hour / 100)
      ;[hour, minute] = [Math.floor(hour / 100), hour % 100]
      this.precision = compact === 6 ? 2 : 1
    } else {
      if (compact < 1 || compact > 2 || bytes[this.#at] !== COLON || this.#at >= this.#end) return false
      minute = this.#pair()
      this.precision = 1
      if (this.#at < this.#end && bytes[this.#at] === COLON) {
        seconds = this.#pair()
        this.precision = 2
        if (this.#at < this.#end && (bytes[this.#at] === POINT || bytes[this.#at] === COMMA))
          seconds += this.#fraction()
      }
    }
    const half = this.#half()
    if (half >= 0) {
      if (hour < 1 || hour > 12) return false
      hour = (hour % 12) + half
    }
    // 24:00 is the midnight that ends a day, second 60 a leap second: both are the moment after.
    if (!(minute <= 59 && seconds < 61) || hour > 24 || (hour === 24 && minute + seconds > 0)) return false
    this.time = hour * 3_600_000 + minute * 60_000 + Math.floor(seconds * 1000 + 1e-6)
    return true
  }

  /** Digits from here on; at most 9. */
  #number(): number {
    let value = 0
    for (let n = 0; n < 9 && this.#isDigit(); n++) value = value * 10 + this.#bytes[this.#at++]! - 48
    return value
  }

  #isDigit(): boolean {
    return this.#at < this.#end && this.#bytes[this.#at]! >= 48 && this.#bytes[this.#at]! <= 57
  }

  /** The two digits after a colon; NaN if they are not there. */
  #pair(): number {
    const start = ++this.#at
    const value = this.#number()
    return this.#at - start === 2 ? value : Number.NaN
  }

  #fraction(): number {
    const start = ++this.#at
    const value = this.#number() / 10 ** (this.#at - start)
    if (this.#at === start) return Number.NaN
    while (this.#isDigit()) this.#at++ // below a nanosecond
    this.precision = 3
    return value
  }

  /** 0 for AM, 12 for PM, -1 if neither is there. */
  #half(): number {
    let i = this.#at
    while (i < this.#end && this.#bytes[i] === SPACE) i++
    const [c, m] = [this.#bytes[i]! | 32, this.#bytes[i + 1]! | 32]
    if (i + 1 >= this.#end || m !== 109 || (c !== 97 && c !== 112)) return -1
    this.#at = i + 2
    return c === 97 ? 0 : 12
  }

  /** Nothing, or Z, UTC, GMT, an offset, or one after UTC or GMT; and what a Date adds in brackets. */
  #zone(): boolean {
    const bytes = this.#bytes
    while (this.#at < this.#end && bytes[this.#at] === SPACE) this.#at++
    if (this.#at === this.#end) return true
    this.zoned = true
    const c = bytes[this.#at]! | 32
    if (c === 122) this.#at++
    else if (c === 117 || c === 103) {
      const word = String.fromCharCode(...bytes.subarray(this.#at, this.#at + 3)).toUpperCase()
      if (word !== 'UTC' && word !== 'GMT') return false
      this.#at += 3
    }
    if (this.#at < this.#end && (bytes[this.#at] === PLUS || bytes[this.#at] === MINUS) && !this.#offset()) return false
    while (this.#at < this.#end && bytes[this.#at] === SPACE) this.#at++
    return this.#at === this.#end || bytes[this.#at] === 40
  }

  /** +01:00, +0100 or +01. */
  #offset(): boolean {
    const sign = this.#bytes[this.#at] === PLUS ? 1 : -1
    const start = ++this.#at
    let hours = this.#number()
    let minutes = 0
    const digits = this.#at - start
    if (digits === 4) [hours, minutes] = [Math.floor(hours / 100), hours % 100]
    else if (digits !== 2) return false
    else if (this.#at < this.#end && this.#bytes[this.#at] === COLON) minutes = this.#pair()
    if (!(hours <= 18 && minutes <= 59)) return false
    this.time -= sign * (hours * 60 + minutes) * 60_000
    return true
  }
}

/**
 * Milliseconds of `YYYY-MM-DD`, with another separator too, alone or with ` HH:mm` or ` HH:mm:ss` after it, at fixed
 * places: what most files hold, in a tenth of the time. NaN for what is written otherwise.
 */
export function fixedStamp(bytes: Uint8Array, i: number, end: number, separator: number): number {
  const length = end - i
  if ((length !== 10 && length !== 16 && length !== 19) || bytes[i + 4] !== separator || bytes[i + 7] !== separator) {
    return Number.NaN
  }
  // Digits as numbers; `bad` becomes negative if one of them is none.
  const [y1, y2, y3, y4] = [bytes[i]! - 48, bytes[i + 1]! - 48, bytes[i + 2]! - 48, bytes[i + 3]! - 48]
  const [m1, m2, d1, d2] = [bytes[i + 5]! - 48, bytes[i + 6]! - 48, bytes[i + 8]! - 48, bytes[i + 9]! - 48]
  let bad = y1 | y2 | y3 | y4 | m1 | m2 | d1 | d2
  bad |= (9 - y1) | (9 - y2) | (9 - y3) | (9 - y4) | (9 - m1) | (9 - m2) | (9 - d1) | (9 - d2)
  if (bad < 0) return Number.NaN
  const date = (y1 * 1000 + y2 * 100 + y3 * 10 + y4) * 10_000 + (m1 * 1000 + m2 * 100 + d1 * 10 + d2)
  if (date !== lastDate) {
    const [year, month, day] = [Math.floor(date / 10_000), Math.floor(date / 100) % 100, date % 100]
    if (!(year >= 1 && month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month))) return Number.NaN
    lastDate = date
    lastDay = daysSince1970(year, month, day) * DAY
  }
  if (length === 10) return lastDay
  const [h1, h2, n1, n2] = [bytes[i + 11]! - 48, bytes[i + 12]! - 48, bytes[i + 14]! - 48, bytes[i + 15]! - 48]
  bad = h1 | h2 | n1 | n2 | (2 - h1) | (9 - h2) | (5 - n1) | (9 - n2)
  let seconds = (h1 * 10 + h2) * 3600 + (n1 * 10 + n2) * 60
  if (length === 19) {
    const [s1, s2] = [bytes[i + 17]! - 48, bytes[i + 18]! - 48]
    bad |= s1 | s2 | (5 - s1) | (9 - s2)
    if (bytes[i + 16] !== COLON) return Number.NaN
    seconds += s1 * 10 + s2
  }
  const separated = bytes[i + 13] === COLON && (bytes[i + 10] === SPACE || bytes[i + 10] === 84)
  return bad < 0 || !separated || seconds >= 86_400 ? Number.NaN : lastDay + seconds * 1000
}

/** The day of the last date at fixed places, as a number of eight digits: mostly it is that of the row before. */
let lastDate = 0
let lastDay = 0

/** Dates as people and programs write them, from bytes; and days since 1970. */

/**
 * How dates are written. `?` is a day or a month: which of the two, only other rows tell. Words of months are English,
 * whole or their first three letters.
 */
export const FORMATS = [
  'YYYY-MM-DD',
  'YYYY/MM/DD',
  'YYYY.MM.DD',
  'YYYYMMDD',
  'DD.MM.YYYY',
  '?/?/YYYY',
  '?-?-YYYY',
  'DD.MM.YY',
  '?/?/YY',
  '?-?-YY',
  'MMM D YYYY',
  'D MMM YYYY',
  'D MMM YY',
  'MMM YYYY',
  'YYYY MMM',
  'YYYY MMM D',
  'YYYY-MM',
  'YYYY/MM',
  'YYYY-Qn',
  'Qn YYYY',
  'YYYY-Wnn',
] as const

export type DateFormat = (typeof FORMATS)[number]

const INDEX = Object.fromEntries(FORMATS.map((format, i) => [format, i])) as Readonly<Record<DateFormat, number>>
const MONTHS = 'january february march april may june july august september october november december'.split(' ')
const WEEKDAYS = 'monday tuesday wednesday thursday friday saturday sunday'.split(' ')
const [SPACE, COMMA, MINUS, POINT, SLASH] = [32, 44, 45, 46, 47]
const [Q, W] = [113, 119]

/** Reads dates one after the other; its fields are those of the last one. */
export class DateReader {
  /** An index of FORMATS. */
  format = 0
  year = 0
  /** 1 … 12; of `?/?/…` the first number. */
  month = 1
  /** 1 … 31; of `?/?/…` the second number. */
  day = 1
  /** Where what follows the date begins. */
  next = 0
  #bytes: Uint8Array = new Uint8Array()
  #end = 0
  /** How many digits the last number had. */
  #digits = 0

  /** Whether a date begins at `start`. */
  read(bytes: Uint8Array, start: number, end: number): boolean {
    this.#bytes = bytes
    this.#end = end
    this.next = start
    this.month = 1
    this.day = 1
    return this.#date() && this.#exists()
  }

  /** Days since 1970-01-01. @param dayFirst what the first number of `?/?/…` is */
  days(dayFirst: boolean): number {
    if (FORMATS[this.format] === 'YYYY-Wnn') {
      const fourth = daysSince1970(this.year, 1, 4) // is always in week 1
      return fourth - ((fourth + 3) % 7) + 7 * (this.day - 1)
    }
    const swap = dayFirst && this.ambiguous
    return daysSince1970(this.year, swap ? this.day : this.month, swap ? this.month : this.day)
  }

  /** Whether the format leaves open which number is the day. */
  get ambiguous(): boolean {
    return isAmbiguous(this.format)
  }

  /** Whether there is such a day, in one order at least where the order is open. */
  #exists(): boolean {
    if (FORMATS[this.format] === 'YYYY-Wnn') return this.day >= 1 && this.day <= 53
    const { year, month, day } = this
    return isDay(year, month, day) || (this.ambiguous && isDay(year, day, month))
  }

  #date(): boolean {
    if (this.#word(WEEKDAYS) >= 0) {
      this.#skip(COMMA)
      this.#skip(SPACE)
    }
    if (!isDigit(this.#peek())) return (this.#peek() | 32) === Q ? this.#quarterFirst() : this.#monthFirst()
    const first = this.#number()
    if (this.#digits === 8) return this.#compact(first)
    if (this.#digits === 4) return this.#yearFirst(first)
    return this.#digits <= 2 && this.#dayFirst(first, this.#digits)
  }

  #compact(number: number): boolean {
    this.year = Math.floor(number / 10_000)
    this.month = Math.floor(number / 100) % 100
    this.day = number % 100
    return this.#is('YYYYMMDD')
  }

  #yearFirst(year: number): boolean {
    this.year = year
    const mark = this.#peek()
    const divided = mark === MINUS || mark === SLASH || mark === POINT || mark === SPACE
    if (divided) this.next++
    if (!isDigit(this.#peek())) return this.#yearThenWord(mark)
    if (!divided || mark === SPACE) return false
    this.month = this.#number()
    if (this.#digits > 2) return false
    if (this.#peek() !== mark || !isDigit(this.#peek(1))) {
      return mark !== POINT && this.#is(mark === MINUS ? 'YYYY-MM' : 'YYYY/MM')
    }
    this.next++
    this.day = this.#number()
    const format = mark === MINUS ? 'YYYY-MM-DD' : mark === SLASH ? 'YYYY/MM/DD' : 'YYYY.MM.DD'
    return this.#digits <= 2 && this.#is(format)
  }

  /** After a year: Q1, W05, Jan, Jan 5. */
  #yearThenWord(mark: number): boolean {
    const letter = this.#peek() | 32
    if ((letter === Q || letter === W) && isDigit(this.#peek(1))) {
      this.next++
      const n = this.#number()
      if (letter === W) this.day = n
      return letter === W ? this.#digits === 2 && this.#is('YYYY-Wnn') : this.#quarter(n) && this.#is('YYYY-Qn')
    }
    this.month = this.#word(MONTHS) + 1
    if (this.#peek() !== mark || !isDigit(this.#peek(1))) return this.#is('YYYY MMM')
    this.next++
    this.day = this.#number()
    return this.#digits <= 2 && this.#is('YYYY MMM D')
  }

  #quarterFirst(): boolean {
    this.next++
    const quarter = this.#number()
    if (!this.#quarter(quarter)) return false
    this.next++
    this.year = this.#number()
    return this.#digits === 4 && this.#is('Qn YYYY')
  }

  #quarter(n: number): boolean {
    this.month = 3 * n - 2
    return this.#digits === 1 && n >= 1 && n <= 4
  }

  #dayFirst(first: number, digits: number): boolean {
    const mark = this.#peek()
    if (mark !== SLASH && mark !== MINUS && mark !== POINT && mark !== SPACE) return false
    this.next++
    if (mark === POINT) this.#skip(SPACE) // 1. Jan 2000
    if (!isDigit(this.#peek())) return this.#dayThenWord(first)
    const second = this.#number()
    const padded = digits === 2 && this.#digits === 2 // two digits each, or 1.2.15 of a version would be a date
    if (this.#digits > 2 || mark === SPACE || this.#peek() !== mark) return false
    this.next++
    ;[this.month, this.day] = mark === POINT ? [second, first] : [first, second]
    if (!this.#yearAtEnd(padded)) return false
    const short = this.#digits === 2
    if (mark === POINT) return this.#is(short ? 'DD.MM.YY' : 'DD.MM.YYYY')
    if (mark === SLASH) return this.#is(short ? '?/?/YY' : '?/?/YYYY')
    return this.#is(short ? '?-?-YY' : '?-?-YYYY')
  }

  #dayThenWord(day: number): boolean {
    this.day = day
    this.month = this.#word(MONTHS) + 1
    this.#skip(POINT)
    this.next++
    return this.#yearAtEnd(true) && this.#is(this.#digits === 2 ? 'D MMM YY' : 'D MMM YYYY')
  }

  /** Jan 2000, Jan 1 2000, January 1, 2000 */
  #monthFirst(): boolean {
    this.month = this.#word(MONTHS) + 1
    if (this.month === 0) return false
    this.#skip(POINT)
    this.next++
    const n = this.#number()
    if (this.#digits === 4) {
      this.year = n
      return this.#is('MMM YYYY')
    }
    this.day = n
    if (this.#digits < 1 || this.#digits > 2) return false
    this.#skip(COMMA)
    this.next++
    return this.#yearAtEnd(false) && this.#is('MMM D YYYY')
  }

  /** Four digits, or two: 69 … 99 are of the 20th century, 00 … 68 of the 21st, as in POSIX. */
  #yearAtEnd(short: boolean): boolean {
    const year = this.#number()
    this.year = this.#digits === 2 ? year + (year >= 69 ? 1900 : 2000) : year
    return this.#digits === 4 || (short && this.#digits === 2)
  }

  #is(format: DateFormat): boolean {
    this.format = INDEX[format]
    return true
  }

  #peek(ahead = 0): number {
    return this.next + ahead < this.#end ? this.#bytes[this.next + ahead]! : 0
  }

  #skip(code: number): void {
    if (this.#peek() === code) this.next++
  }

  #number(): number {
    const start = this.next
    let value = 0
    while (isDigit(this.#peek()) && this.next - start < 9) value = value * 10 + this.#bytes[this.next++]! - 48
    this.#digits = this.next - start
    return value
  }

  /** Which of the words stands here, whole or its first letters (three at least); -1 if none, and `next` stays. */
  #word(words: readonly string[]): number {
    let word = ''
    for (let c = this.#peek() | 32; c >= 97 && c <= 122 && word.length < 10; c = this.#peek(word.length) | 32) {
      word += String.fromCharCode(c)
    }
    const found = word.length < 3 ? -1 : words.findIndex((one) => one.startsWith(word))
    if (found >= 0) this.next += word.length
    return found
  }
}

/** Whether a format, an index of FORMATS, leaves open which number is the day. */
export function isAmbiguous(format: number): boolean {
  return FORMATS[format]![0] === '?'
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57
}

function isDay(year: number, month: number, day: number): boolean {
  return year >= 1 && month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month)
}

const LENGTHS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

/** Days of a month, 1 … 12. */
export function daysIn(year: number, month: number): number {
  const leap = month === 2 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
  return LENGTHS[month - 1]! + (leap ? 1 : 0)
}

/** Days of the Gregorian calendar: Hinnant, "chrono-compatible low-level date algorithms". */
export function daysSince1970(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year
  const era = Math.floor(y / 400)
  const yearOfEra = y - era * 400
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear
  return era * 146_097 + dayOfEra - 719_468
}

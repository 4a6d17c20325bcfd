/**
 * CSV (RFC 4180) from bytes that come in chunks: where each field lies, without a string a field. A record ends with
 * LF, CRLF or CR; a field in quotes may hold delimiters, line ends and doubled quotes. Beyond the RFC: a byte order
 * mark is passed over, empty lines too (but not in a file of one column, where they are empty fields, except at its
 * end), a quote inside a field that does not begin with one is a character like others, and spaces around a quoted
 * field go.
 */
import { InputError } from '../error.ts'

/** Records of CSV. What lies in the arrays is valid until the next batch is asked for. */
export interface CsvBatch {
  readonly rows: number
  readonly columns: number
  readonly bytes: Uint8Array
  /** Field c of record r is bytes [starts[r·columns + c], ends[r·columns + c]), without its quotes. */
  readonly starts: Int32Array
  readonly ends: Int32Array
  /** The line of the file, from 1, on which record r begins. */
  lineOf(r: number): number
}

const [LF, CR, SPACE, QUOTE] = [10, 13, 32, 34]

/** A record that is longer is no record: a quote was not closed. In bytes. */
export const LONGEST_RECORD = 2 ** 24

/** What is scanned of one source, in order. */
export class CsvScanner {
  readonly #what: string
  readonly #delimiter: number
  /** How many fields a record has; 0 until the first has been seen. */
  #columns = 0
  #bytes = new Uint8Array(2 ** 16)
  /** What is not yet part of a batch lies in bytes [from, to). */
  #from = 0
  #to = 0
  /** The line on which `from` lies. */
  #line = 1
  #begun = false
  #starts = new Int32Array(2 ** 12)
  #ends = new Int32Array(2 ** 12)
  /** Fields of this record with doubled quotes in them. */
  #doubled: number[] = []

  /**
   * @param what names the source in messages
   * @param delimiter the code of the byte between fields
   */
  constructor(what: string, delimiter: number) {
    this.#what = what
    this.#delimiter = delimiter
  }

  /**
   * The records that end within `chunk`.
   * @param last there is nothing after it
   * @throws InputError with line and column: an unbalanced quote, a record of more or fewer fields than the first, NUL
   */
  scan(chunk: Uint8Array, last: boolean): CsvBatch {
    this.#append(chunk)
    const [base, line] = [this.#from, this.#line]
    const rows = this.#records(last)
    const [bytes, columns, starts, ends] = [this.#bytes, this.#columns, this.#starts, this.#ends]
    const lineOf = (r: number) => line + lineEnds(bytes, base, starts[r * columns]!)
    return { rows, columns, bytes, starts, ends, lineOf }
  }

  #append(chunk: Uint8Array): void {
    const held = this.#to - this.#from
    let bytes = this.#bytes
    if (held + chunk.length >= bytes.length) bytes = new Uint8Array(2 * (held + chunk.length))
    bytes.set(this.#bytes.subarray(this.#from, this.#to))
    bytes.set(chunk, held)
    this.#bytes = bytes
    this.#from = 0
    this.#to = held + chunk.length
    bytes[this.#to] = LF // ends the search for the end of a field
    if (this.#begun || this.#to < 3) return
    this.#begun = true
    if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) this.#from = 3
  }

  /** Finds the fields of all whole records; the rest waits for the next chunk. Returns how many records there are. */
  #records(last: boolean): number {
    const [bytes, n, delimiter] = [this.#bytes, this.#to, this.#delimiter]
    const top = Math.max(delimiter, QUOTE)
    let [starts, ends, columns] = [this.#starts, this.#ends, this.#columns]
    let [i, line, f, first] = [this.#from, this.#line, 0, 0]
    let [whole, rows] = [0, 0] // rows up to the last one that is not empty; all
    while (i < n || (i === n && last && f > first)) {
      let c = bytes[i]!
      let start = i
      let end: number
      const quoted = c === QUOTE || (c === SPACE && this.#opensAfterSpaces(i))
      if (quoted) {
        const field = this.#quoted(i, last, line, f - first)
        if (field === undefined) break
        if (field.doubled) this.#doubled.push(f)
        ;({ start, end, next: i } = field)
        line += field.lines
        c = bytes[i]!
      } else {
        while (c > top || (c !== delimiter && c !== LF && c !== CR && c !== 0)) c = bytes[++i]!
        end = i
      }
      if (f === starts.length) ({ starts, ends } = this.#widen())
      starts[f] = start
      ends[f] = end
      f++
      if (c === delimiter) {
        i++
        continue
      }
      if (c === 0)
        this.#refuse(line, f - first, 'expected text but received a NUL byte: it is binary or UTF-16; save it as UTF-8')
      if (!last && (i === n || (c === CR && i + 1 === n))) break // it may go on in the next chunk
      i += c === CR && i + 1 < n && bytes[i + 1] === LF ? 2 : 1
      line++
      const empty = f === first + 1 && start === end && !quoted
      if (empty && columns !== 1) {
        f = first
        if (rows === whole) [this.#from, this.#line] = [i, line]
        continue
      }
      if (columns === 0) columns = f - first
      if (f - first !== columns) this.#ragged(this.#line, f - first, columns)
      if (this.#doubled.length > 0) this.#undouble()
      first = f
      rows++
      if (empty) continue
      whole = rows
      ;[this.#from, this.#line] = [i, line]
    }
    this.#doubled = []
    this.#columns = columns
    if (last) this.#from = this.#to
    else if (n - this.#from > LONGEST_RECORD) this.#tooLong()
    return whole
  }

  #opensAfterSpaces(i: number): boolean {
    while (this.#bytes[i] === SPACE) i++
    return this.#bytes[i] === QUOTE
  }

  /** The field that a quote opens at i, or after the spaces there; undefined if it does not end yet. */
  #quoted(i: number, last: boolean, line: number, column: number): Quoted | undefined {
    const [bytes, n] = [this.#bytes, this.#to]
    while (bytes[i] === SPACE) i++
    const start = ++i
    let lines = 0
    let doubled = false
    for (; ; i++) {
      if (i >= n) {
        if (!last) return
        this.#refuse(line, column + 1, 'the quote that opens this field is never closed: close it, or double it')
      }
      const c = bytes[i]
      if (c === LF || (c === CR && bytes[i + 1] !== LF)) lines++
      if (c === 0) this.#refuse(line + lines, column + 1, 'expected text but received a NUL byte: it is binary')
      if (c !== QUOTE) continue
      if (i + 1 === n && !last) return
      if (bytes[i + 1] !== QUOTE || i + 1 === n) break
      doubled = true
      i++
    }
    const end = i++
    while (bytes[i] === SPACE && i < n) i++
    if (i >= n && !last) return
    const c = bytes[i]
    if (c !== this.#delimiter && c !== LF && c !== CR) {
      const found = JSON.stringify(new TextDecoder().decode(bytes.subarray(i, Math.min(n, i + 12))))
      const expected = 'expected the end of the field after its closing quote'
      this.#refuse(line + lines, column + 1, `${expected} but received ${found}: double the quotes inside a field`)
    }
    return { start, end, next: i, lines, doubled }
  }

  /** Makes one quote of two in the fields that have such; the bytes that are left over become spaces. */
  #undouble(): void {
    const bytes = this.#bytes
    for (const f of this.#doubled) {
      let to = this.#starts[f]!
      const end = this.#ends[f]!
      for (let i = to; i < end; i++) {
        bytes[to++] = bytes[i]!
        if (bytes[i] === QUOTE) i++
      }
      bytes.fill(SPACE, to, end)
      this.#ends[f] = to
    }
    this.#doubled = []
  }

  #widen(): { starts: Int32Array<ArrayBuffer>; ends: Int32Array<ArrayBuffer> } {
    const [starts, ends] = [new Int32Array(2 * this.#starts.length), new Int32Array(2 * this.#ends.length)]
    starts.set(this.#starts)
    ends.set(this.#ends)
    this.#starts = starts
    this.#ends = ends
    return { starts, ends }
  }

  #refuse(line: number, column: number, problem: string): never {
    throw new InputError(`${this.#what}: line ${line}, column ${column}: ${problem}`)
  }

  #ragged(line: number, got: number, expected: number): never {
    const columns = expected === 1 ? '1 column, as' : `${expected} columns, as many as`
    const remedy = got > expected ? 'put fields that contain the delimiter in quotes' : 'complete the line'
    throw new InputError(
      `${this.#what}: line ${line}: expected ${columns} in the first line, but received ${got}: ${remedy}`,
    )
  }

  #tooLong(): never {
    const problem = `expected the record that begins here to end within ${LONGEST_RECORD / 2 ** 20} MB`
    throw new InputError(`${this.#what}: line ${this.#line}: ${problem} but it does not: is a quote not closed?`)
  }
}

interface Quoted {
  readonly start: number
  readonly end: number
  /** Where the delimiter or the line end after it is. */
  readonly next: number
  /** Line ends in it. */
  readonly lines: number
  readonly doubled: boolean
}

/** How many lines end in bytes [from, to). */
function lineEnds(bytes: Uint8Array, from: number, to: number): number {
  let lines = 0
  for (let i = from; i < to; i++) {
    if (bytes[i] === LF || (bytes[i] === CR && bytes[i + 1] !== LF)) lines++
  }
  return lines
}

/** Which byte stands between the fields of a CSV file. */
import { InputError } from '../error.ts'
import { CsvScanner } from './csv.ts'

/**
 * The first wins where several divide a file evenly: with a decimal comma, `1,5;2,5` has as many commas in each line as
 * it has semicolons, while nothing puts as many tabs or semicolons into each line of a file with commas.
 */
const CANDIDATES = ['\t', ';', ',', '|']

/**
 * The delimiter of which every record of the start of a file has the same number, at least one; if there is none, the
 * one that stands most often in the first line; a comma if none does.
 * @param head the first bytes of the file, which may end within a record
 * @param whole they are all of the file
 */
export function delimiterOf(head: Uint8Array, whole: boolean): string {
  const even = CANDIDATES.find((delimiter) => columnsOf(head, whole, delimiter) > 1)
  if (even !== undefined) return even
  const first = new TextDecoder().decode(head).split(/\r\n?|\n/, 1)[0]!
  const counts = CANDIDATES.map((delimiter) => first.split(delimiter).length)
  const most = Math.max(...counts)
  return most > 1 ? CANDIDATES[counts.indexOf(most)]! : ','
}

/** How many columns the file has with that delimiter; 0 if that differs from record to record. */
function columnsOf(head: Uint8Array, whole: boolean, delimiter: string): number {
  try {
    const scanner = new CsvScanner('', delimiter.charCodeAt(0))
    const { rows, columns } = scanner.scan(head, whole)
    return rows > 0 ? columns : 0
  } catch (error) {
    if (error instanceof InputError) return 0
    throw error
  }
}

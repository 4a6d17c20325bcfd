/** How the texts of a table are written: flags beside what its reader infers. */
import { InputError } from '../src/error.ts'
import { type Flag, oneOf } from '../src/flag.ts'
import type { TableOptions } from '../src/table/options.ts'

export interface WrittenFlags {
  decimal?: '.' | ','
  dayFirst?: boolean
  monthFirst?: boolean
  delimiter?: string
  encoding?: 'utf-8' | 'latin1'
}

export const WRITTEN: readonly Flag[] = [
  { flag: '--decimal <mark>', value: oneOf('.', ','), help: 'the decimal mark of numbers (default: what they show)' },
  { flag: '--day-first', help: '01/02/2015 is the first of February (default: what the rows show)' },
  { flag: '--month-first', help: '01/02/2015 is the second of January' },
  {
    flag: '--delimiter <character>',
    help: 'what stands between fields of CSV, tab for a tab (default: what divides the lines evenly)',
  },
  { flag: '--encoding <name>', value: oneOf('utf-8', 'latin1'), help: 'of words in CSV (default: utf-8)' },
]

/** Flags as options of the reader. @throws InputError where they contradict each other, or are none */
export function writtenOptions({ decimal, dayFirst, monthFirst, delimiter, encoding }: WrittenFlags): TableOptions {
  if (dayFirst && monthFirst) {
    throw new InputError('--day-first: expected no --month-first beside it but received both: leave one out')
  }
  if (delimiter !== undefined && delimiter !== 'tab' && !/^[\t\x20\x21\x23-\x7e]$/.test(delimiter)) {
    const expected = 'expected one character of ASCII that is no quote, or tab,'
    throw new InputError(`--delimiter: ${expected} but received ${JSON.stringify(delimiter)}`)
  }
  return {
    ...(decimal !== undefined && { decimal }),
    ...((dayFirst || monthFirst) && { dayFirst: dayFirst === true }),
    ...(delimiter !== undefined && { delimiter: delimiter === 'tab' ? '\t' : delimiter }),
    ...(encoding !== undefined && { encoding }),
  }
}

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { daysIn, daysSince1970, FORMATS } from '../../src/formats/date.ts'
import { fixedStamp, StampReader } from '../../src/formats/stamp.ts'
import { rng as rngOf } from '../../src/rng.ts'

const encoder = new TextEncoder()
const reader = new StampReader()

/** [format, ISO time, zoned] of a text; undefined if it is no moment. */
function read(text: string, dayFirst = false): [string, string, boolean] | undefined {
  const bytes = encoder.encode(`1${text}1`)
  if (!reader.read(bytes, 1, bytes.length - 1)) return
  return [FORMATS[reader.format]!, new Date(reader.milliseconds(dayFirst)).toISOString(), reader.zoned]
}

const MOMENTS: readonly [string, string, string, boolean?][] = [
  ['2015-01-31', 'YYYY-MM-DD', '2015-01-31T00:00:00.000Z'],
  ['2015-1-3', 'YYYY-MM-DD', '2015-01-03T00:00:00.000Z'],
  ['2015/01/01 01:00:00', 'YYYY/MM/DD', '2015-01-01T01:00:00.000Z'],
  ['2015.12.01', 'YYYY.MM.DD', '2015-12-01T00:00:00.000Z'],
  ['20150102', 'YYYYMMDD', '2015-01-02T00:00:00.000Z'],
  ['20150102T030405', 'YYYYMMDD', '2015-01-02T03:04:05.000Z'],
  ['31.12.2015 7:05', 'DD.MM.YYYY', '2015-12-31T07:05:00.000Z'],
  ['31.12.68', 'DD.MM.YY', '2068-12-31T00:00:00.000Z'],
  ['02/13/1969', '?/?/YYYY', '1969-02-13T00:00:00.000Z'],
  ['02/03/69', '?/?/YY', '1969-02-03T00:00:00.000Z'],
  ['02-03-2000 12:00 AM', '?-?-YYYY', '2000-02-03T00:00:00.000Z'],
  ['Jan 1 2000', 'MMM D YYYY', '2000-01-01T00:00:00.000Z'],
  ['January 1, 2000, 1:02:03 pm', 'MMM D YYYY', '2000-01-01T13:02:03.000Z'],
  ['1 Sept. 2000', 'D MMM YYYY', '2000-09-01T00:00:00.000Z'],
  ['1. May 2000', 'D MMM YYYY', '2000-05-01T00:00:00.000Z'],
  ['01-Jan-00', 'D MMM YY', '2000-01-01T00:00:00.000Z'],
  ['Feb 2000', 'MMM YYYY', '2000-02-01T00:00:00.000Z'],
  ['2000 Feb', 'YYYY MMM', '2000-02-01T00:00:00.000Z'],
  ['2000-Feb-29', 'YYYY MMM D', '2000-02-29T00:00:00.000Z'],
  ['2000-02', 'YYYY-MM', '2000-02-01T00:00:00.000Z'],
  ['2000/02', 'YYYY/MM', '2000-02-01T00:00:00.000Z'],
  ['2000Q3', 'YYYY-Qn', '2000-07-01T00:00:00.000Z'],
  ['2000-q4', 'YYYY-Qn', '2000-10-01T00:00:00.000Z'],
  ['Q1 2000', 'Qn YYYY', '2000-01-01T00:00:00.000Z'],
  ['2015-W01', 'YYYY-Wnn', '2014-12-29T00:00:00.000Z'],
  ['2016W53', 'YYYY-Wnn', '2017-01-02T00:00:00.000Z'],
  ['2015-01-01T00:00Z', 'YYYY-MM-DD', '2015-01-01T00:00:00.000Z', true],
  ['2015-01-01T00:00:00.25+01:30', 'YYYY-MM-DD', '2014-12-31T22:30:00.250Z', true],
  ['2015-01-01 00:00:00,5 -0800', 'YYYY-MM-DD', '2015-01-01T08:00:00.500Z', true],
  ['2015-01-01 24:00', 'YYYY-MM-DD', '2015-01-02T00:00:00.000Z'],
  ['2015-01-01 00:00:00.123456789 UTC', 'YYYY-MM-DD', '2015-01-01T00:00:00.123Z', true],
  ['Thu Jan 01 2015 01:00:00 GMT+0100 (CET)', 'MMM D YYYY', '2015-01-01T00:00:00.000Z', true],
  ['Thu, 01 Jan 2015 01:00:00 GMT', 'D MMM YYYY', '2015-01-01T01:00:00.000Z', true],
  [' 2015-01-01 ', 'YYYY-MM-DD', '2015-01-01T00:00:00.000Z'],
]

const OTHERS = [
  '',
  ' ',
  '2015',
  '201',
  '1.5',
  '2015-13-01',
  '2015-02-29',
  '2015-02-30',
  '32.01.2015',
  '13/13/2015',
  '20151301',
  '1.2.15',
  '2015-01-01T',
  '2015-01-01 25:00',
  '2015-01-01 12:60',
  '2015-01-01 12:5',
  '2015-01-01 13:00 PM',
  '2015-01-01 12:00 CET',
  '2015-01-01 12:00+99',
  '2015-01-01x',
  'Jan',
  'Janx 1 2000',
  'Ja 1 2000',
  'Foo 1 2000',
  'Mon',
  'Q5 2000',
  '2000Q0',
  '2000-W54',
  '2000-W00',
  '2015-01/01',
  '0000-01-01',
  '12:30',
  '1-2',
  'May be 2000',
  '123456789',
  '2015-01-01 12:00:00.',
  '-2015-01-01',
  '1/2/3',
  '2015 01 01',
]

describe('StampReader', () => {
  it('reads every format', () => {
    for (const [text, format, time, zoned = false] of MOMENTS) assert.deepEqual(read(text), [format, time, zoned], text)
    const seen = new Set(MOMENTS.map(([, format]) => format))
    assert.deepEqual(
      FORMATS.filter((format) => !seen.has(format)),
      ['?-?-YY'],
    )
    assert.equal(read('02/03/2000', true)![1], '2000-03-02T00:00:00.000Z')
  })

  it('takes nothing else for a moment', () => {
    for (const text of OTHERS) assert.equal(read(text), undefined, text)
  })

  it('agrees with Date on 20,000 random moments, at fixed places too', () => {
    const random = rngOf(1970)
    for (let n = 0; n < 20_000; n++) {
      const time = Math.floor((random.next() * 400 - 200) * 365.25 * 86_400) * 1000 + random.below(1000)
      const iso = new Date(time).toISOString()
      assert.equal(read(iso)![1], iso)
      const seconds = iso.slice(0, 19)
      const bytes = encoder.encode(seconds)
      for (const length of [10, 16, 19]) {
        const expected = Date.parse(`${length === 10 ? `${seconds.slice(0, 10)}T00:00` : seconds.slice(0, length)}Z`)
        assert.equal(fixedStamp(bytes, 0, length, 45), expected, iso)
      }
      const [day, clock] = [iso.slice(8, 10), iso.slice(11, 19)]
      assert.equal(read(`${day}.${iso.slice(5, 7)}.${iso.slice(0, 4)} ${clock}`)![1], `${seconds}.000Z`)
    }
  })

  it('at fixed places refuses what the reader refuses', () => {
    for (const text of [
      '2015-13-01',
      '2015-02-29',
      '2015-01-01 24:00',
      '2015-01-0x',
      '2015-01-01 12;00',
      'x015-01-01',
    ]) {
      assert.ok(Number.isNaN(fixedStamp(encoder.encode(text), 0, text.length, 45)), text)
    }
  })

  it('counts days as the calendar does', () => {
    for (let year = 1; year < 3000; year += 7) {
      for (let month = 1; month <= 12; month++) {
        const first = new Date(0).setUTCFullYear(year, month - 1, 1)
        assert.equal(daysSince1970(year, month, 1) * 86_400_000, first)
        assert.equal(daysIn(year, month), new Date(new Date(0).setUTCFullYear(year, month, 0)).getUTCDate())
      }
    }
  })
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { zoneOf } from '../../src/data/zone.ts'
import { refused } from '../support/refused.ts'

const at = (text: string) => Date.parse(`${text}Z`)

test('a clock shows a moment, and its moment is found again', () => {
  for (const [name, utc, wall] of [
    ['Europe/Berlin', '2015-01-01T12:00', '2015-01-01T13:00'],
    ['Europe/Berlin', '2015-07-01T12:00', '2015-07-01T14:00'],
    ['Europe/Berlin', '2020-10-25T02:00', '2020-10-25T03:00'],
    ['Asia/Kathmandu', '2015-01-01T00:00', '2015-01-01T05:45'],
    ['America/New_York', '2015-03-08T06:59', '2015-03-08T01:59'],
    ['Pacific/Kiritimati', '2015-01-01T00:00', '2015-01-01T14:00'],
    ['UTC', '2015-01-01T00:00', '2015-01-01T00:00'],
  ] as const) {
    const zone = zoneOf(name)
    assert.equal(zone.toWall(at(utc)), at(wall), `${name} ${utc}`)
    assert.equal(zone.toUtc(at(wall)), at(utc), `${name} ${wall}`)
  }
})

test('an hour that occurs twice is the first; one that is left out is an hour later', () => {
  const { toUtc } = zoneOf('Europe/Berlin')
  assert.equal(toUtc(at('2015-10-25T02:30')), at('2015-10-25T00:30'))
  assert.equal(toUtc(at('2015-10-25T03:00')), at('2015-10-25T02:00'))
  assert.equal(toUtc(at('2015-03-29T02:30')), at('2015-03-29T01:30'))
})

test('a name that is no zone is one line', () => {
  refused(
    () => zoneOf('Europe/Berlim'),
    /^timezone: expected a name of the IANA database, .* received "Europe\/Berlim"/,
  )
})

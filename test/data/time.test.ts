/** Steps of time: text, calendar, clocks. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { axisOf } from '../../src/data/axis.ts'
import type { TimeSchema } from '../../src/data/schema.ts'
import { calendarSeasons, DAY, parseStep, spokenStep, stepText } from '../../src/data/step.ts'

const time = (step: string, origin: string, more: Partial<TimeSchema> = {}): TimeSchema => ({
  column: 'date',
  step,
  origin: Date.parse(origin),
  stamps: 'local',
  zone: null,
  day: 1,
  ...more,
})

test('a step is read and written in the same words', () => {
  for (const text of ['1s', '30min', '1h', '6h', '1d', '1w', '1mo', '1q', '1y', 'weekday', '1', '2.5']) {
    assert.equal(stepText(parseStep(text)), text)
  }
  assert.equal(stepText(parseStep('90min')), '90min')
  assert.equal(stepText(parseStep('24h')), '1d')
  assert.equal(spokenStep(parseStep('1d')), 'one day')
  for (const text of ['', '0d', '-1d', '1x', 'd d', '1dd', '__proto__'])
    assert.throws(() => parseStep(text), /step of time/)
})

test('seasons of a calendar are whole numbers of steps', () => {
  const seasons = (step: string) => calendarSeasons(parseStep(step))
  assert.deepEqual(seasons('30min'), [48, 336])
  assert.deepEqual(seasons('1d'), [7])
  assert.deepEqual(seasons('1w'), [52])
  assert.deepEqual(seasons('1mo'), [12])
  assert.deepEqual(seasons('1q'), [4])
  assert.deepEqual(seasons('1y'), [])
  assert.deepEqual(seasons('weekday'), [5])
  assert.deepEqual(seasons('7h'), [24])
})

test('days, months and weekdays are counted by the calendar, forth and back', () => {
  const days = axisOf(time('1d', '2000-01-01'))
  assert.equal(days.text(60), '2000-03-01')
  assert.equal(days.yearBefore(days.indexOf(Date.parse('2001-03-01'))), 60)
  const months = axisOf(time('1mo', '2000-01-31', { day: 31 }))
  assert.equal(months.text(1), '2000-02-29')
  assert.equal(months.indexOf(Date.parse('2001-02-28')), 13)
  const weekdays = axisOf(time('weekday', '2015-01-02')) // a Friday
  assert.equal(weekdays.text(1), '2015-01-05')
  assert.equal(weekdays.indexOf(Date.parse('2015-01-09')), 5)
  assert.ok(!Number.isInteger(weekdays.indexOf(Date.parse('2015-01-03'))))
  const halves = axisOf(time('30min', '2000-06-05T00:00Z', { stamps: 'utc' }))
  assert.equal(halves.text(3), '2000-06-05T01:30Z')
})

test('stamps of local midnights, written in UTC, are days and months all the same', () => {
  const months = axisOf(time('1mo', '2000-01-01T08:00Z'))
  assert.equal(months.indexOf(Date.parse('2000-07-01T07:00Z')), 6)
  const days = axisOf(time('1d', '2000-01-01T08:00Z'))
  assert.equal(days.indexOf(Date.parse('2000-07-01T07:00Z')), 182)
})

test('hours and days follow the clock of a place where summer time begins', () => {
  const hours = axisOf(time('1h', '2020-03-28T00:00Z', { zone: 'Europe/Berlin', stamps: 'utc' }))
  assert.equal(hours.wallOf(25) - hours.wallOf(24), 2 * 3_600_000)
  const days = axisOf(time('1d', '2020-03-27T23:00Z', { zone: 'Europe/Berlin', stamps: 'utc' }))
  assert.equal(days.indexOf(Date.parse('2020-03-29T22:00Z')), 2)
  assert.equal(days.wallOf(1) % DAY, 0)
})

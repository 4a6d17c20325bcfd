import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rng as rngOf } from '../../src/rng.ts'
import { openTable } from '../../src/table/openTable.node.ts'
import { resolveZone } from '../../src/table/zone.ts'

const utc = (text: string) => Date.parse(`${text}Z`)

/** UTC of what a zone's clocks show, and how many were doubled and missing. */
function resolved(zone: string, locals: readonly string[]) {
  const values = Float64Array.from(locals, utc)
  const counts = resolveZone(values, zone)
  return { times: Array.from(values, (value) => new Date(value).toISOString().slice(0, 16)), ...counts }
}

test('an hour that occurs twice is both, in the order of the rows', () => {
  const hours = ['2015-10-25T01:00', '2015-10-25T02:00', '2015-10-25T02:00', '2015-10-25T03:00']
  const times = ['2015-10-24T23:00', '2015-10-25T00:00', '2015-10-25T01:00', '2015-10-25T02:00']
  assert.deepEqual(resolved('Europe/Berlin', hours), { times, doubled: 2, missing: 0 })
  // Half hours: what goes back is the second time.
  const halves = ['01:30', '02:00', '02:30', '02:00', '02:30', '03:00'].map((clock) => `2015-10-25T${clock}`)
  assert.deepEqual(resolved('Europe/Berlin', halves).times, [
    '2015-10-24T23:30',
    '2015-10-25T00:00',
    '2015-10-25T00:30',
    '2015-10-25T01:00',
    '2015-10-25T01:30',
    '2015-10-25T02:00',
  ])
  // Three series beside each other, and one after the other.
  const beside = hours.flatMap((hour) => [hour, hour, hour])
  assert.deepEqual(
    resolved('Europe/Berlin', beside).times,
    times.flatMap((time) => [time, time, time]),
  )
  assert.deepEqual(resolved('Europe/Berlin', [...hours, ...hours, ...hours]).times, [...times, ...times, ...times])
  // Alone it is the first.
  assert.deepEqual(resolved('Europe/Berlin', [hours[1]!]).times, [times[1]])
})

test('an hour that the clocks leap over is an hour later', () => {
  const { times, missing } = resolved('America/New_York', ['2015-03-08T01:59', '2015-03-08T02:30', '2015-03-08T03:30'])
  assert.deepEqual(times, ['2015-03-08T06:59', '2015-03-08T07:30', '2015-03-08T07:30'])
  assert.equal(missing, 1)
})

test('moments of any zone come back, but for those that clocks show twice', () => {
  const random = rngOf(60)
  const zones = ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kolkata', 'Pacific/Apia', 'UTC']
  for (const zone of zones) {
    const clock = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'medium' })
    const moments = Array.from(
      { length: 400 },
      () => Math.floor((utc('1975-01-01') + random.next() * 50 * 31_557_600e3) / 1000) * 1000,
    )
    const locals = moments.map((moment) => clock.format(moment).replace(' ', 'T'))
    const values = Float64Array.from(locals, utc)
    const { missing } = resolveZone(values, zone)
    assert.equal(missing, 0)
    for (const [i, value] of values.entries()) assert.equal(clock.format(value).replace(' ', 'T'), locals[i], zone)
    const wrong = values.filter((value, i) => value !== moments[i])
    assert.ok(wrong.length <= 2, `${zone}: ${wrong.length}`)
  }
})

test('openTable resolves moments without an offset, and says what it did', async () => {
  const rows = ['2015-10-25 02:00', '2015-10-25 02:00', '2015-03-29 02:30', null].map((at) => ({ at }))
  const { columns, report } = await openTable(rows, { timezone: 'Europe/Berlin' })
  const expected = ['2015-10-25T00:00', '2015-10-25T01:00', '2015-03-29T01:30'].map(utc)
  assert.deepEqual(columns[0]!.type === 'time' && [...columns[0]!.values], [...expected, Number.NaN])
  assert.deepEqual(
    report.notes.map(({ kind }) => kind),
    ['time', 'zone-missing', 'zone-doubled'],
  )
  const zoned = await openTable([{ at: '2015-10-25T02:00Z' }], { timezone: 'Europe/Berlin' })
  assert.deepEqual((zoned.columns[0] as { values: Float64Array }).values, Float64Array.of(utc('2015-10-25T02:00')))
})

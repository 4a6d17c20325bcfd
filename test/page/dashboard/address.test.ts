/** The address of the dashboard: what it says counts, also when runs change before the page has heard of it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keepAddress } from '../../../page/dashboard/address.ts'
import { runs, shown } from '../../../page/dashboard/store.ts'
import type { RunLine } from '../../../src/figures/wire.ts'

test('an address that was followed is not overwritten by runs that come before the page hears of it', () => {
  let heard = () => {}
  const place = { hash: '#run=one' }
  const replaceState = (_: null, __: string, address: string) => {
    place.hash = address
  }
  const listen = (_: string, listener: () => void) => {
    heard = listener
  }
  Object.assign(globalThis, { location: place, history: { replaceState }, addEventListener: listen })
  const line = (id: number, name: string) => [id, { id, name, state: 'ended' } as RunLine] as const
  runs.value = new Map([line(1, 'one'), line(2, 'two')])
  keepAddress()
  assert.deepEqual(shown.value, [1])
  place.hash = '#run=two'
  runs.value = new Map([...runs.value, line(3, 'three')])
  heard()
  assert.deepEqual([shown.value, place.hash], [[2], '#run=two'])
  shown.value = [2, 3]
  assert.equal(place.hash, '#run=two&run=three')
})

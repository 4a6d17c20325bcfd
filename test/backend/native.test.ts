/** What the native backend gives that no kernel shows: its memory. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { type Addon, nativeBackend } from '../../src/backend/native.ts'
import { backends } from '../support/backends.ts'

const HUGE_PAGE = 1 << 21

for (const { label, backend } of backends.filter(({ backend }) => backend.name === 'native'))
  describe(label, () => {
    test('arrays are zeros, whatever their size', () => {
      for (const n of [0, 1, 1000, HUGE_PAGE / 4 - 1, HUGE_PAGE / 4, HUGE_PAGE / 4 + 1, 3 * HUGE_PAGE]) {
        for (const round of [1, 2]) {
          const array = backend.floats(n)
          assert.equal(array.length, n)
          assert.ok(
            array.every((v) => v === 0),
            `${n} floats, the ${round}. time`,
          )
          array.fill(1)
        }
      }
      for (const array of [backend.ints(HUGE_PAGE), backend.doubles(HUGE_PAGE)]) assert.ok(array.every((v) => v === 0))
    })

    test('large arrays ask for huge pages', {
      // Under wine, Windows has the folder.
      skip: (process.platform !== 'linux' || !existsSync('/sys/kernel/mm/transparent_hugepage')) && 'not here',
    }, () => {
      const array = backend.floats(10 * HUGE_PAGE).fill(1)
      const asked = readFileSync('/proc/self/smaps', 'utf8')
        .split(/\n(?=[0-9a-f]+-[0-9a-f]+ )/)
        .filter((part) => /^VmFlags:.* hg\b/m.test(part))
      const kilobytes = asked.map((part) => Number(/^Rss: +(\d+)/m.exec(part)?.[1]))
      assert.ok(
        Math.max(...kilobytes) >= 40 * 2048 - 4,
        `resident where huge pages were asked for: ${kilobytes.join(', ')} kB`,
      )
      assert.equal(array.at(-1), 1)
    })
  })

test('the end of a backend ends the threads of its add-on, once', () => {
  let closed = 0
  const create = () => ({ kernels: {}, binders: {}, gather() {}, close: () => void closed++, threads: 2 })
  const addon = { instructionSets: ['baseline'], create, place: () => 0 } as unknown as Addon
  const backend = nativeBackend({ addon, from: 'here' }, 2)
  assert.equal(closed, 0)
  backend.dispose()
  backend.dispose()
  assert.equal(closed, 1)
})

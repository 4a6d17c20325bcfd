/** How often a stream tells of its runs: a machine without an idle core is left to its training. */
import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { performance } from 'node:perf_hooks'
import { test } from 'node:test'
import { createLoad } from '../../src/dashboard/load.ts'
import type { WatchedRun } from '../../src/dashboard/run.ts'
import type { Shelf } from '../../src/dashboard/shelf.ts'
import { createStream } from '../../src/dashboard/stream.ts'

interface Line {
  readonly type: string
  readonly busy?: boolean
}

function streaming(isBusy: boolean) {
  const run = { id: 1, revision: 0, line: () => ({ state: 'running' }) }
  const reader = { writableLength: 0, destroyed: false, lines: [] as Line[] }
  const response = {
    ...{
      write: (text: string) =>
        reader.lines.push(
          ...text
            .trim()
            .split('\n')
            .map((line) => JSON.parse(line)),
        ),
    },
    ...{ end: () => {}, destroy: () => (reader.destroyed = true) },
    get writableLength() {
      return reader.writableLength
    },
  }
  const shelf = { revision: 1, changed: [] as object[], others: false }
  const since = () => ({ changed: shelf.changed, ids: [], others: shelf.others })
  const busy = { look: () => isBusy }
  let now = 0
  const stream = createStream(
    response as unknown as ServerResponse,
    [run as unknown as WatchedRun],
    new Map([[1, 0]]),
    { shelf: { ...shelf, since } as unknown as Shelf, load: busy, clock: () => now },
  )
  /** Looks, with or without a new record. Returns after how many milliseconds the next look is due. */
  const look = (isNew: boolean) => {
    if (isNew) run.revision += 1
    now += 100
    stream.tell(false)
    return stream.due - now
  }
  return { look, stream, reader, shelf }
}

test('where a core is idle a run is looked at ten times a second', () => {
  const { look } = streaming(false)
  assert.deepEqual([true, true, true, true, true].map(look), [100, 100, 100, 100, 100])
})

test('where none is, records that go on are told of every four seconds; the first after some quiet at once', () => {
  const { look, reader } = streaming(true)
  assert.deepEqual(
    [false, true, true, true, true, true, true, false].map(look),
    [100, 200, 400, 800, 1600, 3200, 4000, 100],
  )
  assert.deepEqual(reader.lines[0], { type: 'load', busy: true })
  assert.equal(reader.lines.filter(({ type }) => type === 'run').length, 6)
})

test('of other runs a stream speaks when one has come or gone; of their records seldom where no core is idle', () => {
  const { stream, reader, shelf } = streaming(true)
  const lists = () => reader.lines.filter(({ type }) => type === 'list').length
  shelf.changed = [{ id: 2 }]
  stream.tell(true)
  assert.equal(lists(), 0)
  shelf.others = true
  stream.tell(true)
  assert.equal(lists(), 1)
  const idle = streaming(false)
  idle.shelf.changed = [{ id: 2 }]
  idle.stream.tell(true)
  assert.equal(idle.reader.lines.at(-1)?.type, 'list')
})

test('a reader that takes nothing is left alone', () => {
  const { look, reader } = streaming(false)
  look(true)
  assert.equal(reader.destroyed, false)
  reader.writableLength = 2 ** 20 + 1
  look(true)
  assert.equal(reader.destroyed, true)
})

test('a machine is busy while less than half a core is idle; one that says nothing of it is not', () => {
  const idle = [1000, 1400, 1600, 3000]
  const samples = idle.map((value, i) => ({ at: performance.now() - 10_000 + 1000 * i, idle: value }))
  const load = createLoad(() => samples.shift()!)
  assert.deepEqual([load.look(), load.look(), load.look()], [true, true, false])
  const silent = createLoad(() => ({ at: performance.now() - 1000, idle: 0 }))
  assert.equal(silent.look(), false)
})

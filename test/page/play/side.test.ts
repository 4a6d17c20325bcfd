/** What a page makes of what a worker says, and of one that says nothing any more. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Command, Report } from '../../../page/play/engine/protocol.ts'
import { History } from '../../../page/play/history.ts'
import type { OpenLink } from '../../../page/play/link.ts'
import type { KeptSide } from '../../../page/play/session.ts'
import { DEFAULTS, netOf } from '../../../page/play/settings.ts'
import { Side } from '../../../page/play/side.ts'

// Nothing is painted here.
Object.defineProperty(globalThis, 'requestAnimationFrame', { value: () => 0 })

const net = netOf(DEFAULTS.adding, 'left')!
const ready: Report = { type: 'ready', description: '', instructionSet: '', threads: 1, ended: false }
const training = { iteration: 2, weights: new Float32Array(1) } as unknown as KeptSide['training']

/** A side whose worker says and does what the test wants. */
function opened(from: KeptSide | null = null) {
  const asked: Command['type'][] = []
  let [say, die] = [(_: Report) => {}, (_: string) => {}]
  const open: OpenLink = (take, died) => {
    say = take
    die = died
    return { send: ({ type }) => asked.push(type), close: () => {} }
  }
  const side = new Side('left', open)
  side.start(net, 1, null, from)
  const rows = (iteration: number) => {
    const one = (value: number) => Float64Array.of(value)
    const row = { iteration: one(iteration), loss: one(1), gradNorm: one(1), clipped: 0, live: null }
    say({ type: 'rows', rows: row, perSecond: 1 })
  }
  return { side, asked, rows, say: (report: Report) => say(report), die: (message: string) => die(message) }
}

test('what has not started, or failed, is not asked for what is to be kept', async () => {
  const { side, asked, say } = opened()
  assert.deepEqual([await side.keep(), await side.save()], [null, null])
  say({ type: 'failed', id: null, message: 'no memory' })
  assert.deepEqual([await side.keep(), await side.save()], [null, null])
  assert.deepEqual([asked, side.status.value, side.failure.value], [['start'], 'failed', 'no memory'])
})

test('a worker that dies while it is asked answers nothing, and is not asked again', async () => {
  const { side, asked, say, die } = opened()
  say(ready)
  const [kept, saved] = [side.keep(), side.save()]
  die('died')
  assert.deepEqual([await kept, await saved, await side.keep()], [null, null, null])
  assert.deepEqual([asked, side.status.value, side.failure.value], [['start', 'keep', 'save'], 'failed', 'died'])
})

test('a worker that dies with what was kept does not lose it', () => {
  const { side, die } = opened({ training, history: new History(), scores: [], changed: false })
  die('died')
  assert.deepEqual([side.refused.value, side.status.value], ['', 'failed'])
})

test('curves that are kept end with the weights that are kept', async () => {
  const { side, rows, say } = opened()
  say(ready)
  rows(1)
  rows(2)
  const keeping = side.keep()
  say({ type: 'kept', kept: training })
  const kept = await keeping
  rows(3)
  assert.deepEqual(
    [kept!.history.iteration, side.history.iteration],
    [
      [1, 2],
      [1, 2, 3],
    ],
  )
})

test('a training that had ended does not go on', () => {
  const { side, say } = opened({ training, history: new History(), scores: [[2, Number.NaN]], changed: false })
  say({ ...ready, ended: true })
  assert.deepEqual([side.status.value, side.hadEnded.value, side.iteration.value], ['ended', true, 2])
  side.start(net, 1, null)
  say(ready)
  assert.deepEqual([side.status.value, side.hadEnded.value], ['paused', false])
})

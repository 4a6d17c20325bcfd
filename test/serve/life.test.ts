/** A service from its beginning to its end: clients that vanish, models that are replaced, work that waits. */
import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import * as net from 'node:net'
import { test } from 'node:test'
import { classification, loadModel, lstm } from '../../src/index.ts'
import type { Limits } from '../../src/serve/limits.ts'
import { createUnread } from '../../src/serve/pool.ts'
import { createQueue } from '../../src/serve/queue.ts'
import { createService } from '../../src/serve.ts'
import { backend, folder, modelFile, type Running, running } from '../support/served.ts'

const SPEC = { input: 2, rnn: lstm(4), head: classification(3, { steps: 'every' }) } as const
const VALUES = modelFile('values', SPEC)
const OTHER = modelFile('other', SPEC, 2)
const PREDICT = '/v1/runs/values/predict'
const BODY = JSON.stringify({ x: [[1, 2]] })
const logitsOf = (file: string) => [
  ...loadModel(fs.readFileSync(file), { backend }).forward({ T: 1, B: 1, x: [1, 2] }).logits,
]
const HEAD = `POST ${PREDICT} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n`
const post = (body: string, more = '') => `${HEAD}Content-Length: ${body.length}\r\n${more}\r\n${body}`

const connect = (url: string): Promise<net.Socket> =>
  new Promise((resolve, reject) => {
    const socket = net.connect(Number(new URL(url).port), '127.0.0.1', () => resolve(socket))
    socket.on('error', reject)
  })

/** Waits until a service has forgotten its clients. */
async function quiet({ metric }: Running): Promise<void> {
  for (let i = 0; i < 100; i++) {
    const left = [
      await metric('irnn_body_bytes'),
      await metric('irnn_unread_bytes'),
      await metric('irnn_waiting'),
      (await metric('irnn_connections')) - 1,
    ]
    if (left.every((n) => n <= 0)) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  assert.fail('bodies, requests or connections are left')
}

test('a thousand requests in flight over twenty connections are all answered right, in order', async () => {
  const served = await running({ values: VALUES }, { maxWaiting: 3000 })
  const [first, second] = [logitsOf(VALUES), { x: [[3, 4]] }]
  const others = (await served.post(PREDICT, second)).predictions[0].logits
  await Promise.all(
    Array.from({ length: 20 }, async () => {
      const socket = await connect(served.url)
      let text = ''
      socket.on('data', (data) => {
        text += data
      })
      for (let n = 0; n < 50; n++) socket.write(post(n % 2 === 0 ? BODY : JSON.stringify(second)))
      while (text.split('"predictions"').length <= 50) await new Promise((resolve) => setTimeout(resolve, 5))
      socket.destroy()
      const answers = [...text.matchAll(/\{"predictions".*\}/g)].map(([line]) => JSON.parse(line).predictions[0].logits)
      for (const [n, logits] of answers.entries()) assert.deepEqual(logits, n % 2 === 0 ? [first] : others)
      assert.equal(answers.length, 50)
    }),
  )
  await quiet(served)
})

test('clients that vanish, send half, or never read leave nothing behind', async () => {
  const served = await running({ values: VALUES })
  for (let round = 0; round < 3; round++) {
    const sockets = await Promise.all(Array.from({ length: 20 }, () => connect(served.url)))
    for (const [i, socket] of sockets.entries()) {
      if (i % 4 === 0) socket.write(post(BODY).slice(0, -5)) // a body that is cut off
      if (i % 4 === 1) socket.write(post(BODY).slice(0, 30)) // half of a head
      if (i % 4 === 2) for (let n = 0; n < 20; n++) socket.write(post(BODY)) // and reads none of the answers
      if (i % 4 === 3) socket.pause()
    }
    await new Promise((resolve) => setTimeout(resolve, 30))
    for (const socket of sockets) socket.resetAndDestroy()
  }
  await quiet(served)
  assert.deepEqual((await served.post(PREDICT, { x: [[1, 2]] })).predictions[0].logits, [logitsOf(VALUES)])
  assert.ok(served.log.every(({ event }) => event === 'request'))
})

test('too much at once is refused with 503 and when to come again, and takes no memory', async () => {
  const served = await running({ values: VALUES }, { maxBodies: 5000, maxBody: 4000 })
  const waiting = await Promise.all([connect(served.url), connect(served.url)])
  for (const socket of waiting) socket.write(post(BODY.padEnd(3900)).slice(0, -1600)) // 2,300 of 3,900 bytes
  await new Promise((resolve) => setTimeout(resolve, 50))
  const { status, headers, json } = await served.ask('POST', PREDICT, BODY.padEnd(2000))
  assert.equal(status, 503)
  assert.equal(headers['retry-after'], '1')
  assert.match(json.error, /^expected fewer bytes of bodies at once: try again$/)
  for (const socket of waiting) socket.destroy()
  await quiet(served)
  assert.equal((await served.ask('POST', PREDICT, BODY.padEnd(2000))).status, 200)
})

test('where answers that nobody reads are too many bytes, the oldest are cut', () => {
  const unread = createUnread({ maxBodies: 100 } as Limits)
  const cuts: string[] = []
  const hold = (name: string, bytes: number) => unread.hold(bytes, () => cuts.push(name))
  hold('a', 40)
  const release = hold('b', 40)
  release()
  release()
  assert.equal(unread.bytes, 40)
  hold('c', 60)
  hold('d', 30)
  assert.deepEqual([cuts, unread.bytes], [['a'], 90])
  hold('e', 500)
  assert.deepEqual([cuts, unread.bytes], [['a', 'c', 'd'], 500], 'one answer alone may be longer')
})

test('the queue: in order, one by one, bounded, and others have a turn', async () => {
  const queue = createQueue({ maxWaiting: 3, maxWait: 10, maxSeconds: 0.2 })
  const order: string[] = []
  const spin = (ms: number) => {
    const end = performance.now() + ms
    while (performance.now() < end);
  }
  const first = queue.run(async () => {
    await new Promise((resolve) => setTimeout(resolve, 5))
    order.push('first')
  })
  const rest = [1, 2, 3].map((n) => queue.run(() => order.push(`${n}`)))
  await assert.rejects(
    queue.run(() => 1),
    { status: 503 },
  )
  await Promise.all([first, ...rest])
  assert.deepEqual(order, ['first', '1', '2', '3'])
  await assert.rejects(
    queue.run(() => assert.fail('bad')),
    { message: 'bad' },
  )
  await assert.rejects(
    queue.run(
      () => 1,
      () => false,
    ),
    { status: 499 },
  )

  const late = createQueue({ maxWaiting: 3, maxWait: 0.01, maxSeconds: 1 })
  const slow = late.run(async () => {
    await new Promise(setImmediate)
    spin(20)
  })
  await assert.rejects(
    late.run(() => assert.fail('it should not run')),
    { status: 503 },
  )
  await slow

  let turns = 0
  const timer = setInterval(() => turns++, 1)
  const long = queue.run(async (work) => {
    for (let n = 0; n < 300; n++) {
      spin(3)
      await work.pause()
    }
  })
  await assert.rejects(long, { status: 413, message: /^expected work of at most 0\.2 s but it takes longer/ })
  clearInterval(timer)
  assert.ok(turns >= 2, `${turns} turns`)
})

test('a new model is taken up without a lost request; garbage is not', async () => {
  const file = modelFile('live', SPEC)
  const [old, fresh] = [logitsOf(file), logitsOf(OTHER)]
  const { service, post, log, ask } = await running({ values: file })
  const { session } = await post('/v1/runs/values/sessions', {})
  const path = `/v1/runs/values/sessions/${session}`
  const answers: number[][] = []
  let over = false
  const asking = Promise.all(
    Array.from({ length: 8 }, async () => {
      while (!over) answers.push((await post(PREDICT, { x: [[1, 2]] })).predictions[0].logits[0])
    }),
  )
  const soon = () => new Promise((resolve) => setTimeout(resolve, 30))
  await soon()
  fs.copyFileSync(OTHER, file)
  assert.deepEqual(service.reload(), [{ run: 'values', problem: null }])
  await soon()
  for (const garbage of ['garbage', fs.readFileSync(OTHER).subarray(0, 500), '']) {
    fs.writeFileSync(file, garbage)
    assert.match(service.reload()[0]!.problem!, /^[^\n]*expected[^\n]*$/)
  }
  fs.rmSync(file)
  assert.match(service.reload()[0]!.problem!, /there is no such file$/)
  await soon()
  over = true
  await asking
  const texts = answers.map((logits) => JSON.stringify(logits))
  const change = texts.indexOf(JSON.stringify(fresh))
  assert.ok(change > 0 && texts.length > change + 8)
  assert.deepEqual(new Set(texts), new Set([JSON.stringify(old), JSON.stringify(fresh)]))
  assert.deepEqual((await post(path, { x: [[1, 2]] })).predictions[0].logits, old, 'a session keeps its model')
  assert.equal(log.filter(({ event, level }) => event === 'reload' && level === 'error').length, 4)
  assert.equal((await ask('GET', '/ready')).status, 200)
})

test('stop: what runs is finished, what comes is refused, and all memory goes', async () => {
  const served = await running({ values: VALUES }, { maxRows: 200_000, maxBody: 2 ** 24 })
  const steps = 100_000
  const long = served.ask('POST', PREDICT, { x: Array(steps).fill([1, 2]) })
  const kept = await connect(served.url)
  let text = ''
  kept.on('data', (data) => {
    text += data
  })
  while ((await served.metric('irnn_body_bytes')) === 0) await new Promise((resolve) => setTimeout(resolve, 1))
  const stopped = served.service.stop()
  kept.write(`GET /ready HTTP/1.1\r\nHost: localhost\r\n\r\n`)
  const { status, json } = await long
  assert.equal(status, 200)
  assert.equal(json.predictions[0].logits.length, steps)
  await stopped
  await assert.rejects(connect(served.url))
  assert.ok(text === '' || /^HTTP\/1\.1 503 /.test(text), text)
  await served.service.stop()
})

test('stop: what hangs is cut off', async () => {
  const served = await running({ values: VALUES })
  const hanging = await connect(served.url)
  hanging.write(post(BODY).slice(0, -5))
  await new Promise((resolve) => setTimeout(resolve, 30))
  const start = performance.now()
  const closed = new Promise((resolve) => hanging.on('close', resolve))
  await served.service.stop(0.2)
  await closed
  assert.ok(performance.now() - start < 2000)
})

test('where it cannot listen', async () => {
  const { service, url } = await running({ values: VALUES })
  const refuses = (place: object, message: RegExp) =>
    assert.rejects(service.listen(place), { name: 'InputError', message })
  await refuses({ port: Number(new URL(url).port) }, /another program listens there/)
  await refuses({ port: 65_536 }, /^port: expected at most 65535 but received 65536$/)
  await refuses({ port: 1.5 }, /^listen: port: expected a whole number but received 1\.5$/)
  await refuses({ port: 0, host: '' }, /^host: expected an address but received nothing$/)
})

test('what cannot be served is refused before anything listens', () => {
  const file = `${folder}/garbage.safetensors`
  fs.writeFileSync(file, 'garbage')
  const refuses = (runs: object, options: object, line: RegExp) =>
    assert.throws(() => createService(runs as never, { backend, ...options }), { name: 'InputError', message: line })
  refuses({}, {}, /^createService: expected runs but received none/)
  refuses({ a: file }, {}, /garbage\.safetensors: safetensors file: expected/)
  refuses({ a: `${folder}/nothing` }, {}, /cannot be read: there is no such file$/)
  refuses({ 'a/b': VALUES }, {}, /^createService: expected names of letters/)
  refuses({ a: VALUES }, { maxRows: 0 }, /^createService: maxRows: expected a number >= 1|whole number >= 1/)
  refuses({ a: VALUES }, { maxRow: 1 }, /^createService: maxRow: no such option; did you mean maxRows\?$/)
  refuses({ a: VALUES }, { token: 'two words' }, /^token: expected letters/)
})

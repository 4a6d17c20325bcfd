/** What no service should do: each gets its status and one line, and the service goes on. */
import assert from 'node:assert/strict'
import * as net from 'node:net'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { classification, lstm } from '../../src/index.ts'
import { parseBody } from '../../src/serve/json.ts'
import { FIXTURES, folder, modelFile, running, salesRun } from '../support/served.ts'

const RUNS = {
  values: modelFile('values', { input: 2, rnn: lstm(4), head: classification(3, { steps: 'every' }) }),
  sales: await salesRun(),
  mnist: `${FIXTURES}/mnist`,
  words: `${FIXTURES}/words`,
}
const LIMITS = { maxBody: 100_000, maxRows: 500 }
const { ask, post, url, log } = await running(RUNS, LIMITS)
const port = Number(new URL(url).port)

const GOOD = { day: '2015-01-01', shop: 'north', sales: 3, promo: true }
const VALUES = '/v1/runs/values/predict'
const SALES = '/v1/runs/sales/predict'
const sales = (row: object) => ({ rows: [GOOD, row] })
const SECRET = 'moscow-mule-7'

/** [what is asked, the body, the status, the line] */
const BODIES: readonly (readonly [path: string, body: unknown, status: number, line: RegExp])[] = [
  [VALUES, '', 400, /^body: expected JSON but received nothing: send an object$/],
  [VALUES, '{"x":[[1,2]]', 400, /^body: expected JSON but it does not parse: /],
  [VALUES, '{"x":[[1,NaN]]}', 400, /^body: expected JSON but it does not parse: /],
  [VALUES, '[]', 400, /^body: expected an object but received an empty array$/],
  [VALUES, 'null', 400, /^body: expected an object but received null$/],
  [VALUES, '{"x":[[1,2]],"x":[[3,4]]}', 400, /^body: expected each key once but "x" is there twice: remove one$/],
  [VALUES, '{"x":[[1,2]],"\\u0078":[[3,4]]}', 400, /^body: expected each key once but "x" is there twice: remove one$/],
  [VALUES, '{"__proto__":{"x":[[1,2]]}}', 400, /^body: expected no key "__proto__": remove it$/],
  [
    VALUES,
    `{"x":${'['.repeat(40_000)}`,
    400,
    /^body: expected at most 16 brackets inside each other but received more$/,
  ],
  [
    VALUES,
    Buffer.from('{"x":"\xff"}', 'latin1'),
    400,
    /^body: expected JSON in UTF-8 but its bytes are none: convert it$/,
  ],
  [VALUES, { y: 1 }, 400, /^body: x: expected an array but received nothing$/],
  [VALUES, { x: [[1, 2]], seed: 1 }, 400, /^body: unknown key "seed": remove it or correct its spelling/],
  [VALUES, { x: [] }, 400, /^body: x: expected as many elements as >= 1 but received an empty array$/],
  [VALUES, { x: [[1, 2, 3]] }, 400, /^body: x\.0: expected as many elements as <= 2 but received an array of 3$/],
  [VALUES, { x: [[1, 1e39]] }, 400, /^body: x\.0\.1: expected a number <= 3\.40\S+ but received 1e\+39$/],
  [VALUES, '{"x":[[1,1e400]]}', 400, /^body: x\.0\.1: expected a number but received Infinity$/],
  [VALUES, { x: [[1, '2']] }, 400, /^body: x\.0\.1: expected a number but received "2"$/],
  [
    VALUES,
    { x: Array(501).fill([1, 2]) },
    400,
    /^body: x: expected as many elements as <= 500 but received an array of 501$/,
  ],
  [
    VALUES,
    { sequences: [{ x: Array(300).fill([1, 2]) }, { x: Array(300).fill([1, 2]) }] },
    413,
    /^body: expected at most 500 rows/,
  ],
  [
    VALUES,
    `{"x":[[1,2]]}${' '.repeat(100_000)}`,
    413,
    /^body: expected at most 100000 bytes but it is longer: send it in parts$/,
  ],
  [SALES, { rows: [] }, 400, /^body: rows: expected as many elements as >= 1/],
  [SALES, { rows: ['x'] }, 400, /^body: rows\.0: expected an object but received "x"$/],
  [
    SALES,
    sales({ day: '2015-01-02', shop: 'north', slaes: 3, promo: true }),
    400,
    /^body: rows\.1: .* received "slaes" and no "sales": did you mean sales\?$/,
  ],
  [
    SALES,
    sales({ day: '2015-01-02', shop: 'north', sales: 3 }),
    400,
    /^body: rows\.1\.promo: expected .* but received nothing$/,
  ],
  [SALES, sales({ ...GOOD, sales: 'NaN' }), 400, /^body: rows\.1\.sales: expected a number but received "NaN"$/],
  [
    SALES,
    sales({ ...GOOD, sales: 1e39 }),
    400,
    /^body: rows\.1\.sales: expected a number <= 3\.40\S+ but received 1e\+39$/,
  ],
  [
    SALES,
    '{"rows":[{"day":"2015-01-01","shop":"a","sales":-1e999,"promo":true}]}',
    400,
    /^body: rows\.0\.sales: expected a number but received -Infinity$/,
  ],
  [SALES, sales({ ...GOOD, day: SECRET }), 400, /^time: expected a column of times|^table: /],
  [SALES, sales({ ...GOOD, day: { $gt: '' } }), 400, /^body: rows\.1\.day: expected/],
  [SALES, { rows: [GOOD], series: 'north' }, 400, /^body: unknown key "series"/],
  [
    SALES,
    { rows: [GOOD] },
    400,
    /^(table: )?promo: expected its values for 2015-01-02 … 2015-01-04 \(known in advance, 3 rows of "north"\)/,
  ],
  ['/v1/runs/mnist/predict', { pixels: [1, 2] }, 400, /^body: pixels: expected 784, of 28 by 28, but received 2$/],
  [
    '/v1/runs/mnist/predict',
    { pixels: Array(784).fill(256) },
    400,
    /^body: pixels: expected as many|^body: pixels\.0: expected a number <= 255/,
  ],
  ['/v1/runs/words/predict', { text: 3 }, 400, /^body: text: expected a string but received 3$/],
  ['/v1/runs/words/predict', { text: 'the '.repeat(600) }, 413, /^body: expected at most 500 rows but received 600/],
  ['/v1/runs/words/sample', { words: 1e6 }, 400, /^body: words: expected a number <= 1000 but received 1000000$/],
  ['/v1/runs/values/sample', { text: '' }, 404, /^path: expected one of predict after values but received sample/],
  ['/v1/runs/values/sessions', { state: { h: [1], c: [1] } }, 400, /^state: expected h of 4 elements/],
  [
    '/v1/runs/values/sessions',
    { state: { h: [1, 2, 3, 1e39], c: [1, 2, 3, 4] } },
    400,
    /^body: state\.h\.3: expected a number <= 3\.40/,
  ],
  ['/v1/runs/sales/sessions', { state: 1 }, 400, /^stream: state: expected an object but received 1$/],
]

test('bodies that are refused: their status and their line, and the next request is answered', async () => {
  for (const [path, body, status, line] of BODIES) {
    const answered = await ask('POST', path, body)
    const what = `${path} ${JSON.stringify(body)?.slice(0, 80)}: ${answered.text}`
    assert.equal(answered.status, status, what)
    assert.match(answered.json.error, line, what)
    assert.match(answered.text, /^[^\n]+\n$/, what)
    assert.doesNotMatch(answered.text, /\.ts|\.js|node_modules/, what)
    assert.ok(!answered.text.includes(folder), what)
    assert.equal(answered.headers['x-request-id'], answered.json.id)
  }
  assert.ok((await post(VALUES, { x: [[1, 2]] })).predictions)
})

test('a body that is wrong in a million places is refused at the first of them', async () => {
  const wide = await running(RUNS, { maxRows: 1_000_000 })
  const before = process.memoryUsage().heapUsed
  for (const [path, name, value] of [
    [VALUES, 'x', '""'],
    [VALUES, 'x', '[[]]'],
    [SALES, 'rows', '{}'],
    ['/v1/runs/mnist/predict', 'pixels', '-1'],
  ]) {
    const { status, json } = await wide.ask('POST', path!, `{"${name}":[${Array(300_000).fill(value).join()}]}`)
    assert.equal(status, 400, json.error)
    assert.match(json.error, /^body: (x|rows|pixels)(\.0|: expected as many)/)
  }
  assert.ok(process.memoryUsage().heapUsed - before < 200e6)
})

test('heads that are refused', async () => {
  const cases: readonly [
    method: string,
    path: string,
    headers: Record<string, string>,
    status: number,
    line: RegExp,
  ][] = [
    [
      'POST',
      VALUES,
      { 'content-type': 'text/plain' },
      415,
      /^content-type: expected application\/json but received "text\/plain": send JSON/,
    ],
    ['POST', VALUES, { 'content-type': 'application/json; charset=latin1' }, 415, /^content-type: /],
    [
      'POST',
      VALUES,
      { 'content-encoding': 'gzip' },
      415,
      /^content-encoding: expected none but received "gzip": send the body as it is$/,
    ],
    ['PUT', VALUES, {}, 405, /^method: expected one of POST but received "PUT"$/],
    [
      'OPTIONS',
      '/v1/runs',
      { origin: 'http://evil.example' },
      405,
      /^method: expected one of GET, HEAD but received "OPTIONS"$/,
    ],
    ['GET', VALUES, {}, 405, /^method: expected one of POST but received "GET"$/],
    ['GET', '/v1/runs/nobody', {}, 404, /^run: expected one of values, sales, .* but received "nobody"$/],
    ['GET', '/v1/runs/__proto__', {}, 404, /^run: /],
    ['GET', '/v1/runs/..%2f..%2fetc', {}, 404, /^run: /],
    [
      'GET',
      '/../../etc/passwd',
      {},
      404,
      /^path: expected one of \/health, .* but received "\/\.\.\/\.\.\/etc\/passwd"$/,
    ],
    ['GET', '/helth', {}, 404, /did you mean \/health\?$/],
    [
      'GET',
      '/health',
      { host: 'evil.example:8080' },
      421,
      /^host: expected one of localhost, .* but received "evil\.example"/,
    ],
    ['POST', VALUES, { host: 'rebound.example' }, 421, /^host: /],
  ]
  for (const [method, path, headers, status, line] of cases) {
    const body = method === 'POST' ? gzipSync('{"x":[[1,2]]}') : undefined
    const answered = await ask(method, path, body, headers)
    assert.equal(answered.status, status, `${method} ${path} ${answered.text}`)
    assert.match(answered.json.error, line)
    assert.equal(answered.headers['access-control-allow-origin'], undefined)
    if (status === 405) assert.ok(answered.headers.allow)
  }
  assert.equal((await ask('GET', '/health', undefined, { host: `LOCALHOST:${port}` })).status, 200)
  assert.equal((await ask('HEAD', '/health')).text, '')
})

/** Bytes to the port, and all that comes back. */
const raw = (bytes: string): Promise<string> =>
  new Promise((resolve) => {
    let text = ''
    const socket = net.connect(port, '127.0.0.1', () => socket.end(bytes))
    socket.on('data', (data) => {
      text += data
    })
    socket.on('error', () => {}).on('close', () => resolve(text))
  })

test('what is no HTTP, or two lengths at once', async () => {
  const head = 'POST /v1/runs/values/predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n'
  assert.match(await raw('GARBAGE\r\n\r\n'), /^HTTP\/1\.1 400 .*\r\n\r\n\{"error":"request: expected HTTP\/1\.1 but/s)
  assert.match(await raw(`${head}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`), /^HTTP\/1\.1 400 /)
  assert.match(await raw(`${head}Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcd`), /^HTTP\/1\.1 400 /)
  assert.match(
    await raw(`GET /health HTTP/1.1\r\nHost: localhost\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`),
    /^HTTP\/1\.1 431 /,
  )
  assert.match(await raw('GET /health HTTP/1.0\r\n\r\n'), /^HTTP\/1\.1 421 /)
})

test('without the token nothing but health and readiness is told', async () => {
  const { ask } = await running({ values: RUNS.values }, { token: SECRET })
  for (const path of ['/metrics', '/openapi.json', '/v1/runs', '/v1/runs/values', '/v1/runs/nobody']) {
    for (const authorization of [undefined, 'Bearer', `Bearer ${SECRET}x`, `Basic ${SECRET}`, SECRET]) {
      const { status, headers, text } = await ask(
        'GET',
        path,
        undefined,
        authorization === undefined ? {} : { authorization },
      )
      assert.equal(status, 401)
      assert.equal(headers['www-authenticate'], 'Bearer')
      assert.ok(!text.includes('values') && !text.includes(SECRET))
    }
    const given = await ask('GET', path, undefined, { authorization: `bearer ${SECRET}` })
    assert.equal(given.status, path.endsWith('nobody') ? 404 : 200)
  }
  for (const path of ['/health', '/ready']) assert.equal((await ask('GET', path)).status, 200)
})

test('the log has a line for each request, and none of its data', () => {
  const text = JSON.stringify(log)
  assert.ok(log.length > BODIES.length)
  for (const data of [SECRET, '2015-01-0', 'slaes', 'rebound', 'passwd', 'nobody', folder]) {
    assert.ok(!text.includes(data), data)
  }
  for (const entry of log)
    assert.ok(entry.event === 'request' && typeof entry.status === 'number' && typeof entry.ms === 'number')
})

test('bodies: keys are told apart from strings, whatever stands in these', () => {
  const twice = /^body: expected each key once but "a" is there twice: remove one$/
  for (const text of [
    '{"a":1,"b":"a","c":["a","a"],"d":{"a":1}}',
    '{"a":"\\"a\\":","b":"{[[[[[[[[[[[[[[[[["}',
    '["a","a"]',
  ]) {
    assert.deepEqual(parseBody(Buffer.from(text)), JSON.parse(text))
  }
  for (const text of ['{"a":1,"a" :2}', '{"b":[{"a":1,"c":{},"a":2}]}', '{"a":"\\\\","a":1}']) {
    assert.throws(() => parseBody(Buffer.from(text)), { name: 'InputError', message: twice })
  }
})

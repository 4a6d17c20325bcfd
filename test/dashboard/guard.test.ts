/** Who may ask a dashboard, and what every answer says. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { learning, rawly, runsFolder, showing, writeRun } from '../support/shown.ts'

const root = runsFolder()
writeRun(root, 'a', learning(20))
const { port, get, json } = await showing(root, { hosts: ['lab.example'] })

const HOST = `127.0.0.1:${port}`
const head = (method: string, path: string, headers: readonly string[]) =>
  `${method} ${path} HTTP/1.1\r\n${[...headers, 'Connection: close'].map((line) => `${line}\r\n`).join('')}\r\n`
const statusOf = (answer: string) => Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1] ?? 0)
const HEADERS = [
  /content-security-policy: default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; /i,
  /; frame-ancestors 'none'; require-trusted-types-for 'script'; /i,
  /x-content-type-options: nosniff/i,
  /referrer-policy: no-referrer/i,
  /cross-origin-opener-policy: same-origin/i,
  /cross-origin-embedder-policy: require-corp/i,
  /cross-origin-resource-policy: same-origin/i,
]
const secure = (answer: string) => {
  for (const header of HEADERS) assert.match(answer, header)
  assert.doesNotMatch(answer, /access-control-|set-cookie/i)
}

/** [method, path, headers, status] */
const REQUESTS: readonly (readonly [string, string, readonly string[], number])[] = [
  ['GET', '/dashboard/', [`Host: ${HOST}`], 200],
  ['HEAD', '/dashboard/', [`Host: ${HOST}`], 200],
  ['GET', '/', [`Host: localhost:${port}`], 302],
  ['GET', '/api/runs', ['Host: localhost:9999'], 200], // a tunnel has another port
  ['GET', '/api/runs', ['Host: [::1]:1'], 200],
  ['GET', '/api/runs', ['Host: LAB.example'], 200],
  ['GET', '/api/runs', [`Host: ${HOST}`, `Origin: http://${HOST}`, 'Sec-Fetch-Site: same-origin'], 200],
  ['GET', '/api/runs', ['Host: evil.test'], 403],
  ['GET', '/dashboard/', ['Host: evil.test'], 403],
  ['GET', '/api/runs', ['Host: evil.test', `X-Forwarded-Host: ${HOST}`], 403],
  ['GET', '/api/runs', ['Host: localhost.'], 403],
  ['GET', '/api/runs', [`Host: localhost@evil.test`], 403],
  ['GET', '/api/runs', [`Host: evil.test#${HOST}`], 403],
  ['GET', '/api/runs', ['Host: '], 403],
  ['GET', '/api/runs', [], 403],
  ['GET', '/api/runs', [`Host: ${HOST}`, `Host: ${HOST}`], 403],
  ['GET', `http://evil.test/api/runs`, [`Host: ${HOST}`], 403],
  ['GET', '/api/runs', [`Host: ${HOST}`, 'Origin: http://evil.test'], 403],
  ['GET', '/api/runs', [`Host: ${HOST}`, 'Origin: http://127.0.0.1:1'], 403],
  ['GET', '/api/runs', [`Host: ${HOST}`, 'Origin: null'], 403],
  ['GET', '/api/runs', [`Host: ${HOST}`, 'Sec-Fetch-Site: cross-site'], 403],
  ['GET', '/api/runs', [`Host: ${HOST}`, 'Sec-Fetch-Site: same-site'], 403],
  ['OPTIONS', '/api/runs', [`Host: ${HOST}`], 405],
  ['POST', '/api/runs', [`Host: ${HOST}`, 'Content-Length: 0'], 405],
  ['DELETE', '/api/runs', [`Host: ${HOST}`], 405],
  ['GET', '/../../etc/passwd', [`Host: ${HOST}`], 404],
  ['GET', '/assets/%2e%2e/%2e%2e/package.json', [`Host: ${HOST}`], 404],
  ['GET', '/assets/..\\..\\package.json', [`Host: ${HOST}`], 404],
  ['GET', '/dashboard/%00', [`Host: ${HOST}`], 404],
  ['GET', '/api/constructor', [`Host: ${HOST}`], 404],
  ['GET', '/__proto__', [`Host: ${HOST}`], 404],
  ['GET', '/api/run?id=../a', [`Host: ${HOST}`], 400],
  ['GET', '/api/run?id=9', [`Host: ${HOST}`], 404],
  ['GET', '/api/run?id=1&id=1', [`Host: ${HOST}`], 400],
  ['GET', '/api/run?path=/etc', [`Host: ${HOST}`], 400],
  ['GET', `/${'a'.repeat(64_000)}`, [`Host: ${HOST}`], 431],
  ['BREW', '/', [`Host: ${HOST}`], 400],
]

for (const [method, path, headers, status] of REQUESTS) {
  test(`${method} ${path.slice(0, 40)} ${headers.join(', ').replaceAll(String(port), 'PORT')}: ${status}`, async () => {
    const answer = await rawly(port, head(method, path, headers))
    assert.equal(statusOf(answer), status, answer.slice(0, 300))
    secure(answer)
    if (status >= 400 && method !== 'HEAD') assert.match(answer, /\r\n\r\n\{"error":"[^\n]*"\S*\}\n$/)
  })
}

test('no bytes end the server, and none but ours are answered with 200', async () => {
  const line = fc.constantFrom(
    `Host: ${HOST}`,
    'Host: evil.test',
    'Origin: null',
    'Sec-Fetch-Site: none',
    'X: \u0000',
    '',
  )
  const request = fc.tuple(
    fc.constantFrom('GET', 'HEAD', 'POST', 'OPTIONS', 'TRACE', ''),
    fc.oneof(fc.constant('/api/runs'), fc.webPath(), fc.string({ maxLength: 40 })),
    fc.array(line, { maxLength: 4 }),
  )
  await fc.assert(
    fc.asyncProperty(request, async ([method, path, headers]) => {
      const status = statusOf(await rawly(port, head(method, path, headers)))
      assert.notEqual(status, 500)
      if (status === 200) assert.ok(headers.filter((one) => one === `Host: ${HOST}`).length === 1)
    }),
    { numRuns: 60, seed: 1 },
  )
  assert.equal((await json('api/runs')).ids.length, 1)
})

test('a token is wanted for data, not for the page, and compared whole', async () => {
  const token = 'x'.repeat(43)
  const guarded = await showing(root, { token })
  const status = async (path: string, headers = {}) => (await guarded.get(path, headers)).status
  assert.equal(await status('dashboard/'), 200)
  assert.equal(await status('api/runs'), 401)
  assert.equal(await status(`api/runs?t=${token}`), 401)
  assert.equal(await status('api/runs', { authorization: `Bearer ${token.slice(1)}` }), 401)
  assert.equal(await status('api/runs', { cookie: `t=${token}` }), 401)
  assert.equal(await status('api/runs', { authorization: `Bearer ${token}` }), 200)
})

test('files that are hashed by name are kept by browsers, answers about runs are not', async () => {
  assert.equal((await get('api/runs')).headers.get('cache-control'), 'no-store')
  assert.equal((await get('dashboard/')).headers.get('cache-control'), 'no-cache')
})

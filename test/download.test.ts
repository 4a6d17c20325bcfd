/** Servers that send too much, too little or nothing: an error that says why, soon. */
import assert from 'node:assert/strict'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, test } from 'node:test'
import { type DownloadLimits, download } from '../src/download.node.ts'

const servers: Server[] = []
after(() => {
  for (const server of servers) server.closeAllConnections()
  for (const server of servers) server.close()
})

/** The address of a file on a server that answers so. */
async function served(answer: (response: ServerResponse) => void): Promise<string> {
  const server = createServer((_, response) => answer(response))
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/file`
}

const LIMITS: DownloadLimits = { bytes: 100_000, silence: 20_000, whole: 20_000 }
const kilobyte = Buffer.alloc(1000, 7)

/** Writes kilobytes until nobody listens. */
function pour(response: ServerResponse, every: number): void {
  const timer = setInterval(() => response.write(kilobyte), every)
  response.on('close', () => clearInterval(timer))
}

test('a file comes whole, whether its length was announced or not', async () => {
  for (const announce of [true, false]) {
    const address = await served((response) => {
      if (announce) response.setHeader('content-length', 50_000)
      for (let i = 0; i < 50; i++) response.write(kilobyte)
      response.end()
    })
    const bytes = await download(address, LIMITS)
    assert.equal(bytes.length, 50_000)
    assert.ok(bytes.every((byte) => byte === 7))
  }
  assert.equal((await download(await served((response) => response.end()), LIMITS)).length, 0)
})

const SILENCE = { silence: 300 }
const FAULTS: Record<
  string,
  [answer: (response: ServerResponse) => void, reason: RegExp, limits?: Partial<DownloadLimits>]
> = {
  'a body larger than its limit, announced': [
    (response) => response.setHeader('content-length', 10 ** 12).flushHeaders(),
    /^expected 100000 bytes at most but the server sends 1000000000000 or more$/,
  ],
  'a body larger than its limit, not announced': [
    (response) => {
      for (let i = 0; i < 101; i++) response.write(kilobyte)
      response.end()
    },
    /^expected 100000 bytes at most but the server sends \d+ or more$/,
  ],
  'a body without end': [(response) => pour(response, 0), /^expected 100000 bytes at most but the server sends/],
  'a body without end, a little at a time': [
    (response) => pour(response, 100),
    /^it was not complete after 1 s$/,
    { whole: 1000 },
  ],
  'no answer': [() => {}, /^the server sent nothing for 0.3 s$/, SILENCE],
  'no body': [(response) => response.flushHeaders(), /^the server sent nothing for 0.3 s$/, SILENCE],
  'a body that stops': [(response) => response.write(kilobyte), /^the server sent nothing for 0.3 s$/, SILENCE],
  'a body shorter than announced': [
    (response) => {
      response.setHeader('content-length', 2000)
      response.write(kilobyte, () => response.destroy())
    },
    /other side closed|content-length|ECONNRESET/i,
  ],
  'a connection that is cut in the middle': [
    (response) => response.write(kilobyte, () => response.destroy()),
    /other side closed|terminated|ECONNRESET/,
  ],
  'an error': [(response) => response.writeHead(503).end('busy'), /^HTTP 503$/],
}

for (const [title, [answer, reason, limits]] of Object.entries(FAULTS))
  test(`refused: ${title}`, async () => {
    let closed: Promise<void> | null = null
    const address = await served((response) => {
      closed = new Promise((resolve) => response.on('close', resolve))
      answer(response)
    })
    await assert.rejects(download(address, { ...LIMITS, ...limits }), ({ message }: Error) => {
      assert.match(message, reason)
      return !message.includes('\n')
    })
    await closed // the connection is not kept
  })

test('a body longer than announced is cut there', async () => {
  const address = await served((response) => {
    response.socket!.end('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n1234567890')
  })
  assert.equal(Buffer.from(await download(address, LIMITS)).toString(), '12345')
})

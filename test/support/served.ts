/** Runs to be served, made once in a folder that goes when the test file ends, and a client. */
import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import * as http from 'node:http'
import * as os from 'node:os'
import * as path from 'node:path'
import { after } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Backend } from '../../src/backend/backend.ts'
import { fit, forecasting, labelling, openTable, saveFit, type Work } from '../../src/data.ts'
import { createBackend, createModel, saveModel } from '../../src/index.ts'
import { createService, type LogEntry, type Service, type ServiceOptions } from '../../src/serve.ts'

export const FIXTURES = fileURLToPath(new URL('../../../test/fixtures/runs-0.1.0', import.meta.url))
export const backend: Backend = await createBackend({ threads: 1 })
export const folder: string = fs.mkdtempSync(path.join(os.tmpdir(), 'irnn-serve-'))
after(() => fs.rmSync(folder, { recursive: true }))

/** The path of a new file with a model of that spec. */
export function modelFile(name: string, spec: Parameters<typeof createModel>[0], seed = 1): string {
  const file = path.join(folder, `${name}.safetensors`)
  const model = createModel(spec, { backend, seed, normalisation: { mean: [0.5, -1], std: [2, 3] } })
  fs.writeFileSync(file, saveModel(model))
  model.dispose()
  return file
}

const day = (i: number) => new Date(Date.UTC(2015, 0, 1 + i)).toISOString().slice(0, 10)

/** Sales of two shops, day by day, with a column that is known in advance. */
export const SALES = Array.from({ length: 120 }, (_, i) =>
  ['north', 'south'].map((shop, s) => ({
    day: day(i),
    shop,
    sales: 100 + 30 * s + 20 * Math.sin((2 * Math.PI * i) / 7) + ((i * 37 + s) % 11),
    promo: i % 5 === 0,
  })),
).flat()

/** The steps ahead of the two shops, whose promotions are known. */
export const AHEAD = Array.from({ length: 3 }, (_, i) =>
  ['north', 'south'].map((shop) => ({ day: day(120 + i), shop, sales: null, promo: i === 0 })),
).flat()

/** Words with a tag each, in sequences. */
export const TAGS = Array.from({ length: 240 }, (_, i) => {
  const word = ['the', 'cat', 'sees', 'a', 'dog', 'it'][(i * 7 + (i >> 3)) % 6]!
  return {
    id: `s${i >> 3}`,
    at: i % 8,
    word,
    size: word.length + 0.5 * (i % 3),
    tag: 'DNVDNP'[(i * 7 + (i >> 3)) % 6]!,
  }
})

/** The folder of a quick fit. */
async function fitted(name: string, work: Work): Promise<string> {
  const dir = path.join(folder, name)
  for await (const event of fit(work, { backend, trials: 1, iterations: 4 })) {
    if (event.type === 'result') saveFit(event.fitted, dir, { version: '1' })
  }
  return dir
}

export async function salesRun(): Promise<string> {
  const choices = { target: ['sales'], series: 'shop', known: ['promo'], horizon: 3, window: 8 }
  return fitted('sales', forecasting(await openTable(SALES), choices))
}

export async function tagsRun(): Promise<string> {
  return fitted('tags', labelling(await openTable(TAGS), { label: 'tag', of: 'row', id: 'id', time: 'at' }))
}

/** JSON of any form. */
// biome-ignore lint/suspicious/noExplicitAny: a test says by its claims what it is
export type Json = any

export interface Asked {
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
  readonly text: string
  /** Of the text, if it is JSON. */
  readonly json: Json
}

/** A service that listens, a client of it, and its log. */
export interface Running {
  readonly service: Service
  readonly url: string
  readonly log: LogEntry[]
  /** A body that is no text is sent as JSON. */
  ask(method: string, path: string, body?: unknown, headers?: http.OutgoingHttpHeaders): Promise<Asked>
  /** POST, which must be answered with 200 or 201. */
  post(path: string, body: unknown): Promise<Json>
  /** A number of its metrics. */
  metric(name: string): Promise<number>
}

export async function running(
  runs: Readonly<Record<string, string>>,
  options: Partial<ServiceOptions> = {},
): Promise<Running> {
  const log: LogEntry[] = []
  const service = createService(runs, { backend, log: (entry) => log.push(entry), ...options })
  const { url, port } = await service.listen({ port: 0 })
  after(() => service.stop(1))
  const agent = new http.Agent({ keepAlive: true })
  after(() => agent.destroy())
  const ask: Running['ask'] = (method, where, body, headers) =>
    new Promise((resolve, reject) => {
      const content =
        body === undefined || typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body)
      const own =
        content === undefined
          ? {}
          : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(content) }
      const request = http.request(
        { port, agent, method, path: where, headers: { ...own, ...headers } },
        (response) => {
          let text = ''
          response.setEncoding('utf8').on('data', (part) => {
            text += part
          })
          response.on('error', reject).on('end', () => {
            const json = response.headers['content-type'] === 'application/json' && text !== '' ? JSON.parse(text) : {}
            resolve({ status: response.statusCode!, headers: response.headers, text, json })
          })
        },
      )
      request.on('error', reject).end(content)
    })
  return {
    service,
    url,
    log,
    ask,
    async post(where, body) {
      const { status, text, json } = await ask('POST', where, body)
      assert.ok(status === 200 || status === 201, `${where}: ${status} ${text}`)
      return json
    },
    async metric(name) {
      const { text } = await ask('GET', '/metrics')
      return Number(new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1])
    },
  }
}

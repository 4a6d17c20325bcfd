/** Folders of runs made by hand, and a dashboard that shows them. */
import * as fs from 'node:fs'
import * as net from 'node:net'
import * as os from 'node:os'
import * as path from 'node:path'
import { after } from 'node:test'
import { fileURLToPath } from 'node:url'
import { createDashboard, type DashboardOptions } from '../../src/dashboard/dashboard.ts'
import { loadSite, type Site } from '../../src/dashboard/site.ts'

const CONFIG = fileURLToPath(new URL('../../../test/fixtures/runs-0.1.0/adding/config.json', import.meta.url))
export const SITE: Site = new Map([
  ['/dashboard/', { bytes: Buffer.from('<!doctype html>'), type: 'text/html', sha256: '', hashed: false }],
])

/** The pages that the build has made. */
export const builtSite = (): Site => loadSite(fileURLToPath(new URL('../../web', import.meta.url)))

/** Where folders cost little: in memory where there is a file system of it, for a few megabytes. */
export const MEMORY: string = fs.existsSync('/dev/shm') ? '/dev/shm' : os.tmpdir()

/** A new folder for runs, which goes when the test that makes it ends, or the test file. */
export function runsFolder(within: string = os.tmpdir()): string {
  const dir = fs.realpathSync(fs.mkdtempSync(path.join(within, 'irnn-shown-')))
  after(() => fs.rmSync(dir, { recursive: true, force: true }))
  return dir
}

export type Edit = (config: { training: { iterations: number }; [key: string]: unknown }) => void

/** A run with these records. Returns its metrics.jsonl. */
export function writeRun(root: string, name: string, records: readonly object[], edit: Edit = () => {}): string {
  const dir = path.join(root, name)
  fs.mkdirSync(dir, { recursive: true })
  const config = JSON.parse(fs.readFileSync(CONFIG, 'utf8'))
  edit(config)
  const file = path.join(dir, 'metrics.jsonl')
  fs.writeFileSync(file, linesOf(records))
  fs.writeFileSync(path.join(dir, 'config.json'), JSON.stringify(config))
  return file
}

export function linesOf(records: readonly object[]): string {
  return records.map((record) => `${JSON.stringify(record)}\n`).join('')
}

export function step(iteration: number, loss: number | string, more: object = {}): object {
  const spread = (mean: number | string, by = 1) =>
    typeof mean === 'string' ? { mean, min: mean, max: mean } : { mean, min: mean / (1 + by), max: mean * (1 + by) }
  const rest = { clippedShare: 0.1, liveShare: 0.5, lr: 0.01, iterationsPerSecond: 100 }
  const seconds = iteration / 100
  return { type: 'step', iteration, seconds, window: 10, loss: spread(loss), gradNorm: spread(1), ...rest, ...more }
}

export function evaluation(iteration: number, mse: number): object {
  return { type: 'eval', iteration, seconds: iteration / 100, test: { loss: mse, mse } }
}

/** A run of so many records that learns. */
export function learning(count: number, more: (i: number) => object = () => ({})): object[] {
  return Array.from({ length: count }, (_, i) => {
    const loss = 0.2 * Math.exp(-i / count) + 0.01
    const record = step(10 * (i + 1), loss, more(i))
    return i % 10 === 9 ? [record, evaluation(10 * (i + 1), loss)] : [record]
  }).flat()
}

export interface Shown {
  readonly url: string
  readonly port: number
  get(path: string, headers?: Record<string, string>): Promise<Response>
  // biome-ignore lint/suspicious/noExplicitAny: a test says by its claims what it is
  json(path: string): Promise<any>
  close(): Promise<void>
}

/** A dashboard that listens until the test file ends. */
export async function showing(root: string, options: Partial<DashboardOptions> = {}): Promise<Shown> {
  const load = { look: () => false } // whatever else this machine does
  const server = createDashboard({ roots: [root], site: SITE, home: '/dashboard/', fit: () => null, load, ...options })
  const url = await server.listen(0, '127.0.0.1')
  after(() => server.close())
  const get = (path: string, headers = {}) => fetch(url + path, { headers, redirect: 'manual' })
  return {
    url,
    port: Number(new URL(url).port),
    get,
    json: async (path) => (await get(path)).json(),
    close: () => server.close(),
  }
}

/** A way to a port of this machine on which connections can be cut. */
export async function relayTo(port: number): Promise<{ url: string; drop(): void; close(): void }> {
  const sockets = new Set<net.Socket>()
  const server = net.createServer((near) => {
    const far = net.connect(port, '127.0.0.1')
    const end = () => {
      near.destroy()
      far.destroy()
    }
    for (const socket of [near, far]) sockets.add(socket.on('error', end).on('close', end))
    near.pipe(far).pipe(near)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const drop = () => {
    for (const socket of sockets) socket.destroy()
  }
  const close = () => {
    server.close()
    drop()
  }
  after(close)
  return { url: `http://127.0.0.1:${(server.address() as net.AddressInfo).port}/`, drop, close }
}

/** What a server answers to bytes: all of it, in latin1. */
export function rawly(port: number, request: string | Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = ''
    const socket = net.connect(port, '127.0.0.1', () => socket.end(request))
    socket.setTimeout(5000, () => socket.destroy(new Error('no answer')))
    socket.on('data', (data) => {
      answer += data.toString('latin1')
    })
    socket.on('error', reject)
    socket.on('close', () => resolve(answer))
  })
}

/** `irnn serve RUN…`: runs over HTTP until a signal ends it. */
import type { Command } from 'commander'
import type { BackendName } from '../src/backend/backend.ts'
import { createBackend } from '../src/backend/choose.ts'
import { type Flag, nameOf, names, whole } from '../src/flag.ts'
import { LOOPBACK } from '../src/serve/guard.ts'
import { LIMIT_FLAGS, type Limits } from '../src/serve/limits.ts'
import { namedRuns } from '../src/serve/open.ts'
import { createService, type Service } from '../src/serve/service.ts'
import { VERSION } from '../src/version.ts'
import { BACKEND, withFlags } from './options.ts'
import { print, say } from './say.ts'

interface ServeFlags extends Partial<Limits> {
  port: number
  host: string
  allowHost?: string[]
  token?: string
  backend?: BackendName
  json?: boolean
}

const FLAGS: readonly Flag[] = [
  { flag: '--port <N>', value: whole(0), default: 8080, help: 'where to listen; 0: any free port' },
  {
    flag: '--host <address>',
    default: '127.0.0.1',
    help: 'address to listen on: this machine alone can ask unless it is another; 0.0.0.0: whoever can reach it',
  },
  {
    flag: '--allow-host <names>',
    value: names,
    help: 'names, with commas between, that requests may be for beside those of this machine, say that of a proxy',
  },
  {
    flag: '--token <word>',
    help: 'requests must bring it, "authorization: Bearer <word>"; better in $IRNN_TOKEN, for others see a flag',
  },
  ...LIMIT_FLAGS,
  BACKEND,
  { flag: '--json', help: 'the address as a JSON object on stdout' },
]

/** @param finish takes the exit code */
export function serveCommand(program: Command, finish: (code: number) => void): void {
  const serve = program
    .command('serve')
    .description('answer over HTTP with runs of any kind, or files of models: docs/service.md')
    .argument('<runs...>', 'folders of runs, or model.safetensors; NAME=PATH gives one a name')
  withFlags(serve, FLAGS).action(async (runs: string[], flags: ServeFlags) => finish(await serveRuns(runs, flags)))
}

/** Serves until SIGTERM or SIGINT, and takes up new models at SIGHUP. Returns the exit code. */
export async function serveRuns(words: readonly string[], flags: ServeFlags): Promise<number> {
  const { port, host, allowHost = [], json = false } = flags
  const token = flags.token ?? process.env.IRNN_TOKEN
  const runs = namedRuns(words)
  // One thread: a step is shorter than the way to another, and answers come one by one.
  const backend = await createBackend({ name: flags.backend, threads: 1 })
  const loopback = isLoopback(host)
  const hosts = loopback || allowHost.length > 0 ? [...LOOPBACK, host.toLowerCase(), ...allowHost] : 'any'
  const limits = Object.fromEntries(LIMIT_FLAGS.map(nameOf).map((name) => [name, flags[name as keyof Limits]]))
  const service = createService(runs, { ...limits, backend, token, hosts, log, version: VERSION })
  const ended = ending(service)
  try {
    const { url } = await service.listen({ port, host })
    print(json ? JSON.stringify({ type: 'listening', url, runs: Object.keys(runs) }) : url)
    if (!loopback && token === undefined) {
      say(`! ${url}: whoever can reach this address can ask: set a token, or put a proxy in front`)
    }
  } catch (error) {
    await service.stop()
    throw error
  }
  await ended
  backend.dispose()
  return 0
}

function isLoopback(host: string): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+|::1)$/i.test(host)
}

let muted = false

/** A line of JSON for an entry. A reader of the log that went away does not end the service. */
function log(entry: Readonly<Record<string, unknown>>): void {
  if (!muted) process.stderr.write(`${JSON.stringify({ time: new Date().toISOString(), ...entry })}\n`)
}

/** Resolves when a signal has ended the service. The second one ends the process at once. */
function ending(service: Service): Promise<void> {
  process.stderr.on('error', () => {
    muted = true
  })
  process.on('SIGHUP', () => {
    try {
      service.reload()
    } catch (error) {
      log({ level: 'error', event: 'reload', problem: (error as Error).message })
    }
  })
  return new Promise((resolve, reject) => {
    const stop = (signal: NodeJS.Signals) => {
      for (const name of ['SIGTERM', 'SIGINT'] as const) process.off(name, stop)
      log({ level: 'info', event: 'stop', signal })
      service.stop().then(resolve, reject)
    }
    for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, stop)
  })
}

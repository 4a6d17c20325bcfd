/** `irnn dashboard [DIR…]`: runs in a browser, while they train and afterwards. It only reads. */
import { spawn } from 'node:child_process'
import * as fs from 'node:fs'
import * as os from 'node:os'
import type { Command } from 'commander'
import type { PageServer } from '../src/dashboard/dashboard.ts'
import type { FitDetail } from '../src/dashboard/detail.ts'
import { isKind } from '../src/data/schema.ts'
import { InputError } from '../src/error.ts'
import { type Flag, names, whole } from '../src/flag.ts'
import { readRunFolder } from '../src/runs/stored.ts'
import { withFlags } from './options.ts'
import { explained, loadPages, type PageModule } from './pages.ts'
import { reported } from './reported.ts'
import { print, say } from './say.ts'

interface DashboardFlags extends PageFlags {
  allowHost?: string[]
}

/** Of every command that shows a page. */
export interface PageFlags {
  port: number
  host: string
  open: boolean
  json?: boolean
}

export const PORT = 6784
const RUNS = 'runs'

export const PAGE_FLAGS: readonly Flag[] = [
  { flag: '--port <N>', value: whole(0), default: PORT, help: 'where to listen, or on the next that is free; 0: any' },
  {
    flag: '--host <address>',
    default: '127.0.0.1',
    help: 'address to listen on; with one that others can reach, who asks must have the token of the printed address',
  },
  {
    flag: '--allow-host <names>',
    value: names,
    help: 'names, with commas between, that requests may be for beside those of this machine, say that of a proxy',
  },
  { flag: '--no-open', help: 'open no browser; where standard output is no terminal, none is opened anyway' },
  { flag: '--json', help: 'the address as a JSON object on stdout' },
]

/** @param finish takes the exit code */
export function dashboardCommand(program: Command, finish: (code: number) => void): void {
  const command = program
    .command('dashboard')
    .description('show runs in a browser while they train, and afterwards: docs/dashboard.md')
    .argument('[dirs...]', `folders of runs, or folders that hold such (default: ${RUNS}, else the current one)`)
  withFlags(command, PAGE_FLAGS).action(async (dirs: string[], flags: DashboardFlags) =>
    finish(await showRuns(dirs, flags)),
  )
}

/** Serves until a signal. Returns the exit code. */
async function showRuns(dirs: readonly string[], flags: DashboardFlags): Promise<number> {
  const roots = dirs.length > 0 ? dirs : [fs.existsSync(RUNS) ? RUNS : '.']
  const { server, site } = await loadPages()
  const { hosts, token } = accessOf(flags, server)
  const options = { roots, site, home: '/dashboard/', hosts, token, fit: fitIn }
  const dashboard = await explained(() => server.createDashboard(options))
  return await servePage(dashboard, flags, token, 'dashboard')
}

/** Who may ask: on an address that others can reach, who has the token. */
export function accessOf(
  { host, allowHost = [] }: { host: string; allowHost?: string[] },
  { newToken }: Pick<PageModule, 'newToken'>,
): { hosts: string[]; token: string | undefined } {
  const given = process.env.IRNN_DASHBOARD_TOKEN
  if (/^(localhost|127\.\d+\.\d+\.\d+|::1)$/i.test(host)) return { hosts: [host, ...allowHost], token: given }
  const own = Object.values(os.networkInterfaces()).flatMap((all) => all ?? [])
  const addresses = own.map(({ address, family }) => (family === 'IPv6' ? `[${address}]` : address))
  return { hosts: [host, os.hostname(), ...addresses, ...allowHost], token: given ?? newToken() }
}

/** Prints the address, opens it where somebody sits in front, and waits for a signal. */
export async function servePage(
  server: PageServer,
  { port, host, open, json = false }: PageFlags,
  token: string | undefined,
  type: string,
): Promise<number> {
  if (port > 65_535) throw new InputError(`--port: expected at most 65535 but received ${port}`)
  const ended = signalled()
  const address = await explained(() => server.listen(port, host))
  // What stands after # is not sent to any server, nor written to its log.
  const url = token === undefined ? address : `${address}#t=${token}`
  print(json ? JSON.stringify({ type, url }) : url)
  if (token !== undefined) say(`! ${address}: others can reach this address: keep the part after # to yourself`)
  if (open && process.stdout.isTTY) openBrowser(url)
  await ended
  await server.close()
  return 0
}

/** A machine without a browser shows none: the address stands there. */
function openBrowser(url: string): void {
  const { platform } = process
  const [program, ...first] = platform === 'darwin' ? ['open'] : platform === 'win32' ? ['explorer.exe'] : ['xdg-open']
  const child = spawn(program!, [...first, url], { stdio: 'ignore', detached: true })
  child.on('error', () => {})
  child.unref()
}

/** Resolves at the first SIGINT or SIGTERM; the second one ends the process. */
function signalled(): Promise<void> {
  return new Promise((resolve) => {
    const stop = () => {
      for (const name of ['SIGTERM', 'SIGINT'] as const) process.off(name, stop)
      resolve()
    }
    for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, stop)
  })
}

const fits = new Map<string, { stamp: number; fit: FitDetail | null }>()

/** What a fit was worth, read again when its report is another. What cannot be read is none. */
function fitIn(dir: string): FitDetail | null {
  const stamp = fs.statSync(`${dir}/report.json`, { throwIfNoEntry: false })?.mtimeMs
  if (stamp === undefined) return null
  const known = fits.get(dir)
  if (known?.stamp === stamp) return known.fit
  const fit = readFit(dir)
  fits.set(dir, { stamp, fit })
  return fit
}

function readFit(dir: string): FitDetail | null {
  try {
    const run = readRunFolder(dir)
    return isKind(run.config.task.name) ? reported(run, '', null).fit : null
  } catch (error) {
    if (error instanceof InputError) return null
    throw error
  }
}

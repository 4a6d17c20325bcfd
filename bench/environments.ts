/**
 * Where rivals live. Each rival in Python has an environment of its own, so that none decides what another gets, in the
 * cache (`$IRNN_CACHE/rivals`, else `~/.cache/irnn/rivals`); those of npm are in bench/node_modules. One command makes
 * them all. What was installed is written down last, in versions.json: an environment without it is not whole.
 */
import { type SpawnSyncReturns, spawnSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import * as path from 'node:path'
import { fileURLToPath } from 'node:url'
import { cacheFolder, makeFolder, writeAtomic } from '../src/disk.node.ts'
import { InputError } from '../src/error.ts'

const BENCH = fileURLToPath(new URL('../../bench/', import.meta.url))
export const INSTALL = 'node dist/bench/main.js --install-rivals'

/** What pip installs into each. */
const PACKAGES = {
  pytorch: ['torch', 'numpy'],
  jax: ['jax'],
  // The newest oneDNN of PyPI that runs on OpenMP: later ones need SYCL.
  onednn: ['onednn-devel-cpu-gomp'],
} as const

export type EnvironmentName = keyof typeof PACKAGES
const NAMES = Object.keys(PACKAGES) as EnvironmentName[]

/** Newest first: JAX has new versions for new Pythons only. */
const PYTHONS = ['python3.14', 'python3.13', 'python3.12', 'python3.11', 'python3']

function folderOf(name: EnvironmentName): string {
  return path.join(cacheFolder('rivals'), name)
}

/** The folder of an environment that is whole; null where there is none. */
export function environment(name: EnvironmentName): string | null {
  return existsSync(path.join(folderOf(name), 'versions.json')) ? folderOf(name) : null
}

/** The Python of an environment. */
export function pythonOf(folder: string): string {
  return path.join(folder, 'bin', 'python')
}

/**
 * Makes what is not there yet. A rival that cannot be installed is one line, and the benchmark runs without it.
 * @param python of the environments; default: the newest on the PATH
 * @returns whether all are there
 * @throws InputError when there is no Python that can make environments
 */
export function installRivals(python: string | undefined, say: (line: string) => void): boolean {
  const base = findPython(python)
  const all = NAMES.map((name) => installed(name, base, say))
  say('npm: those of bench/package.json into bench/node_modules')
  const npm = run('npm', '--prefix', BENCH, 'ci', '--ignore-scripts')
  if (npm.status !== 0) say(`npm: failed: ${why(npm)}`)
  return npm.status === 0 && all.every(Boolean)
}

function findPython(asked: string | undefined): string {
  const works = (name: string) => spawnSync(name, ['-c', 'import venv, ensurepip']).status === 0
  const found = (asked === undefined ? PYTHONS : [asked]).find(works)
  if (found !== undefined) return found
  const tried = asked ?? PYTHONS.join(', ')
  throw new InputError(
    `--install-rivals: expected a Python that can make environments (Debian: python3-venv) but received ${tried}`,
  )
}

function installed(name: EnvironmentName, base: string, say: (line: string) => void): boolean {
  const folder = folderOf(name)
  const packages = PACKAGES[name]
  if (environment(name)) {
    say(`${name}: already in ${folder}: ${versionsIn(folder)} (delete the folder for newer ones)`)
    return true
  }
  say(`${name}: ${packages.join(', ')} into ${folder}`)
  rmSync(folder, { recursive: true, force: true }) // what was interrupted
  makeFolder(path.dirname(folder))
  const pip = (...args: string[]) => run(pythonOf(folder), '-m', 'pip', '--disable-pip-version-check', ...args)
  const made = run(base, '-m', 'venv', folder)
  const filled = made.status === 0 ? pip('install', '--quiet', '--no-cache-dir', ...packages) : made
  const listed = filled.status === 0 ? pip('list', '--format', 'json') : filled
  if (listed.status !== 0) {
    say(`${name}: failed: ${why(listed)}`)
    return false
  }
  writeAtomic(path.join(folder, 'versions.json'), listed.stdout)
  say(`${name}: ${versionsIn(folder)}`)
  return true
}

function run(command: string, ...args: string[]): SpawnSyncReturns<string> {
  return spawnSync(command, args, { encoding: 'utf8' })
}

function why({ stderr, error }: SpawnSyncReturns<string>): string {
  return stderr?.trim().split('\n').at(-1) || error?.message || 'it ended without a word'
}

function versionsIn(folder: string): string {
  const all = JSON.parse(readFileSync(path.join(folder, 'versions.json'), 'utf8')) as {
    name: string
    version: string
  }[]
  const own = all.filter(({ name }) => /^(torch|jax|jaxlib|onednn-cpu-gomp|numpy)$/.test(name))
  return own.map(({ name, version }) => `${name} ${version}`).join(', ')
}

/**
 * The add-on of a group on MPI: made by the compiler wrapper of the MPI that is here, when it is first needed, and
 * kept. There is none to install, for its binary interface differs from one MPI and one system to the next.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import * as fs from 'node:fs'
import { createRequire } from 'node:module'
import * as path from 'node:path'
import { fileURLToPath } from 'node:url'
import { cacheFolder, explaining, makeFolder, ownText } from '../disk.node.ts'
import { InputError } from '../error.ts'

const SOURCE = fileURLToPath(new URL('../../../mpi/mpi.cc', import.meta.url))
/** Its own C++ interface, which MPI gave up in 2012, warns in newer compilers. */
const FLAGS = ['-O3', '-std=c++17', '-shared', '-fPIC', '-fvisibility=hidden', '-Wall', '-Wextra']
const DEFINES = ['-DNAPI_VERSION=8', '-DOMPI_SKIP_MPICXX', '-DMPICH_SKIP_MPICXX']

/** What a program printed, or why it could not be called. */
export interface Said {
  readonly ok: boolean
  readonly text: string
}

export function call(program: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): Said {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8', env, stdio: 'pipe' })
  return error ? { ok: false, text: error.message } : { ok: status === 0, text: `${stdout}${stderr}`.trim() }
}

/** The wrapper's name, which MPICXX may say. */
export function wrapper(): string {
  return process.env.MPICXX || 'mpicxx'
}

/** How to get the wrapper, for the messages that miss it. */
export const INSTALL =
  'install Open MPI (Debian: apt-get install openmpi-bin libopenmpi-dev), or name another in $MPICXX'

const hashOf = (...parts: readonly string[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16)

/**
 * The add-on's file, which is made unless it is there.
 * @param building is called before it is made
 * @throws InputError where there is neither a wrapper nor an add-on that one has made, and with what the compiler said
 */
export function mpiAddon(building: () => void = () => {}): string {
  const folder = cacheFolder('mpi')
  const source = ownText(SOURCE)
  const own = `mpi-${hashOf(source, ...FLAGS, ...DEFINES, process.versions.modules, process.arch)}-`
  const shown = call(wrapper(), ['-show'])
  // Nodes that compute often have the library and no compiler: what another machine made in the same home serves.
  if (!shown.ok) return onlyOne(folder, own)
  const file = path.join(folder, `${own}${hashOf(shown.text, call(wrapper(), ['--version']).text)}.node`)
  if (fs.existsSync(file)) return file
  building()
  explaining(folder, 'cannot be written (set IRNN_CACHE to another folder)', () => build(file))
  return file
}

function onlyOne(folder: string, beginning: string): string {
  const held = fs.existsSync(folder) ? fs.readdirSync(folder) : []
  const [file, ...more] = held.filter((name) => name.startsWith(beginning) && name.endsWith('.node'))
  if (file !== undefined && more.length === 0) return path.join(folder, file)
  throw new InputError(`mpi: expected the compiler wrapper ${wrapper()} of MPI but cannot call it: ${INSTALL}`)
}

/** Ranks of one machine may all make it at once: each has a file of its own until it is whole. */
function build(file: string): void {
  makeFolder(path.dirname(file))
  const making = `${file}.${process.pid}`
  const args = [...FLAGS, ...DEFINES, `-I${headers()}`, SOURCE, '-o', making]
  const { ok, text } = call(wrapper(), args)
  if (!ok) {
    fs.rmSync(making, { force: true })
    throw new InputError(`mpi: ${wrapper()} cannot compile ${path.basename(SOURCE)}: ${firstError(text)}`)
  }
  fs.renameSync(making, file)
}

function firstError(text: string): string {
  const lines = text.split('\n')
  return lines.find((line) => /error/i.test(line)) ?? lines[0] ?? ''
}

/** Where node_api.h is: in a package, or beside Node. @throws InputError where it is not */
function headers(): string {
  try {
    return createRequire(import.meta.url)('node-api-headers').include_dir as string
  } catch {}
  const beside = path.join(path.dirname(process.execPath), '..', 'include', 'node')
  if (fs.existsSync(path.join(beside, 'node_api.h'))) return beside
  throw new InputError('mpi: expected node_api.h beside Node but it is not there: npm install node-api-headers')
}

/**
 * Where native kernels come from: the package that npm installed for this platform, else what a clone has built. An
 * add-on that is damaged, of another version or of other code is passed over, and people are told why.
 */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { VERSION } from '../version.ts'
import { otherThanCode } from './contract.ts'
import type { Addon, FoundAddon, NoAddon } from './native.ts'

/** Those that scripts/platforms.mjs makes a package for. */
export const PLATFORMS: readonly string[] = [
  'linux-x64',
  'linux-arm64',
  'linuxmusl-x64',
  'linuxmusl-arm64',
  'darwin-x64',
  'darwin-arm64',
  'win32-x64',
]
const BUILD_IT = 'build it with "npm run build"'

const nameOf = (platform: string): string => `@irnn/${platform}`
let found: FoundAddon | NoAddon | undefined

/** Looked for once. */
export function findAddon(): FoundAddon | NoAddon {
  found ??= search()
  return found
}

/**
 * The package that Node finds from where this code is: its own, or, where a bundler put this code into a file of the
 * program, the one that is installed. In a bundle in CommonJS `import.meta` is empty.
 */
function ownPackage(): string | undefined {
  try {
    return dirname(createRequire(import.meta.url ?? __filename).resolve('irnn/package.json'))
  } catch {
    return
  }
}

function search(): FoundAddon | NoAddon {
  const root = ownPackage()
  if (root === undefined) return { missing: 'the package irnn is not installed where the program is' }
  const require = createRequire(join(root, 'package.json'))
  const platform = `${process.platform === 'linux' && hasMusl() ? 'linuxmusl' : process.platform}-${process.arch}`
  const packaged = fromPackage(nameOf(platform), require)
  if (packaged && 'addon' in packaged) return packaged
  const built = fromBuild(root, require)
  if (built && 'addon' in built && packaged) return { ...built, from: `${built.from}, for ${packaged.missing}` }
  return packaged ?? built ?? absent(platform, root, require)
}

/** Of a package that npm installed; undefined where it is not there. */
function fromPackage(name: string, require: NodeJS.Require): FoundAddon | NoAddon | undefined {
  const manifest = manifestOf(name, require)
  if (manifest === undefined) return
  const remedy = `run "npm install ${name}@${VERSION}"`
  try {
    const { version, irnn } = JSON.parse(readFileSync(manifest, 'utf8')) as Manifest
    if (version !== VERSION) return { missing: `${name} is version ${String(version)}, not ${VERSION}`, remedy }
    const file = join(dirname(manifest), 'irnn.node')
    // Loading a file that was cut off can end the process.
    const whole = statSync(file).size === irnn.bytes && sha256(file) === irnn.sha256
    if (!whole) return { missing: `${name} is damaged`, remedy }
    const found = loaded(file, name, require)
    return 'addon' in found ? found : { missing: `${name}: ${found.missing}` }
  } catch {
    return { missing: `${name} is damaged`, remedy }
  }
}

/** What the manifest of a platform's package says of itself and its add-on, if it is not damaged. */
interface Manifest {
  readonly version: string
  readonly irnn: { readonly bytes: number; readonly sha256: string }
}

function manifestOf(name: string, { resolve }: NodeJS.Require): string | undefined {
  try {
    return resolve(`${name}/package.json`)
  } catch {
    return // it is not installed
  }
}

const sha256 = (file: string): string => createHash('sha256').update(readFileSync(file)).digest('hex')

/** What a clone has built; undefined where it has not. */
function fromBuild(root: string, require: NodeJS.Require): FoundAddon | NoAddon | undefined {
  const file = join(root, 'build', 'irnn.node')
  if (!existsSync(file)) return
  const found = loaded(file, 'built here', require)
  return 'addon' in found ? found : { ...found, remedy: BUILD_IT }
}

function loaded(file: string, from: string, require: NodeJS.Require): FoundAddon | NoAddon {
  try {
    const addon = require(file) as Addon
    const wrong = otherThanCode(addon.argumentCounts)
    if (wrong !== null) return { missing: wrong }
    if (addon.instructionSets.length === 0) return { missing: 'this processor has none of its instruction sets' }
    return { addon, from }
  } catch (error) {
    return { missing: (error as Error).message.split('\n')[0]! }
  }
}

/** Why there is none, and what to do. */
function absent(platform: string, root: string, require: NodeJS.Require): NoAddon {
  if (existsSync(join(root, 'kernels'))) return { missing: 'it was not built', remedy: BUILD_IT }
  if (!PLATFORMS.includes(platform)) return { missing: `there is none for ${platform}` }
  const name = nameOf(platform)
  const other = PLATFORMS.map(nameOf).find((other) => other !== name && manifestOf(other, require) !== undefined)
  const instead = other === undefined ? '' : `, only ${other}, which is for another system`
  return { missing: `${name} is not installed${instead}`, remedy: `run "npm install ${name}@${VERSION}"` }
}

/** Whether this process runs on musl (Alpine, Void), whose one file is libc and loader, and not on glibc. */
function hasMusl(): boolean {
  try {
    return /\/(ld-musl-.*\.so\.1|libc\.so)$/m.test(readFileSync('/proc/self/maps', 'utf8'))
  } catch {
    return false // there is no /proc
  }
}

// Makes the packages that hold prebuilt native kernels, one for each platform, all on one machine: npm/<platform>/.
//
//   node scripts/platforms.mjs                          all
//   node scripts/platforms.mjs linux-x64 win32-x64      these
//
// The compiler is `zig c++`, clang with headers and libraries of every system, as PyPI's package ziglang carries it. It
// is installed beside the system's temporary files, for which Python 3 must be there, or IRNN_ZIG names the command
// ("zig", "python3 -m ziglang"). Nothing that is up to date is made again (scripts/build.mjs).
// docs/decisions/022-prebuilt-add-ons.md says why.
import { createHash } from 'node:crypto'
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BUILD, hashOf, make, makeAddon, ROOT, run, TARGETS } from './build.mjs'
import { isMain } from './tree.mjs'

export const ZIG_VERSION = '0.17.1'

/** zig's name of each platform, with the oldest system that it runs on. */
export const PLATFORMS = {
  'linux-x64': 'x86_64-linux-gnu.2.17',
  'linux-arm64': 'aarch64-linux-gnu.2.17',
  'linuxmusl-x64': 'x86_64-linux-musl',
  'linuxmusl-arm64': 'aarch64-linux-musl',
  'darwin-x64': 'x86_64-macos.11.0',
  'darwin-arm64': 'aarch64-macos.11.0',
  'win32-x64': 'x86_64-windows-gnu',
}

/**
 * Instruction sets and their flags, as in a clone, and for x64 one more: clang's scheduler loads a broadcast before the
 * register of the one before it is free, so that of the 16 registers of AVX2 and SSE, which a tile of the kernels
 * fills, one is spilled in each step of the innermost loops: they took twice as long.
 */
function targetsOf(platform) {
  const cpu = platform.split('-')[1]
  const more = cpu === 'x64' ? ['-mllvm', '-enable-misched=0'] : []
  return Object.fromEntries(Object.entries(TARGETS[cpu]).map(([set, flags]) => [set, [...flags, ...more]]))
}

/** What is installed to build and to check. Outside the tree, which linters walk. */
export const TOOLS = join(tmpdir(), `irnn-tools-${process.getuid?.() ?? ''}`)
/** Where the packages are made. */
export const NPM = join(ROOT, 'npm')
export const MANIFEST = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))

export const packageName = (platform) => `@irnn/${platform}`

/** What npm asks of a machine before it installs the package of a platform. */
function machine(platform) {
  const [system, cpu] = platform.split('-')
  if (system === 'linux') return { os: ['linux'], cpu: [cpu], libc: ['glibc'] }
  if (system === 'linuxmusl') return { os: ['linux'], cpu: [cpu], libc: ['musl'] }
  return { os: [system], cpu: [cpu] }
}

/** There is no compiler, and none to be had: exit code 3. */
class NoZig extends Error {}

/** zig's command; installs it if it is not there. */
async function zig() {
  if (process.env.IRNN_ZIG) return process.env.IRNN_ZIG.split(' ')
  const python = join(TOOLS, 'zig', 'bin', 'python')
  const command = [python, '-m', 'ziglang']
  const has = await run(python, ['-m', 'ziglang', 'version'])
  if (has.ok && has.output.trim() === ZIG_VERSION) return command
  const steps = [
    ['python3', '-m', 'venv', join(TOOLS, 'zig')],
    [python, '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', `ziglang==${ZIG_VERSION}`],
  ]
  for (const [program, ...args] of steps) {
    const { ok, output } = await run(program, args)
    if (!ok) throw new NoZig(`zig: "${[program, ...args].join(' ')}" failed: ${output.trim()}: or name zig in IRNN_ZIG`)
  }
  return command
}

/** The import library by which an add-on for Windows finds Node-API in node.exe; its path. */
async function importLibrary(command) {
  const { def_paths } = createRequire(import.meta.url)('node-api-headers')
  const texts = Object.values(def_paths).map((file) => readFileSync(file, 'utf8'))
  const names = texts.flatMap((text) => text.split(/\r?\n/).slice(2)).filter((name) => name !== '')
  const definition = `NAME NODE.EXE\nEXPORTS\n${names.join('\n')}\n`
  const file = join('objects', 'win32-x64', 'node.lib')
  await make(file, hashOf([ZIG_VERSION, definition]), async (made) => {
    writeFileSync(`${made}.def`, definition)
    const [program, ...first] = command
    const { ok, output } = await run(program, [
      ...first,
      'dlltool',
      '-m',
      'i386:x86-64',
      '-d',
      `${made}.def`,
      '-l',
      made,
    ])
    if (!ok) throw new Error(output)
  })
  return join(BUILD, file)
}

/** Whatever it has of Node comes from the process that loads it; of the C++ library it needs nothing. */
async function linkFlags(platform, command) {
  const common = ['-shared', '-s', '-nostdlib++']
  if (platform.startsWith('darwin')) return [...common, '-undefined', 'dynamic_lookup', '-install_name', 'irnn.node']
  if (platform.startsWith('win32')) return [...common, await importLibrary(command)]
  return [...common, '-pthread', '-Wl,-z,relro,-z,now']
}

/** Makes npm/<platform>/: the add-on, and a manifest that says what it must be. */
async function platformPackage(platform, command, version) {
  const file = join('platforms', `${platform}.node`)
  await makeAddon(file, {
    command: [...command, 'c++', '-target', PLATFORMS[platform]],
    version: `${version} ${PLATFORMS[platform]}`,
    targets: targetsOf(platform),
    link: await linkFlags(platform, command),
    objects: join('objects', platform),
  })
  const folder = join(NPM, platform)
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  copyFileSync(join(BUILD, file), join(folder, 'irnn.node'))
  copyFileSync(join(ROOT, 'LICENSE'), join(folder, 'LICENSE'))
  writeFileSync(
    join(folder, 'README.md'),
    `# ${packageName(platform)}\n\nNative kernels of irnn. Install irnn: this comes along.\n`,
  )
  const addon = readFileSync(join(folder, 'irnn.node'))
  const manifest = {
    name: packageName(platform),
    version: MANIFEST.version,
    description: `Native kernels of irnn for ${platform}`,
    license: MANIFEST.license,
    ...machine(platform),
    main: 'irnn.node',
    files: ['irnn.node'],
    preferUnplugged: true,
    irnn: { bytes: addon.length, sha256: createHash('sha256').update(addon).digest('hex') },
  }
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
  return addon.length
}

async function main(names) {
  const wrong = names.find((name) => !(name in PLATFORMS))
  if (wrong !== undefined) {
    throw new Error(`argument: expected some of ${Object.keys(PLATFORMS).join(', ')} but received ${wrong}`)
  }
  const command = await zig()
  const version = await run(command[0], [...command.slice(1), 'version'])
  if (!version.ok) throw new Error(`zig: expected ${command.join(' ')} to run but ${version.output.trim()}`)
  for (const platform of names.length > 0 ? names : Object.keys(PLATFORMS)) {
    const start = performance.now()
    const bytes = await platformPackage(platform, command, version.output.trim())
    const seconds = ((performance.now() - start) / 1000).toFixed(0)
    console.log(`irnn: npm/${platform}: ${(bytes / 1e6).toFixed(2)} MB, ${seconds} s`)
  }
}

if (isMain(import.meta.url)) {
  main(process.argv.slice(2)).catch((error) => {
    console.error(`irnn: platforms: ${error.message}`)
    process.exitCode = error instanceof NoZig ? 3 : 1
  })
}

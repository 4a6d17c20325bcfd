/** The package as a stranger gets it: packed by npm, unpacked into an empty project, and its dependencies beside it. */
import { execFile, execFileSync, spawn } from 'node:child_process'
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

export function pack(): Packed {
  const script = path.join(ROOT, 'scripts', 'pack.mjs')
  const said = execFileSync(process.execPath, [script, 'main', temporary], { encoding: 'utf8' })
  const { filename, files, size, unpackedSize } = JSON.parse(said)
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
  const types = path.join(temporary, 'stage', 'dist', 'types')
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

/** The package of the pages, beside it. */
export function packWeb({ project }: Packed): { readonly size: number } {
  const script = path.join(ROOT, 'scripts', 'pack.mjs')
  const { filename, size } = JSON.parse(
    execFileSync(process.execPath, [script, 'web', temporary], { encoding: 'utf8' }),
  )
  const modules = path.join(project, 'node_modules')
  execFileSync('tar', ['-xzf', path.join(temporary, filename), '-C', modules])
  fs.renameSync(path.join(modules, 'package'), path.join(modules, 'irnn-web'))
  return { size }
}

/** Runs Node in the project until it has printed a line, asks the address in it for its page, and stops it. */
export async function asked({ project }: Packed, ...args: string[]): Promise<Ended> {
  const child = spawn(process.execPath, args, { cwd: project, stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = new Promise<number>((resolve) => child.on('close', (code) => resolve(code ?? 1)))
  const out = await new Promise<string>((resolve) => child.stdout.once('data', (data) => resolve(String(data))))
  const { status } = await fetch(out.trim())
  child.kill('SIGTERM')
  return { code: status === 200 ? await ended : status, out, err: '' }
}

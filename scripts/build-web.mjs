// Builds page/, the dashboard and the playground, into dist/web/: two pages and what they load, and manifest.json,
// which says of every file its type, its bytes and its SHA-256. A server gives out what stands there and nothing else.
// Nothing is made again while its sources are the same.
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, extname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const PAGE = join(ROOT, 'page')
export const WEB = join(ROOT, 'dist', 'web')
export const MANIFEST = 'manifest.json'
/** Of which the pages are made. */
const SOURCES = ['page', 'src', 'kernels', 'experiments/paper-curves.csv', 'scripts/build-web.mjs', 'package-lock.json']
export const VIEWS = ['dashboard', 'play']
const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.bin': 'application/octet-stream',
  '.safetensors': 'application/octet-stream',
}

function filesOf(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .sort()
}

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex')

/** A word that changes whenever a source does. */
function stampOf() {
  const hash = createHash('sha256')
  for (const source of SOURCES) {
    const path = join(ROOT, source)
    const files = extname(source) === '' ? filesOf(path).map((name) => join(path, name)) : [path]
    for (const file of files)
      hash
        .update(`${relative(ROOT, file)}\0`)
        .update(readFileSync(file))
        .update('\0')
  }
  return hash.digest('hex')
}

function manifest() {
  const files = filesOf(WEB)
    .filter((name) => name !== MANIFEST)
    .map((name) => {
      const type = TYPES[extname(name)]
      if (type === undefined) throw new Error(`${name}: expected a type of scripts/build-web.mjs for its ending`)
      const bytes = readFileSync(join(WEB, name))
      return { name, type, bytes: bytes.length, sha256: sha256(bytes) }
    })
  return files
}

/** `virtual:paper-curves`: { "figure,cell": [iteration, value, …] } out of the table that experiments read. */
function paperCurves() {
  const name = 'virtual:paper-curves'
  return {
    name,
    resolveId: (id) => (id === name ? `\0${name}` : null),
    load(id) {
      if (id !== `\0${name}`) return null
      const [, ...lines] = readFileSync(join(ROOT, 'experiments', 'paper-curves.csv'), 'utf8')
        .trimEnd()
        .split(/\r?\n/)
      const curves = {}
      for (const line of lines) {
        const [figure, cell, iteration, value] = line.split(',')
        const curve = `${figure},${cell}`
        curves[curve] ??= []
        curves[curve].push(Number(iteration), Number(value))
      }
      return `export default ${JSON.stringify(curves)}`
    },
  }
}

/** @param run runs a program, as that of build.mjs. @throws Error with what TypeScript or vite says */
export async function web(run) {
  const stamp = stampOf()
  const said = join(WEB, MANIFEST)
  if (existsSync(said) && JSON.parse(readFileSync(said, 'utf8')).stamp === stamp) return
  rmSync(WEB, { recursive: true, force: true })
  const { build } = await import('vite')
  const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript-7/package.json')), 'bin', 'tsc')
  const checked = run(process.execPath, [tsc, '-p', PAGE])
  await build({
    configFile: false,
    root: PAGE,
    base: './', // addresses within the pages are relative: they may lie in any folder of any server
    logLevel: 'warn',
    plugins: [paperCurves()],
    build: {
      outDir: WEB,
      emptyOutDir: true,
      target: 'es2022',
      cssTarget: 'chrome123', // light-dark() stays as it is
      assetsInlineLimit: 0, // no data: addresses, which the policy of the server forbids scripts and styles
      modulePreload: { polyfill: false },
      rollupOptions: {
        checks: { pluginTimings: false },
        input: Object.fromEntries(VIEWS.map((view) => [view, join(PAGE, view, 'index.html')])),
      },
    },
    worker: { format: 'es' },
  })
  const { ok, output } = await checked
  if (!ok) throw new Error(`page: ${output.trim()}`)
  writeFileSync(said, `${JSON.stringify({ stamp, files: manifest() }, null, 1)}\n`)
}

// Makes what only the package needs, after the build: dist/types/, which holds the public types alone, rolled up into
// one file an entry and one that they share; and dist/page/, the entries that a page can load, each in a file that
// names no package, for pages without a bundler, and imports the rest from dist/src/. When npm packs or publishes, it
// also takes the addresses of source maps out of dist/, because neither the maps nor the sources are in the package.
// "npm ci" and "npm pack" run it. An argument names another root.
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join, relative, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { rollup } from 'rollup'
import { dts } from 'rollup-plugin-dts'

const ROOT = process.argv[2] ?? fileURLToPath(new URL('..', import.meta.url))

/** Names of the entries: index for `irnn`, and one for each `irnn/name`. */
function entries() {
  const { exports } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  return Object.values(exports).flatMap(({ types }) => (types ? [basename(types, '.d.ts')] : []))
}

/** What the build declares for each of the entries' names and all that these mention, without what is internal. */
async function types() {
  const to = join(ROOT, 'dist', 'types')
  rmSync(to, { recursive: true, force: true })
  const input = Object.fromEntries(entries().map((name) => [name, join(ROOT, 'dist', 'src', `${name}.d.ts`)]))
  const bundle = await rollup({ input, plugins: [dts()], external: (id) => !/^[./]/.test(id) })
  const { output } = await bundle.write({
    dir: to,
    chunkFileNames: '[name].d.ts',
    minifyInternalExports: false,
    banner: ({ isEntry, facadeModuleId }) => (isEntry ? header(facadeModuleId) : '') + DISPOSABLE,
    manualChunks: (id, { getModuleInfo }) => {
      const users = Object.values(input).filter((entry) => reach(entry, getModuleInfo).has(id))
      return users.length > 1 ? 'shared' : null
    },
  })
  for (const { fileName, imports } of output) {
    const others = imports.filter((name) => !output.some((chunk) => chunk.fileName === name))
    if (others.length > 0) throw new Error(`${fileName}: expected no types of other packages but it has ${others}`)
  }
}

/** Declares `Disposable` and `Symbol.dispose`, which a program's own `lib` need not have. */
const DISPOSABLE = '/// <reference lib="esnext.disposable" />\n'

/** The comment that an entry begins with, marked as one of all the file. */
function header(file) {
  const [comment] = /^\/\*\*.*?\*\//s.exec(readFileSync(file, 'utf8'))
  return comment.replace(/\s*\*\/$/, ' @packageDocumentation */\n')
}

/** The modules that an entry imports, directly or not, and itself. */
function reach(entry, getModuleInfo) {
  const reached = new Set([entry]) // grows while it is walked
  for (const id of reached) for (const next of getModuleInfo(id)?.importedIds ?? []) reached.add(next)
  return reached
}

/**
 * A page without a bundler does not know `#platform` or packages. The modules that name one, and those that import such
 * modules, are bundled; all others stay where they are, in dist/src/, and so do the kernels, in build/.
 */
async function page() {
  const to = join(ROOT, 'dist', 'page')
  const options = {
    absWorkingDir: ROOT,
    nodePaths: [fileURLToPath(new URL('../node_modules', import.meta.url))], // also for another root
    entryPoints: { irnn: 'dist/src/index.js', speech: 'dist/src/speech.js' },
    outdir: to,
    bundle: true,
    splitting: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    logLevel: 'warning',
  }
  const kernels = { name: 'kernels', setup: (build) => build.onResolve({ filter: /\/build\/irnn-/ }, outside) }
  const { metafile } = await build({ ...options, plugins: [kernels], metafile: true, write: false })
  const bundled = needsBundling(metafile.inputs)
  const shared = (args) => (bundled.has(relative(ROOT, resolve(args.resolveDir, args.path))) ? null : outside(args))
  const others = { name: 'others', setup: (build) => build.onResolve({ filter: /^\..*\.js$/ }, shared) }
  await build({ ...options, plugins: [others] })
}

/** A module that a page imports from where it is. */
function outside({ path, resolveDir, kind, importer }) {
  if (kind === 'entry-point' || importer.includes('node_modules')) return null
  const from = join(ROOT, 'dist', 'page')
  return { path: relative(from, resolve(resolveDir, path)).split(sep).join('/'), external: true }
}

/** The inputs, as esbuild names them, that name `#platform` or a package, or import one that does. */
function needsBundling(inputs) {
  const found = new Set()
  const names = ({ original, path }) => !/^\./.test(original) || found.has(path)
  let before
  do {
    before = found.size
    for (const [path, { imports }] of Object.entries(inputs)) if (imports.some(names)) found.add(path)
  } while (found.size > before)
  return found
}

const ADDRESS = /^\/\/# sourceMappingURL=.*\n?/m

function dropMaps() {
  for (const entry of readdirSync(join(ROOT, 'dist'), { recursive: true, withFileTypes: true })) {
    if (!entry.name.endsWith('.js')) continue
    const file = join(entry.parentPath, entry.name)
    writeFileSync(file, readFileSync(file, 'utf8').replace(ADDRESS, ''))
  }
}

await types()
await page()
if (['pack', 'publish'].includes(process.env.npm_command)) dropMaps()

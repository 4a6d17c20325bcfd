// Packs irnn as others get it, and the packages of its platforms.
//
//   node scripts/pack.mjs              all, into npm/packed/, with integrity.json: what npm will ask of each tarball
//   node scripts/pack.mjs main DIR     irnn alone, into DIR
//   node scripts/pack.mjs web DIR      irnn-web alone, into DIR: the pages of page/ and their server
//
// package.json in the repository names no packages of platforms: "npm ci" of a clone would look for what is not
// published yet. The packed one does, each at its own version. It has no scripts, so that installing runs none.
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative, resolve, sep } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { gzipAsync } from '@gfx/zopfli'
import { build, transform } from 'esbuild'
import { ROOT, run } from './build.mjs'
import { MANIFEST, NPM, PLATFORMS, packageName } from './platforms.mjs'

const PACKED = join(NPM, 'packed')
/** Which irnn asks for, so that installing it brings the pages; who wants none leaves optional packages out. */
const WEB = 'irnn-web'
const PARTS = ['dist', 'build', 'mpi', 'LICENSE']
/** What irnn-web has instead of irnn. */
const PAGES = 'web|src/dashboard|src/figures/(wire|curves)\\.js'
const LEFT = new RegExp(
  [
    `^dist/(test|bench|types|page|experiments|corpora|${PAGES})$`,
    '^build/(?!irnn-).*$',
    '\\.(map|d\\.ts|sha256|wasm)$',
  ].join('|'),
)

/** Of what a page can import. */
const PAGE_ENTRIES = ['index', 'speech']
/** Commands of a clone alone, which look for what is not in the package. */
const CLONE = ['cli/reproduce', 'cli/data', 'experiments/paper', 'src/dashboard/pages'].map((name) =>
  join(ROOT, 'dist', `${name}.js`),
)

/** Copies the package to where it is packed: what is done to it there, a clone must not see. */
async function stage(to) {
  for (const part of PARTS) {
    const filter = (from) => !LEFT.test(relative(ROOT, from).split(sep).join('/')) || /\bsrc\b.*\.d\.ts$/.test(from)
    cpSync(join(ROOT, part), join(to, part), { recursive: true, filter })
  }
  cpSync(join(ROOT, 'docs', 'package.md'), join(to, 'README.md'))
  const { scripts: _, devDependencies: __, ...manifest } = MANIFEST
  const optional = [...Object.keys(PLATFORMS).map(packageName), WEB]
  manifest.optionalDependencies = Object.fromEntries(optional.map((name) => [name, MANIFEST.version]))
  writeFileSync(join(to, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
  await must(process.execPath, join(ROOT, 'scripts', 'package.mjs'), to)
  await bundle(join(to, 'dist'))
  await minify(join(to, 'dist', 'src'))
}

/**
 * Puts what only Node loads, the command and the entries that a page has no use for, into few files: 25 kB less. What a
 * page can import stays as it is, and so does what finds other files by its own place.
 */
async function bundle(dist) {
  const from = join(ROOT, 'dist')
  const placed = readdirSync(join(from, 'src'), { recursive: true })
    .filter((name) => name.endsWith('.js') && readFileSync(join(from, 'src', name), 'utf8').includes('import.meta'))
    .map((name) => join(from, 'src', name))
  const all = { bundle: true, format: 'esm', platform: 'node', packages: 'external', outdir: dist, outbase: from }
  const pages = PAGE_ENTRIES.map((name) => join(from, 'src', `${name}.js`))
  const shared = new Set()
  for (const more of [{ entryPoints: [...pages, ...placed] }, { entryPoints: pages, platform: 'browser' }]) {
    const { metafile } = await build({ ...all, ...more, metafile: true, write: false })
    for (const name of Object.keys(metafile.inputs)) shared.add(resolve(name))
  }
  const outside = {
    name: 'outside',
    setup(made) {
      made.onResolve({ filter: /^\./ }, ({ path, resolveDir }) => {
        const file = join(resolveDir, path)
        if (!shared.has(file) && !CLONE.includes(file)) return undefined
        // Every bundle lies one folder below dist/.
        return { path: `../${relative(from, file).split(sep).join('/')}`, external: true }
      })
      made.onLoad({ filter: /\bcli[\\/]main\.js$/ }, ({ path }) => ({ contents: atOnce(readFileSync(path, 'utf8')) }))
    },
  }
  for (const folder of ['cli', 'src']) {
    for (const name of readdirSync(join(dist, folder), { recursive: true })) {
      if (name.endsWith('.js') && !shared.has(join(from, folder, name))) rmSync(join(dist, folder, name))
    }
  }
  const entries = Object.keys(MANIFEST.exports).map((name) => name.slice(2) || 'index')
  const ours = entries.filter((name) => !PAGE_ENTRIES.includes(name) && name !== 'package.json')
  await build({
    ...all,
    entryPoints: [join(from, 'cli', 'main.js'), ...ours.map((name) => join(from, 'src', `${name}.js`))],
    chunkNames: 'src/[name]-[hash]',
    splitting: true,
    minify: true,
    target: 'node20',
    legalComments: 'none',
    plugins: [outside],
  })
}

/** A module that loads others as it begins, not when it needs them: a file for each command is 9 kB more in all. */
function atOnce(code) {
  const imports = []
  const changed = code.replaceAll(/\bimport\(('.+?')\)/g, (_, file) => {
    imports.push(`import * as late${imports.length} from ${file}`)
    return `late${imports.length - 1}`
  })
  return [changed, ...imports].join('\n')
}

/** The package of the pages: they, and their server with all that it imports in one file. */
async function stageWeb(to) {
  cpSync(join(ROOT, 'dist', 'web'), join(to, 'web'), { recursive: true })
  cpSync(join(ROOT, 'LICENSE'), join(to, 'LICENSE'))
  const { version, license, engines } = MANIFEST
  const description = 'The pages of irnn: the dashboard of "npx irnn dashboard" and the playground'
  const manifest = { name: WEB, version, description, license, type: 'module', engines, files: ['web', 'server.js'] }
  writeFileSync(join(to, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
  writeFileSync(
    join(to, 'README.md'),
    `# ${WEB}\n\n${description}. Installed with irnn; it has no interface of its own.\n`,
  )
  await build({
    entryPoints: [join(ROOT, 'dist', 'src', 'dashboard', 'pages.js')],
    outfile: join(to, 'server.js'),
    bundle: true,
    minify: true,
    keepNames: true, // an error is known by its name
    format: 'esm',
    platform: 'node',
    target: 'node20',
    legalComments: 'none',
  })
}

/** Declarations have the comments that editors show, and the code to read lies in the repository. */
async function minify(folder) {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.name.endsWith('.js')) continue
    const file = join(entry.parentPath, entry.name)
    writeFileSync(file, await minified(readFileSync(file, 'utf8')))
  }
}

/**
 * A module in fewer bytes. Its functions and classes keep their names, which stack traces show: esbuild keeps those of
 * what is exported, so that until it is done all are.
 */
async function minified(code) {
  const own = /^(?=(?:async )?function\b|class\b)/gm
  const kept = new Set()
  for (const [, name] of code.matchAll(/^(?:(?:async )?function\*?|class) (\w+)/gm)) kept.add(name)
  const options = { minify: true, target: 'esnext', legalComments: 'none' }
  const made = await transform(code.replace(own, 'export '), options)
  const exported = /\bexport ((?:(?:async )?function\b\*? ?|class )(\w+))/g
  return made.code.replace(exported, (all, declared, name) => (kept.has(name) ? declared : all))
}

async function must(program, ...args) {
  const { ok, output } = await run(program, args)
  if (!ok) throw new Error(`${program}: ${output.trim()}`)
  return output
}

/** What npm says of the tarball that it makes of a folder: its name, size, files. */
async function pack(folder, to) {
  const shell = process.platform === 'win32' ? '.cmd' : ''
  const said = await must(
    `npm${shell}`,
    'pack',
    folder,
    '--ignore-scripts',
    '--json',
    '--silent',
    '--pack-destination',
    to,
  )
  const report = JSON.parse(said)
  const packed = Array.isArray(report) ? report[0] : Object.values(report)[0]
  return { ...packed, size: await packTighter(join(to, packed.filename)) }
}

/** Zopfli's gzip is three percent smaller than npm's. Returns its bytes. */
async function packTighter(file) {
  const packed = await gzipAsync(gunzipSync(readFileSync(file)), { numiterations: 1 })
  writeFileSync(file, packed)
  return packed.length
}

async function packMain(to) {
  const folder = join(to, 'stage')
  rmSync(folder, { recursive: true, force: true })
  await stage(folder)
  return pack(folder, to)
}

async function packWeb(to) {
  const folder = join(to, 'stage-web')
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  await stageWeb(folder)
  return pack(folder, to)
}

async function packAll() {
  const missing = Object.keys(PLATFORMS).filter((platform) => !existsSync(join(NPM, platform, 'package.json')))
  if (missing.length > 0) throw new Error(`npm/: expected ${missing.join(', ')}: "npm run build:platforms" makes them`)
  rmSync(PACKED, { recursive: true, force: true })
  mkdirSync(PACKED, { recursive: true })
  const packed = [await packMain(PACKED), await packWeb(PACKED)]
  for (const platform of Object.keys(PLATFORMS)) packed.push(await pack(join(NPM, platform), PACKED))
  const integrity = {}
  for (const { filename, size, unpackedSize } of packed) {
    const digest = createHash('sha512')
      .update(readFileSync(join(PACKED, filename)))
      .digest('base64')
    integrity[filename] = `sha512-${digest}`
    const bytes = `${Math.ceil(size / 1000)} kB packed, ${Math.ceil(unpackedSize / 1000)} unpacked`
    console.log(`irnn: npm/packed/${filename}: ${bytes}, ${integrity[filename]}`)
  }
  for (const folder of ['stage', 'stage-web']) rmSync(join(PACKED, folder), { recursive: true })
  writeFileSync(join(PACKED, 'integrity.json'), `${JSON.stringify(integrity, null, 2)}\n`)
}

const [what, to, ...more] = process.argv.slice(2)
try {
  if (what === undefined) await packAll()
  else if (what === 'main' && to !== undefined && more.length === 0) console.log(JSON.stringify(await packMain(to)))
  else if (what === 'web' && to !== undefined && more.length === 0) console.log(JSON.stringify(await packWeb(to)))
  else
    throw new Error(
      `argument: expected none, or main or web and a folder, but received ${process.argv.slice(2).join(' ')}`,
    )
} catch (error) {
  console.error(`irnn: pack: ${error.message}`)
  process.exitCode = 1
}

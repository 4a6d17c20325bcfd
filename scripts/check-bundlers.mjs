// Every bundler, as a stranger uses it: the package is packed and installed into an empty folder, each bundler builds
// examples/page/, and Chromium opens what came out, with threads and without. The page trains in a worker; its test
// error must be that of Node's WebAssembly to the last digit. Prints a table; fails if a line of it does.
//
//   node scripts/check-bundlers.mjs                  all of them, five minutes
//   node scripts/check-bundlers.mjs esbuild vite8    these
//   node scripts/check-bundlers.mjs --quick          a few, in half a minute; one line where there is no Chromium
//
// examples/audio/ and examples/edge/ are checked likewise. Chromium is $CHROMIUM, or what `chromium` starts. Needs
// npm's registry, and a build of the project.
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { gzipSync } from 'node:zlib'
import { hear, refusal } from './inPage.mjs'
import { wrongAnswers } from './inWorkerd.mjs'
import { inTime, wrongWith } from './pageSays.mjs'
import { ISOLATED, serve } from './serve.mjs'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** Runs a command in a folder. @throws Error with all that it said */
function run(cwd, command, ...args) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8', env: ENV })
  if (status !== 0) throw new Error(error?.message ?? `${command} ${args.join(' ')}: ${stdout}${stderr}`)
  return stdout
}
const ENV = { ...process.env, NODE_ENV: 'production', NEXT_TELEMETRY_DISABLED: '1' }

/** A bundler's command, with the page and the worker as its entries. */
const twoEntries =
  (bundler, ...args) =>
  (dir) => {
    run(dir, join(dir, 'node_modules/.bin', bundler), 'main.js', 'worker.js', ...args)
    cpSync(join(dir, 'index.html'), join(dir, 'dist/index.html'))
    return serve(join(dir, 'dist'))
  }

/** The JavaScript interface of a bundler that is installed in a folder. */
const load = (dir, name) => import(pathToFileURL(createRequire(join(dir, 'x.js')).resolve(name)).href)

async function viteDev(dir) {
  const { createServer } = await load(dir, 'vite')
  const open = async (headers) => {
    const server = await createServer({ root: dir, logLevel: 'error', server: { port: 0, headers } })
    await server.listen()
    return { url: server.resolvedUrls.local[0], stop: () => server.close() }
  }
  return { open }
}

/** Of vite 7, whose workers are else scripts that can import nothing. */
function vite7Build(dir) {
  writeFileSync(join(dir, 'vite.config.js'), `export default { worker: { format: 'es' } }`)
  return viteBuild(dir)
}

function viteBuild(dir) {
  run(dir, join(dir, 'node_modules/.bin/vite'), 'build', '--logLevel', 'error')
  return serve(join(dir, 'dist'))
}

function webpack(dir) {
  run(dir, join(dir, 'node_modules/.bin/webpack'), './main.js', '-o', 'dist', '--mode', 'production')
  cpSync(join(dir, 'index.html'), join(dir, 'dist/index.html'))
  return serve(join(dir, 'dist'))
}

/** The same page as a component of React. */
function next(dir) {
  mkdirSync(join(dir, 'app'))
  const page = readFileSync(join(dir, 'main.js'), 'utf8').replaceAll('./worker.js', '../worker.js')
  writeFileSync(
    join(dir, 'app/page.js'),
    `'use client'\nimport { useEffect } from 'react'\nexport default function Page() {
      useEffect(() => { ${page} }, [])\n return <pre id="said" /> }`,
  )
  writeFileSync(
    join(dir, 'app/layout.js'),
    'export default function Layout({ children }) { return <html lang="en"><body>{children}</body></html> }',
  )
  writeFileSync(join(dir, 'next.config.mjs'), `export default { output: 'export' }`)
  run(dir, join(dir, 'node_modules/.bin/next'), 'build')
  return serve(join(dir, 'out'))
}

/** No bundler: the package is served, and imported by its address. */
function plain(dir) {
  const file = join(dir, 'training.js')
  const text = readFileSync(file, 'utf8').replace(`from 'irnn'`, `from './node_modules/irnn/dist/page/irnn.js'`)
  writeFileSync(file, text)
  return serve(dir)
}

const RESOLVE = '@rollup/plugin-node-resolve'
/** What is installed, and how a folder with examples/page/ becomes something to open. */
const BUNDLERS = {
  plain: { packages: [], build: plain },
  esbuild: {
    packages: ['esbuild'],
    build: twoEntries('esbuild', '--bundle', '--splitting', '--format=esm', '--minify', '--outdir=dist'),
  },
  rollup: {
    packages: ['rollup', RESOLVE],
    build: twoEntries('rollup', '-p', `${RESOLVE}={browser:true}`, '-d', 'dist', '--silent'),
  },
  rolldown: { packages: ['rolldown'], build: twoEntries('rolldown', '--platform', 'browser', '-d', 'dist') },
  webpack5: { packages: ['webpack@5', 'webpack-cli'], build: webpack },
  'vite8 dev': { packages: ['vite@8'], build: viteDev },
  vite8: { packages: ['vite@8'], build: viteBuild },
  'vite7 dev': { packages: ['vite@7'], build: viteDev },
  vite7: { packages: ['vite@7'], build: vite7Build },
  audio: { packages: ['esbuild'], check: wrongAudio },
  edge: { packages: ['esbuild', 'workerd'], check: wrongEdge },
  'not wasm': { packages: [], check: wrongRefusals },
  next: { packages: ['next', 'react', 'react-dom'], build: next },
}

/** The package as others get it: the path of its tarball. */
function packed(temporary) {
  const { filename } = JSON.parse(run(ROOT, process.execPath, join(ROOT, 'scripts/pack.mjs'), 'main', temporary))
  return join(temporary, filename)
}

/** A folder with examples/page/ and these packages installed. */
function folderWith(packages, name, { temporary, tarball }) {
  const dir = join(temporary, name.replaceAll(' ', '-'))
  cpSync(join(ROOT, 'examples/page'), dir, { recursive: true })
  writeFileSync(join(dir, 'package.json'), JSON.stringify({ name: 'page', private: true, type: 'module' }))
  run(dir, 'npm', 'install', '--no-audit', '--no-fund', '--loglevel=error', tarball, ...packages)
  return dir
}

/** What npm has installed of these packages, each with its version. */
function versions(dir, packages) {
  const names = packages.map((name) => name.replace(/(?<=.)@.*/, ''))
  const version = (name) => JSON.parse(readFileSync(join(dir, 'node_modules', name, 'package.json'), 'utf8')).version
  return names.map((name) => `${name} ${version(name)}`)
}

/** Bytes of the scripts in a folder, and gzipped; of the kernels only those that a page loads. */
function weight(dir) {
  const files = readdirSync(dir, { recursive: true }).filter((name) => /\.js$/.test(name) && !/simd128/.test(name))
  const all = files.map((name) => readFileSync(join(dir, name)))
  const sum = (sizes) => `${(sizes.reduce((a, b) => a + b, 0) / 1000).toFixed(0)} kB`
  return `${sum(all.map(({ length }) => length))}, gzip ${sum(all.map((data) => gzipSync(data, { level: 9 }).length))}`
}

/** examples/audio/: what the audio thread makes of a tone must be what the main thread does. Returns what is wrong. */
async function wrongAudio(browser, dir) {
  cpSync(join(ROOT, 'examples/audio'), dir, { recursive: true })
  const entries = ['main.js', 'graph.js', 'processor.js']
  const options = ['--bundle', '--splitting', '--format=esm', '--minify', '--outdir=dist']
  run(dir, join(dir, 'node_modules/.bin/esbuild'), ...entries, ...options)
  cpSync(join(dir, 'index.html'), join(dir, 'dist/index.html'))
  const { url, stop } = await serve(join(dir, 'dist')).open(ISOLATED)
  const page = await browser.newPage()
  try {
    await page.goto(url)
    const { others, sounding, description } = await inTime(page.evaluate(hear))
    if (others > 0 || !sounding) return `${others} of 4410 samples differ from those of the main thread`
    return /^wasm, .*, 1 thread$/.test(description) ? '' : description
  } finally {
    await page.close()
    await stop()
  }
}

/** examples/edge/: what an edge worker answers must be what Node does. Returns what is wrong. */
async function wrongEdge(_, dir) {
  cpSync(join(ROOT, 'examples/edge'), dir, { recursive: true })
  run(dir, process.execPath, 'make.js')
  const outside = ['*.wasm', '*.safetensors', '*/irnn-simd128.js', '*/irnn-relaxed-simd.js']
  const flags = [
    '--bundle',
    '--format=esm',
    '--minify',
    '--outdir=dist',
    ...outside.map((name) => `--external:${name}`),
  ]
  run(dir, join(dir, 'node_modules/.bin/esbuild'), 'worker.js', ...flags)
  return inTime(wrongAnswers(dir))
}

/** What createBackend says of kernels that are none, in a page: [what is given, what it says]. */
const REFUSED = [
  ['./nowhere.wasm', /^InputError: wasm: expected a file at ".\/nowhere.wasm" but the server answered 404: /],
  ['./index.html', /^InputError: wasm: expected a file of WebAssembly but ".\/index.html" is a page of HTML/],
  ['./main.js', /^InputError: wasm: expected a file of WebAssembly but ".\/main.js" begins with "/],
  ['http://127.0.0.1:9/x', /^InputError: wasm: expected a file at "http:.*" but Failed to fetch: is it/],
]

/** Returns what is wrong. */
async function wrongRefusals(browser, dir) {
  const { url, stop } = await plain(dir).open({})
  const page = await browser.newPage()
  try {
    await page.goto(url)
    for (const [wasm, expected] of REFUSED) {
      const said = await page.evaluate(refusal, wasm)
      if (!expected.test(said)) return `${wasm}: expected ${expected} but it says ${said}`
    }
    return ''
  } finally {
    await page.close()
    await stop()
  }
}

/** What Node says at the end of the same training. */
function inNode(dir) {
  const text = `import { training } from './training.js'; await training(console.log, { name: 'wasm' })`
  return run(dir, process.execPath, '--input-type=module', '-e', text).trim().split('\n').at(-1)
}

/** What shows the most in the least time. */
const QUICK = ['plain', 'esbuild', 'vite8 dev', 'audio', 'edge']

async function main(args) {
  const quick = args[0] === '--quick' && args.length === 1
  const names = quick ? QUICK : args
  for (const name of names)
    if (!(name in BUNDLERS)) throw new Error(`expected ${Object.keys(BUNDLERS).join(', ')} but received ${name}`)
  const executablePath =
    process.env.CHROMIUM || (spawnSync('which', ['chromium'], { encoding: 'utf8' }).stdout ?? '').trim()
  if (executablePath === '') {
    if (!quick) throw new Error('there is no chromium (Debian: chromium): install it, or name one in $CHROMIUM')
    return console.log('irnn: bundlers: not checked: there is no chromium')
  }
  const temporary = mkdtempSync(join(tmpdir(), 'irnn-bundlers-'))
  let browser
  try {
    const at = { temporary, tarball: packed(temporary) }
    const base = folderWith(['playwright-core'], 'node', at)
    const expected = inNode(base)
    console.log(`Node: ${expected}`)
    const { default: playwright } = await load(base, 'playwright-core')
    browser = await playwright.chromium.launch({ executablePath, args: ['--no-sandbox'] })
    for (const name of names.length > 0 ? names : Object.keys(BUNDLERS)) {
      const start = performance.now()
      let wrong
      let size = ''
      try {
        const { packages, build, check } = BUNDLERS[name]
        const dir = folderWith(packages, name, at)
        wrong = check ? await check(browser, dir) : await wrongWith(browser, await build(dir), expected)
        const built = existsSync(join(dir, 'dist')) ? [weight(join(dir, 'dist'))] : []
        size = [...versions(dir, packages), ...built].join(', ')
      } catch (error) {
        wrong = error.message
      }
      const seconds = ((performance.now() - start) / 1000).toFixed(0)
      console.log(`${name.padEnd(10)} ${wrong === '' ? 'ok' : 'WRONG'} ${seconds.padStart(4)} s  ${size}  ${wrong}`)
      if (wrong !== '') process.exitCode = 1
    }
  } finally {
    await browser?.close()
    if (process.env.KEEP) console.log(temporary)
    else rmSync(temporary, { recursive: true, force: true })
  }
}

main(process.argv.slice(2)).catch(({ message }) => {
  console.error(`irnn: check-bundlers: ${message}`)
  process.exitCode = 1
})

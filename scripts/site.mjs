// Builds the site of docs/ into dist/site/, as static files: "npm run site". What it is built with
// (scripts/site/package.json) is installed the first time. The pages that vite made in dist/web/ go with it, if they
// are there. Every link of what is built must lead to a page and anchor of it, and no page may load anything from
// elsewhere.
//
//   npm run site                      for the root of a host
//   npm run site -- --base /irnn/     for a folder of it
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isForeign, partsOf } from './links.mjs'
import { linkedFiles, sitePages } from './sitePages.mjs'
import { isMain } from './tree.mjs'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const SITE = join(ROOT, 'scripts', 'site')
const SOURCE = join(ROOT, 'dist', 'site-source')
const BUILT = join(ROOT, 'dist', 'site')

function run(program, ...args) {
  const { status, error } = spawnSync(program, args, { stdio: ['ignore', 2, 2], shell: process.platform === 'win32' })
  if (status !== 0) throw new Error(`${program} ${args[0]}: ${error?.message ?? `exit code ${status}`}`)
}

function put(name, from) {
  mkdirSync(dirname(join(SOURCE, name)), { recursive: true })
  if ('text' in from) writeFileSync(join(SOURCE, name), from.text)
  else cpSync(join(ROOT, from.path), join(SOURCE, name), { recursive: true })
}

/** What vitepress reads: pages under their names in the site, and what is copied as it is. */
function layOut() {
  rmSync(SOURCE, { recursive: true, force: true })
  const pages = sitePages()
  for (const [path, page] of pages) put(page, { path })
  for (const [path, { page, text, file }] of linkedFiles(pages)) {
    if (page !== undefined) put(page, { text })
    else put(`public/${file}`, { path })
  }
  put('public/experiments/results', { path: 'experiments/results' })
  if (existsSync(join(ROOT, 'dist', 'web'))) put('public/web', { path: 'dist/web' })
}

const filesOf = (folder) => readdirSync(folder, { recursive: true }).map((name) => name.replaceAll('\\', '/'))

/** What is wrong with the pages in a folder that are served under `base`: a line for each dead link or foreign file. */
export function wrongInSite(folder, base) {
  const text = (name) => readFileSync(join(folder, name), 'utf8')
  const names = filesOf(folder)
  const pages = new Map(names.filter((name) => name.endsWith('.html')).map((name) => [name, partsOf(text(name))]))
  const dead = [...pages].flatMap(([name, { links }]) =>
    links.flatMap((target) => {
      const wrong = isForeign(target) ? null : deadIn({ folder, pages, base }, name, target)
      return wrong === null ? [] : [`${name}: ${target}: ${wrong}`]
    }),
  )
  const loaded = [...pages].flatMap(([name, { loaded }]) => loaded.map((target) => [name, target]))
  for (const name of names.filter((name) => name.endsWith('.css'))) {
    for (const [, target] of text(name).matchAll(/(?:url\(|@import)\s*["']?([^"')\s;]+)/g)) loaded.push([name, target])
  }
  const foreign = loaded.filter(([, target]) => isForeign(target) && !target.startsWith('data:'))
  return [...dead, ...foreign.map(([name, target]) => `${name}: loads ${target}: expected a file of the site`)]
}

function deadIn({ folder, pages, base }, name, target) {
  const [path, anchor = ''] = decodeURI(target)
    .replace(/\?[^#]*/, '')
    .split('#')
  if (path.startsWith('/') && !path.startsWith(base)) return `expected an address under ${base}`
  const full = path.startsWith('/') ? path.slice(base.length) : posix.join(posix.dirname(name), path)
  const file = path === '' ? name : full.replace(/(^|\/)$/, '$1index.html')
  if (!statSync(join(folder, file), { throwIfNoEntry: false })?.isFile()) return 'expected a file but there is none'
  if (anchor === '' || !pages.has(file) || pages.get(file).anchors.has(anchor)) return null
  return `expected an element with this id in ${file} but there is none`
}

/** Pages that the search does not find: a line for each. */
function unsearched(folder, base) {
  const index = filesOf(folder).find((name) => /localSearchIndex.*\.js$/.test(name))
  const text = index === undefined ? '' : readFileSync(join(folder, index), 'utf8')
  const addresses = [...sitePages().values()].map((page) => `${base}${page.replace(/(index)?\.md$/, '')}`)
  return addresses.filter((address) => !text.includes(address)).map((address) => `${address}: no search finds it`)
}

function baseOf(args) {
  if (args.length === 0) return '/'
  const [flag, base = '', ...more] = args
  if (flag === '--base' && more.length === 0 && /^\/([\w.-]+\/)*$/.test(base)) return base
  throw new Error(`argument: expected none, or --base and a path as /irnn/, but received ${args.join(' ')}`)
}

function main(args) {
  const base = baseOf(args)
  const vitepress = join(SITE, 'node_modules', 'vitepress', 'bin', 'vitepress.js')
  if (!existsSync(vitepress)) run('npm', '--prefix', SITE, 'ci', '--ignore-scripts', '--no-audit', '--no-fund')
  layOut()
  process.env.IRNN_SITE_BASE = base
  run(process.execPath, vitepress, 'build', SITE)
  const problems = [...wrongInSite(BUILT, base), ...unsearched(BUILT, base)]
  for (const problem of problems) console.error(`irnn: site: ${problem}`)
  if (problems.length > 0) throw new Error(`${problems.length} problems in what was built`)
  const pages = readdirSync(BUILT, { recursive: true }).filter((name) => name.endsWith('.html'))
  console.log(`irnn: dist/site/: ${pages.length} pages, no dead link, nothing from elsewhere`)
}

if (isMain(import.meta.url)) {
  try {
    main(process.argv.slice(2))
  } catch (error) {
    console.error(`irnn: site: ${error.message}`)
    process.exitCode = 1
  }
}

// What the site has: its pages, where each comes from, and what a link of a page becomes.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, extname, join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isForeign, linksOf } from './links.mjs'
import { readTree } from './tree.mjs'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** Pages of Markdown outside docs/. */
const OTHERS = ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'bench/README.md', 'bench/LOG.md', 'experiments/LOG.md']
/** What a browser shows by itself; other files become pages with their text. */
const SHOWN = new Set(['.svg', '.png', '.html', '.json', '.jsonl', '.wasm', '.safetensors'])
const LANGUAGES = { '.mjs': 'js', '.js': 'js', '.py': 'python', '.cc': 'cpp', '.h': 'cpp', '.yaml': 'yaml' }

/** Where a page of Markdown stands in the site: docs/ is its root. */
function placeOf(path) {
  if (path === 'README.md') return 'readme.md'
  const name = path.replace(/^docs\//, '').replace(/(^|\/)README\.md$/, '$1index.md')
  return name.includes('/') ? name : name.toLowerCase()
}

/** All pages: a map from their paths in the repository to those in the site. */
export function sitePages() {
  const paths = [...OTHERS, ...readTree(['docs'], /\.md$/).keys()]
  return new Map(paths.map((path) => [path, placeOf(path)]))
}

/**
 * What the pages link to beside each other, by its path in the repository: { page, text } becomes a page, { file } is
 * copied as it is. Both with their path in the site.
 */
export function linkedFiles(pages) {
  const found = new Map()
  for (const path of pages.keys()) {
    for (const { target } of linksOf(readFileSync(join(ROOT, path), 'utf8'))) {
      const to = targetOf(path, target)?.path
      if (to !== undefined && !pages.has(to) && !found.has(to)) found.set(to, fileOf(to, pages))
    }
  }
  return new Map([...found].filter(([, what]) => what !== null))
}

function fileOf(path, pages) {
  if (!existsSync(join(ROOT, path))) return null
  if (statSync(join(ROOT, path)).isDirectory()) {
    if (pages.has(`${path}/README.md`)) return null
    return { page: `files/${path}/index.md`, text: folderText(path) }
  }
  if (SHOWN.has(extname(path))) return { file: path.replace(/^docs\//, '') }
  return { page: `files/${path}.md`, text: `# ${path}\n\n${fenced(path)}` }
}

/** The files of a folder, or their names where they are many. */
function folderText(path) {
  const names = readdirSync(join(ROOT, path)).filter((name) => statSync(join(ROOT, path, name)).isFile())
  const shown =
    names.length > 8
      ? names.map((name) => `- ${name}\n`)
      : names.map((name) => `## ${name}\n\n${fenced(`${path}/${name}`)}`)
  return `# ${path}\n\n${shown.join('\n')}`
}

function fenced(path) {
  const language =
    LANGUAGES[extname(path)] ?? (/^\.(ts|html|json)$/.test(extname(path)) ? extname(path).slice(1) : 'text')
  return `\`\`\`\`\`${language}\n${readFileSync(join(ROOT, path), 'utf8').trimEnd()}\n\`\`\`\`\`\n`
}

/** The path in the repository that a link of a page names, and its anchor; null for links to elsewhere. */
function targetOf(path, target) {
  if (isForeign(target)) return null
  const [name, anchor = ''] = target.split('#')
  const to = name === '' ? path : posix.join(posix.dirname(path), decodeURI(name))
  return { path: to.replace(/\/$/, ''), anchor: anchor === '' ? '' : `#${anchor}` }
}

/** From a link as it stands in a page to one of the site: { href, own: whether it is a page of it }. */
export function siteLink(path, target, pages, files) {
  const to = targetOf(path, target)
  if (to === null) return null
  const page = pages.get(to.path) ?? pages.get(`${to.path}/README.md`) ?? files.get(to.path)?.page
  if (page !== undefined) return { href: `/${page}${to.anchor}`, own: true }
  const file = files.get(to.path)?.file
  return file === undefined ? null : { href: `/${file}${to.anchor}`, own: false }
}

/** What a page of Markdown calls itself. */
export function titleOf(path) {
  const [, title] = /^# (.+)$/m.exec(readFileSync(join(ROOT, path), 'utf8')) ?? []
  return title ?? basename(path, '.md')
}

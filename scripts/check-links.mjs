// Every link of a page of Markdown, and of the pages of results, leads to a file that is there, and to a heading of it.
// Links to other sites are not followed. Fails with a line for each that is dead.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import { anchorsOf, isForeign, linksOf, partsOf } from './links.mjs'
import { isMain, readTree } from './tree.mjs'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const FOLDERS = ['docs', 'bench', 'experiments', 'examples']
/** Read where the package is installed, and on a registry: nothing else of this tree is there. */
const ALONE = 'docs/package.md'

const linesOf = (path, text) =>
  path.endsWith('.html') ? partsOf(text).links.map((target) => ({ line: null, target })) : linksOf(text)

/**
 * What is wrong with the links of `pages`, a map from path to text: a line for each dead one.
 * @param kindOf of a path: 'file', 'folder', or null where nothing is
 */
export function deadLinks(pages, kindOf) {
  const anchors = new Map()
  const anchorsIn = (path) => {
    if (!anchors.has(path)) {
      const text = pages.get(path)
      anchors.set(path, text && (path.endsWith('.html') ? partsOf(text).anchors : anchorsOf(text)))
    }
    return anchors.get(path)
  }
  const problem = (path, target) => {
    if (path === ALONE) return 'expected a whole address: the page is read where nothing else of this tree is'
    const [name, anchor] = target.split('#')
    const to = name === '' ? path : posix.join(posix.dirname(path), decodeURI(name))
    const kind = kindOf(to)
    if (kind === null || to.startsWith('..')) return 'expected a file of this tree but there is none'
    if (anchor === undefined) return null
    const page = kind === 'folder' ? posix.join(to, 'README.md') : to
    return anchorsIn(page)?.has(decodeURI(anchor)) ? null : `expected a heading ${anchor} in ${page} but there is none`
  }
  const problems = []
  for (const [path, text] of pages) {
    for (const { line, target } of linesOf(path, text)) {
      const wrong = isForeign(target) ? null : problem(path, target)
      if (wrong !== null) problems.push(`${path}${line === null ? '' : `:${line}`}: ${target}: ${wrong}`)
    }
  }
  return problems
}

/** Of a path of this tree. What is built or installed is none of it. */
export function kindInTree(path) {
  if (/^(dist|build|node_modules|npm|runs)\//.test(path) || !existsSync(join(ROOT, path))) return null
  return statSync(join(ROOT, path)).isDirectory() ? 'folder' : 'file'
}

/** Every page of this tree that has links, as a map from path to text. */
export function pagesOfTree() {
  const top = readdirSync(ROOT).filter((name) => name.endsWith('.md'))
  return new Map([
    ...top.map((name) => [name, readFileSync(join(ROOT, name), 'utf8')]),
    ...readTree(FOLDERS, /\.(md|html)$/),
  ])
}

if (isMain(import.meta.url)) {
  const problems = deadLinks(pagesOfTree(), kindInTree)
  for (const problem of problems) console.error(problem)
  process.exitCode = problems.length > 0 ? 1 : 0
}

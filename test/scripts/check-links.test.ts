/** The check of links, on pages of a few lines. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

// Scripts are not compiled: they lie two folders above dist/test.
const script = (name: string) => import(new URL(`../../../scripts/${name}`, import.meta.url).href)
type Pages = ReadonlyMap<string, string>
const { deadLinks, kindInTree, pagesOfTree } = (await script('check-links.mjs')) as {
  deadLinks: (pages: Pages, kindOf: (path: string) => string | null) => string[]
  kindInTree: (path: string) => string | null
  pagesOfTree: () => Pages
}
const { wrongInSite } = (await script('site.mjs')) as { wrongInSite: (folder: string, base: string) => string[] }
const { anchorsOf, linksOf, partsOf } = (await script('links.mjs')) as {
  anchorsOf: (markdown: string) => Set<string>
  linksOf: (markdown: string) => { line: number; target: string }[]
  partsOf: (html: string) => { links: string[]; loaded: string[]; anchors: Set<string> }
}

test('anchors are those of forges: words alone, a second one numbered, marks and code taken off', () => {
  const page =
    '# Own *data* (1)\n## `a.b()`\n## What **is**: [x](y)?\n## `a.b()`\n```sh\n# no heading\n```\n<a id="e1"></a>\n'
  assert.deepEqual([...anchorsOf(page)].toSorted(), ['ab', 'ab-1', 'e1', 'own-data-1', 'what-is-x'])
})

test('links are found in text, images, definitions and tags, not in code or comments', () => {
  const page =
    'a [b](c.md#d) ![e](f.svg)\n`[g](h)` <img src="i.png">\n```\n[j](k)\n```\n<!-- [l](m) -->\n[n]: o.md\n[`p`](q "r")'
  const found = linksOf(page).map(({ line, target }) => `${line} ${target}`)
  assert.deepEqual(found.toSorted(), ['1 c.md#d', '1 f.svg', '2 i.png', '7 o.md', '8 q'])
  const { links, loaded, anchors } = partsOf('<a class="x" href="a?b=1&amp;c">d</a><img src="e.svg"><h2 id="f">')
  assert.deepEqual([links, loaded, [...anchors]], [['a?b=1&c', 'e.svg'], ['e.svg'], ['f']])
})

test('a link that leads nowhere is a line that says what was expected', () => {
  const pages = new Map([
    ['docs/a.md', '# One\n[ok](#one) [ok](b.md#two) [ok](../src) [ok](https://x.org/#y)\n\n[no](#two) [no](c.md)'],
    ['docs/b.md', '# Two\n[no](a.md#three) [no](../src#x) [no](../../etc/passwd)'],
    ['docs/package.md', '[no](a.md)'],
  ])
  const kindOf = (path: string) =>
    path === 'src' ? 'folder' : pages.has(path) || path.startsWith('..') ? 'file' : null
  assert.deepEqual(deadLinks(pages, kindOf), [
    'docs/a.md:4: #two: expected a heading two in docs/a.md but there is none',
    'docs/a.md:4: c.md: expected a file of this tree but there is none',
    'docs/b.md:2: a.md#three: expected a heading three in docs/a.md but there is none',
    'docs/b.md:2: ../src#x: expected a heading x in src/README.md but there is none',
    'docs/b.md:2: ../../etc/passwd: expected a file of this tree but there is none',
    'docs/package.md:1: a.md: expected a whole address: the page is read where nothing else of this tree is',
  ])
})

test('of a built site: dead links, anchors that are not there, files and styles from elsewhere', () => {
  const folder = mkdtempSync(join(tmpdir(), 'irnn-site-'))
  try {
    const ok = '<a href="/base/a/"></a><a href="https://x.org"></a><a href="?q#h"></a><img src="data:,">'
    mkdirSync(join(folder, 'a'))
    writeFileSync(join(folder, 'index.html'), `<h1 id="h">${ok}<a href="/other/">`)
    writeFileSync(
      join(folder, 'a/index.html'),
      '<a href="../index.html#no"><script src="//x.org/a.js"><a href="b.html">',
    )
    writeFileSync(join(folder, 'a/s.css'), '@import "https://x.org/s.css"; a { background: url(b.png) }')
    assert.deepEqual(wrongInSite(folder, '/base/').toSorted(), [
      'a/index.html: ../index.html#no: expected an element with this id in index.html but there is none',
      'a/index.html: b.html: expected a file but there is none',
      'a/index.html: loads //x.org/a.js: expected a file of the site',
      'a/s.css: loads https://x.org/s.css: expected a file of the site',
      'index.html: /other/: expected an address under /base/',
    ])
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('no link of this tree is dead', () => {
  const pages = pagesOfTree()
  assert.ok(pages.size > 40)
  assert.deepEqual(deadLinks(pages, kindInTree), [])
})

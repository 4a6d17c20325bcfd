// Links of Markdown and of HTML, and the anchors that they may point at. Anchors of headings are those that forges
// make, and scripts/site/.vitepress/config.mjs gives the site the same.

/** Code by blanks or letters of the same length, so that nothing in it is a link and lines keep their numbers. */
function withoutCode(markdown) {
  const blank = (text) => text.replace(/[^\n]/g, 'x')
  return markdown
    .replace(/^( *)(```+|~~~+)[^\n]*\n[\s\S]*?^\1\2 *$/gm, blank)
    .replace(/<!--[\s\S]*?-->/g, blank)
    .replace(/(?<!`)(`+)(?!`)([^\n]*?[^`\n])\1(?!`)/g, blank)
}

/** What a heading says, without its marks. */
function textOf(heading) {
  return heading
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/<[^>]*>/g, '')
    .replace(/`([^`]*)`/g, '$1')
    .replace(/\\([^\w\s])/g, '$1')
    .replace(/(\*\*?|__)(\S.*?)\1/g, '$2')
    .trim()
}

/** The anchor of a heading that says this. */
export function slug(text) {
  return text
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\p{M}_ -]/gu, '')
    .replaceAll(' ', '-')
}

/** All anchors of a page of Markdown: of its headings, the second of the same words ending in -1, and those by hand. */
export function anchorsOf(markdown) {
  const anchors = new Set([...markdown.matchAll(/<\w+[^>]*\b(?:id|name)="([^"]+)"/g)].map(([, id]) => id))
  const lines = markdown.split('\n')
  for (const [i, line] of withoutCode(markdown).split('\n').entries()) {
    if (!/^#{1,6} /.test(line)) continue
    const name = slug(textOf(lines[i].replace(/^#+ /, '').replace(/ #+$/, '')))
    let anchor = name
    for (let n = 1; anchors.has(anchor); n++) anchor = `${name}-${n}`
    anchors.add(anchor)
  }
  return anchors
}

const INLINE = /\]\(\s*<?([^)\s>]*)>?(?:\s+"[^"]*")?\s*\)/g
const DEFINED = /^\[[^\]]+\]:\s*(\S+)/gm

/** Links and images of a page of Markdown: [{ line, target }]. */
export function linksOf(markdown) {
  const text = withoutCode(markdown)
  const found = [...text.matchAll(INLINE), ...text.matchAll(DEFINED), ...text.matchAll(HTML_LINK)]
  return found.map((match) => ({ line: text.slice(0, match.index).split('\n').length, target: match[1] }))
}

const HTML_LINK = /<[a-z]+\b[^>]*?\s(?:href|src)="([^"]*)"/g
/** What a page loads by itself; a link of `<a>` it only names. */
const LOADED = /<(?!a\b)[a-z]+\b[^>]*?\s(?:href|src)="([^"]*)"/g

const decoded = (text) => text.replaceAll('&amp;', '&').replaceAll('&lt;', '<').replaceAll('&gt;', '>')

/** Of a page of HTML: what it links to, what it loads, its anchors. */
export function partsOf(html) {
  const all = (pattern) => [...html.matchAll(pattern)].map(([, target]) => decoded(target))
  return {
    links: all(HTML_LINK),
    loaded: all(LOADED),
    anchors: new Set(all(/<[a-z]\w*\b[^>]*?\sid="([^"]+)"/g)),
  }
}

/** Whether a link leads elsewhere than to files of this tree. */
export function isForeign(target) {
  return /^([a-z][a-z+.-]*:|\/\/)/i.test(target)
}

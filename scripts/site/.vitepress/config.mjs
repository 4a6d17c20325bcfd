// The site of docs/, which scripts/site.mjs lays out in dist/site-source/ and builds into dist/site/.
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitepress'
import { slug } from '../../links.mjs'
import { linkedFiles, siteLink, sitePages, titleOf } from '../../sitePages.mjs'

const BASE = process.env.IRNN_SITE_BASE ?? '/'
const under = (path) => fileURLToPath(new URL(`../../../${path}`, import.meta.url))
const pages = sitePages()
const files = linkedFiles(pages)
const sources = new Map([...pages].map(([path, page]) => [page, path]))

const GUIDES = [
  'own-data',
  'own-labels',
  'from-pytorch',
  'to-onnx',
  'stream',
  'service',
  'browser',
  'scale',
  'speech',
  'words',
  'json',
]
const SECTIONS = [
  ['Begin', ['README', 'start/service', 'start/page', 'start/research', 'start/paper']],
  ['Guides', GUIDES],
  ['How it behaves', ['performance', 'threads', 'precision', 'memory', 'errors']],
  ['Reference', ['api/README', 'api/irnn', 'api/data', 'api/node', 'api/serve', 'api/speech']],
  ['The project', ['package', 'architecture', 'derivations', 'decisions/README']],
]
const NAMES = {
  'docs/README.md': 'Overview',
  'docs/package.md': 'The package',
  'docs/api/README.md': 'All entries',
  'docs/service.md': 'A service over HTTP',
}

const entry = (path) => ({ text: NAMES[path] ?? titleOf(path), link: `/${pages.get(path)}` })

/** Sections as above; a page of docs/ that none of them names is a guide. */
function sidebar() {
  const listed = new Set(SECTIONS.flatMap(([, names]) => names.map((name) => `docs/${name}.md`)))
  const rest = [...pages.keys()].filter((path) => /^docs\/[^/]+\.md$/.test(path) && !listed.has(path))
  const sections = SECTIONS.map(([text, names]) => {
    const paths = names.map((name) => `docs/${name}.md`).filter((path) => pages.has(path))
    return { text, items: [...paths, ...(text === 'Guides' ? rest : [])].map(entry) }
  })
  sections.at(-1).items.push(...['bench/README.md', 'CONTRIBUTING.md', 'CHANGELOG.md'].map(entry))
  return [...sections, { text: 'Results', items: [{ text: "The paper's figures", ...RESULTS }] }]
}

/** Pages that are made elsewhere and not of this site: the browser goes there by itself. */
const RESULTS = { link: '/experiments/results/index.html', target: '_self' }
/** The dashboard is none of them: it shows runs, which a server has. */
const PLAYGROUND = existsSync(under('dist/web/play/index.html'))
  ? [{ text: 'Playground', link: '/web/play/index.html', target: '_self' }]
  : []

/** Links as they stand in the repository become those of the site. */
function links(md) {
  md.core.ruler.push('links of the repository', ({ tokens, env }) => {
    const path = sources.get(env.relativePath)
    for (const token of path === undefined ? [] : tokens.flatMap(({ children }) => children ?? [])) {
      const name = { link_open: 'href', image: 'src' }[token.type]
      const target = name && token.attrGet(name)
      const to = target && !target.startsWith('#') && siteLink(path, target, pages, files)
      if (!to) continue
      const away = !to.own && name === 'href' // vitepress then leaves the address as it is
      token.attrSet(name, away ? `${BASE}${to.href.slice(1)}` : to.href)
      if (away) token.attrSet('target', '_self')
    }
  })
}

export default defineConfig({
  title: 'irnn',
  description: 'Recurrent networks trained and run from TypeScript',
  lang: 'en',
  base: BASE,
  srcDir: under('dist/site-source'),
  outDir: under('dist/site'),
  cacheDir: under('dist/site-cache'),
  ignoreDeadLinks: true, // scripts/site.mjs looks at all links of what is built, and at their anchors
  markdown: {
    anchor: { slugify: slug },
    config: links,
    languageAlias: { mjs: 'js' },
    theme: { light: 'github-light', dark: 'github-dark' },
  },
  vite: { publicDir: under('dist/site-source/public'), build: { chunkSizeWarningLimit: 2000 } },
  themeConfig: {
    nav: [
      { text: 'Begin', link: '/index.md' },
      { text: 'API', link: '/api/index.md' },
      { text: 'Performance', link: '/performance.md' },
      { text: 'Results', ...RESULTS },
      ...PLAYGROUND,
    ],
    sidebar: sidebar(),
    outline: [2, 3],
    search: { provider: 'local' },
    docFooter: { prev: false, next: false },
  },
})

/** What README and docs show is true: every snippet runs, and the numbers are those of the committed results. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { between, blocks } from '../bench/readme.ts'
import type { Results } from '../experiments/collect.ts'
import { EXPERIMENTS } from '../experiments/known.ts'

const ROOT = new URL('../../', import.meta.url)
const read = (file: string) => readFileSync(new URL(file, ROOT), 'utf8')
const pages = ['README.md', 'CONTRIBUTING.md', ...['docs', 'docs/start'].flatMap(pagesIn)]
function pagesIn(folder: string): string[] {
  return readdirSync(new URL(folder, ROOT)).map((name) => `${folder}/${name}`)
}

/** What snippets read, in a folder where they run. */
const place = mkdtempSync(join(tmpdir(), 'irnn-pages-'))
after(() => rmSync(place, { recursive: true }))
const { cases } = JSON.parse(read('test/fixtures/state-dicts.json')) as { cases: { name: string; file: string }[] }
const tagger = cases.find(({ name }) => name === 'lstm')!.file
writeFileSync(join(place, 'tagger.safetensors'), Buffer.from(tagger, 'base64'))

for (const page of pages.filter((name) => name.endsWith('.md'))) {
  for (const [i, [, snippet]] of [...read(page).matchAll(/^```(?:js|ts)\n([\s\S]*?)^```$/gm)].entries()) {
    test(`${page}: snippet ${i + 1} runs`, () => {
      // In the package, so that it finds itself by name.
      const file = fileURLToPath(new URL(`dist/test/snippet-${page.replaceAll('/', '-')}-${i}.mjs`, ROOT))
      writeFileSync(file, snippet!)
      try {
        const printed = execFileSync(process.execPath, [file], {
          cwd: place,
          encoding: 'utf8',
          stdio: ['ignore', 'pipe', 'pipe'],
        })
        assert.ok(printed.length > 0)
      } finally {
        rmSync(file)
      }
    })
  }
}

for (const block of blocks()) {
  test(`${block.page}: what is between its marks "${block.mark}" is what the newest committed results say`, () => {
    const shown = between(block).split('\n')
    for (const [i, line] of block.text.split('\n').entries()) {
      const cells = line.split('|')
      const there = (shown[i] ?? '').split('|')
      for (const [k, cell] of cells.entries()) {
        const where = `${block.page}, "${block.mark}", line ${i + 1}${cells.length > 1 ? `, column ${k}` : ''}`
        assert.equal(there[k], cell, `${where}: write it again with: npm run bench -- --readme`)
      }
    }
    assert.equal(shown.length, block.text.split('\n').length)
  })
}

test('README.md: the table of claims says what the committed results say', () => {
  const rows = [...read('README.md').matchAll(/^\| \[`([\w-]+)`\]\(experiments\/results\/[\w-]+\.html\) \|(.*)\|$/gm)]
  assert.deepEqual(rows.map(([, name]) => name).toSorted(), EXPERIMENTS.map(({ name }) => name).toSorted())
  for (const [, name, cells] of rows) {
    const { claims } = JSON.parse(read(`experiments/results/${name}.json`)) as Results
    const count = (verdict: boolean | null) => claims.filter(({ holds }) => holds === verdict).length
    const shown = cells!.split('|').slice(1).map(Number)
    assert.deepEqual(shown, [claims.length, count(true), count(false), count(null)], `README.md, ${name}`)
  }
})

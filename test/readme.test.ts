/** What README and docs show is true: every snippet runs, and the README's table holds the committed results. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const ROOT = new URL('../../', import.meta.url)
const read = (file: string) => readFileSync(new URL(file, ROOT), 'utf8')
const pages = ['README.md', 'CONTRIBUTING.md', ...readdirSync(new URL('docs/', ROOT)).map((name) => `docs/${name}`)]

for (const page of pages.filter((name) => name.endsWith('.md'))) {
  for (const [i, [, snippet]] of [...read(page).matchAll(/^```(?:js|ts)\n([\s\S]*?)^```$/gm)].entries()) {
    test(`${page}: snippet ${i + 1} runs`, () => {
      // In the package, so that it finds itself by name.
      const file = fileURLToPath(new URL(`dist/test/snippet-${page.replaceAll('/', '-')}-${i}.mjs`, ROOT))
      writeFileSync(file, snippet!)
      try {
        const printed = execFileSync(process.execPath, [file], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
        assert.ok(printed.length > 0)
      } finally {
        rmSync(file)
      }
    })
  }
}

test('the README’s table is the committed benchmark', () => {
  const readme = read('README.md')
  const file = /\((bench\/results\/[\d-]+\.json)\)/.exec(readme)![1]!
  const { rows } = JSON.parse(read(file)) as { rows: { shape: string; backend: string; threads: number; ms: number }[] }
  const shapes = {
    'ReLU, pixel': 'S1 ReLU',
    'ReLU, adding': 'S2 ReLU',
    LSTM: 'S3 LSTM',
    GRU: 'S3 GRU',
    'ReLU (20': 'S5 ReLU',
  }
  for (const [start, shape] of Object.entries(shapes)) {
    const line = readme.split('\n').find((line) => line.startsWith(`| ${start}`))!
    const shown = line.split('|').slice(2, 5).map(Number)
    const measured = [
      ['native', 1],
      ['native', 2],
      ['wasm', 1],
    ].map(
      ([backend, threads]) =>
        rows.find((r) => r.shape === shape && r.backend.startsWith(`${backend}`) && r.threads === threads)!.ms,
    )
    for (const k of [0, 1, 2])
      assert.ok(Math.abs(shown[k]! - measured[k]!) <= 0.0501, `${shape}: ${shown} but measured ${measured}`)
  }
})

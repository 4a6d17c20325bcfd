// Imports point one way: backend ← layers ← model ← train ← {bench, {experiments, corpora} ← cli}; tasks know rng, formats, features and
// the batch only, and with corpora runs/disk.ts where they read files. Only files named *.node.ts, src/runs/, cli/, bench/, experiments/, corpora/ and test/ know Node. Fails with the line that breaks it.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** The first rule whose `file` matches decides what that file may import, by path from the root. */
const FLOOR = /^src\/(error|rng|metric|batch|task|disk\.node)\.ts$/
const RULES = [
  { file: /^src\/error\.ts$/, may: [] },
  { file: /^src\/backend\//, may: [/^src\/backend\//, /^src\/error\.ts$/, /^#platform$/] },
  { file: FLOOR, may: [FLOOR, /^src\/backend\/backend\.ts$/, /^src\/formats\/safetensors\.ts$/] },
  { file: /^src\/layers\//, may: [/^src\/layers\//, /^src\/backend\/backend\.ts$/] },
  { file: /^src\/formats\//, may: [/^src\/formats\//, /^src\/error\.ts$/, /^src\/backend\/backend\.ts$/] },
  { file: /^src\/features\//, may: [/^src\/features\//] },
  { file: /^src\/model\//, may: [/^src\/(model|layers|backend|formats)\//, FLOOR] },
  { file: /^src\/train\//, may: [/^src\/(train|model|layers|backend)\//, FLOOR] },
  { file: /^src\/tasks\//, may: [/^src\/(tasks|train|model|formats|features|backend)\//, FLOOR] },
  { file: /^src\/figures\//, may: [/^src\/(figures|train)\//, FLOOR] },
  { file: /^src\/(index\.ts$|runs\/)/, may: [/^src\//] },
  { file: /^experiments\//, may: [/^(src|experiments)\//] },
  { file: /^corpora\//, may: [/^corpora\//, /^src\/formats\//, /^src\/(rng|error|disk\.node)\.ts$/] },
  { file: /^cli\//, may: [/^(src|experiments|corpora|cli)\//, /^package\.json$/] },
  { file: /^(bench|test)\//, may: [/./] },
]
const NODE = /^(src\/runs\/|src\/.*\.node\.ts$|cli\/|bench\/|experiments\/|corpora\/|test\/)/

const problems = []
for (const folder of ['src', 'cli', 'bench', 'experiments', 'corpora', 'test']) {
  if (!existsSync(join(ROOT, folder))) continue
  for (const entry of readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })) {
    if (!entry.name.endsWith('.ts') || entry.parentPath.includes('node_modules')) continue
    const file = relative(ROOT, join(entry.parentPath, entry.name))
    const rule = RULES.find((rule) => rule.file.test(file))
    const text = readFileSync(join(ROOT, file), 'utf8')
    for (const [, name] of text.matchAll(/^(?:import|export)\s(?:[^'";=]*?\sfrom\s)?['"]([^'"]+)['"]/gm)) {
      if (name.startsWith('node:')) {
        if (!NODE.test(file)) problems.push(`${file}: imports ${name}: only ${NODE} may`)
        continue
      }
      if (!name.startsWith('.') && !name.startsWith('#')) continue
      const target = name.startsWith('#') ? name : relative(ROOT, join(ROOT, file, '..', name))
      if (!rule.may.some((allowed) => allowed.test(target)))
        problems.push(`${file}: imports ${target}: imports point one way (docs/architecture.md)`)
    }
  }
}
for (const problem of problems) console.error(problem)
process.exitCode = problems.length > 0 ? 1 : 0

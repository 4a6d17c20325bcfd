/** The check of import directions, on small trees: what it must refuse, and that it says where. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

// Scripts are not compiled: they lie two folders above dist/test.
const { problemsOf, importsOf } = (await import(
  new URL('../../../scripts/check-imports.mjs', import.meta.url).href
)) as {
  problemsOf: (tree: ReadonlyMap<string, string>, rooms: readonly string[]) => string[]
  importsOf: (path: string, text: string) => string[]
}

const ROOMS = [
  'kernels/low.h',
  'kernels/high.h',
  'kernels/*.cc',
  'src/floor.ts',
  'src/model/',
  'src/tasks/words/',
  'src/tasks/',
  'src/backend/',
  'src/runs/',
]
const GOOD = {
  'kernels/low.h': '#include <stddef.h>\n',
  'kernels/high.h': '#include "low.h"\n',
  'kernels/all.cc': '#include "high.h"\n  #  include "part.cc"\n',
  'kernels/part.cc': '#include "low.h"\n',
  'src/floor.ts': 'export const floor = 1\n',
  'src/model/plan.ts': "import { floor } from '../floor.ts'\nimport type { Net } from './net.ts'\n",
  'src/model/net.ts': "import { z } from 'zod'\n",
  'src/tasks/words/words.ts': "import { floor } from '../../floor.ts'\n",
  'src/tasks/known.ts': "import { words } from './words/words.ts'\n",
  'src/runs/folder.ts': "import * as fs from 'node:fs'\nimport { net } from '../model/net.ts'\n",
}

/** The good tree with some files put in or in their place, checked. */
function check(files: Record<string, string>): string[] {
  return problemsOf(new Map(Object.entries({ ...GOOD, ...files })), ROOMS)
}

test('passes a tree that imports downward', () => {
  assert.deepEqual(check({}), [])
})

test('refuses an import upward, whatever its form', () => {
  for (const line of [
    "import { plan } from './model/plan.ts'",
    "import type { Plan } from './model/plan.ts'",
    "import {\n  type Plan,\n  plan as other, // the one\n} from './model/plan.ts'",
    "import './model/plan.ts'",
    "export { plan } from './model/plan.ts'",
    "export * from './model/plan.ts'",
    "const { plan } = await import('./model/plan.ts')",
    "type Plan = import('./model/plan.ts').Plan",
    "export const a = 1; import { plan } from './model/plan.ts'",
  ]) {
    const [problem, ...others] = check({ 'src/floor.ts': `${line}\n`, 'src/model/plan.ts': '' })
    assert.match(
      problem!,
      /^src\/floor\.ts: imports src\/model\/plan\.ts, upward: src\/floor\.ts comes before src\/model\//,
    )
    assert.deepEqual(others, [])
  }
})

test('reads no import in a comment', () => {
  const text =
    "// import './a.ts'\n/*\nimport { b } from './b.ts'\n*/\nexport const url = 'https://c' // from './c.ts'\n"
  assert.deepEqual(importsOf('src/floor.ts', text), [])
})

test('a folder in a folder is a room of its own', () => {
  const [problem, ...others] = check({ 'src/tasks/words/words.ts': "import '../other.ts'", 'src/tasks/other.ts': '' })
  assert.match(problem!, /^src\/tasks\/words\/words\.ts: imports src\/tasks\/other\.ts, upward/)
  assert.equal(others.length, 1, 'and tasks and words import each other')
})

test('refuses a circle of files, also of types', () => {
  assert.deepEqual(check({ 'src/model/net.ts': "import type { Plan } from './plan.ts'\n" }), [
    'circle of files: src/model/plan.ts → src/model/net.ts → src/model/plan.ts',
  ])
})

test('refuses a circle of rooms where no files make one', () => {
  const problems = check({
    'src/model/plan.ts': "import '../tasks/free.ts'",
    'src/tasks/free.ts': '',
    'src/tasks/known.ts': "import '../model/net.ts'",
  })
  assert.equal(problems.length, 2)
  assert.match(problems[0]!, /upward/)
  assert.equal(problems[1], 'circle of rooms: src/model/ → src/tasks/ → src/model/')
})

test('refuses an include out of order, and a circle of includes', () => {
  assert.deepEqual(check({ 'kernels/low.h': '#include "high.h"\n', 'kernels/high.h': '' }), [
    'kernels/low.h: imports kernels/high.h, upward: kernels/low.h comes before kernels/high.h in the list of rooms',
  ])
  assert.deepEqual(check({ 'kernels/part.cc': '#include "all.cc"\n' }), [
    'circle of files: kernels/all.cc → kernels/part.cc → kernels/all.cc',
  ])
})

test('refuses a file without a room, and an import of one', () => {
  assert.match(check({ 'src/new.ts': '' }).join('\n'), /^src\/new\.ts: expected a room of .* but found none: add one/)
  assert.match(
    check({ 'src/floor.ts': "import './new.ts'" }).join('\n'),
    /^src\/floor\.ts: imports src\/new\.ts: expected a file of a room$/,
  )
})

test('refuses Node where a browser must do', () => {
  assert.match(
    check({ 'src/floor.ts': "import { join } from 'node:path'" }).join('\n'),
    /^src\/floor\.ts: imports node:path: /,
  )
  assert.match(
    check({ 'src/tasks/load.node.ts': "import 'node:fs'", 'src/tasks/known.ts': "import './load.node.ts'" }).join('\n'),
    /^src\/tasks\/known\.ts: imports src\/tasks\/load\.node\.ts, which only Node runs$/,
  )
  const platform = { 'src/backend/platform.node.ts': "import 'node:os'", 'src/backend/platform.browser.ts': '' }
  assert.deepEqual(check({ ...platform, 'src/backend/choose.ts': "import { threads } from '#platform'" }), [])
})

test('#platform stands for both of its files', () => {
  assert.match(
    check({ 'src/floor.ts': "import { threads } from '#platform'" }).join('\n'),
    /platform\.node\.ts, upward.*\n.*platform\.browser\.ts, upward/,
  )
})

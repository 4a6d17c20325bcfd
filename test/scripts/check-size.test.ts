/** The check of sizes, on small trees: what is too long, what the list allows, and what the list may not keep. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

interface Function {
  readonly name: string
  readonly lines: number
}
type Sizes = Record<string, Record<string, number>>

// Scripts are not compiled: they lie two folders above dist/test.
const { cppFunctions, longFunctions, problemsOf, sizesOf, updated } = (await import(
  new URL('../../../scripts/check-size.mjs', import.meta.url).href
)) as {
  cppFunctions: (text: string) => Function[]
  longFunctions: (report: unknown, tree: ReadonlyMap<string, string>) => Map<string, Function[]>
  problemsOf: (sizes: Sizes, allowed: object) => string[]
  sizesOf: (tree: ReadonlyMap<string, string>, functions?: ReadonlyMap<string, Function[]>) => Sizes
  updated: (sizes: Sizes, allowed: object) => object
}

const body = (lines: number): string => 'f();\n'.repeat(lines)
const sizes = (files: Record<string, string>): Sizes => sizesOf(new Map(Object.entries(files)))

test('a file of 300 lines passes, one of 301 does not', () => {
  assert.deepEqual(sizes({ 'a.ts': body(300), 'b.h': body(301) }), { 'b.h': { lines: 301 } })
})

test('a line of 120 characters passes, one of 121 does not, in comments too', () => {
  const a = `// ${'—'.repeat(117)}\n`
  assert.deepEqual(sizes({ 'a.ts': a, 'b.py': `x\n#${a}` }), { 'b.py': { wide: 1 } })
})

test('functions of C++ are found, methods and lambdas too, and nothing else is one', () => {
  const text = `namespace n {
enum Kind { A, B };
template <class T, T (*f)(int)>
struct Call<f> : Base<T> {
  explicit Call(int n) : n_(n) {
    n_ += 1;
  }
  // int comment() {
  int table[2] = {1, 2};
};
int run(int a,
        int b) {
  if (a) {
    each([&](int i) {
      puts("{");
    });
  } else {
    const char c = '}';
  }
  return a;
}
#define MACRO(x) { \\
  x
}  // namespace n
`
  assert.deepEqual(cppFunctions(text), [
    { name: 'Call', lines: 3 },
    { name: 'each', lines: 3 },
    { name: 'run', lines: 10 },
  ])
})

test('a function of 60 lines passes, one of 61 does not', () => {
  const files = { 'a.cc': `void f() {\n${body(58)}}\n`, 'b.cc': `void g() {\n${body(59)}}\n` }
  assert.deepEqual(sizes(files), { 'b.cc': { 'function g': 61 } })
})

test('what Biome reports of TypeScript is named by the line where it begins', () => {
  const text = "export async function train() {\n}\ntest('learns', () => {\n})\nconst f = () => {\n}\n"
  const at = (line: number, lines: number) => ({
    category: 'lint/complexity/noExcessiveLinesPerFunction',
    message: `This function has too many lines (${lines}). Maximum allowed is 60.`,
    location: { path: 'a.ts', start: { line, column: 1 } },
  })
  const tree = new Map([['a.ts', text]])
  const found = longFunctions({ diagnostics: [at(1, 70), at(3, 80), at(5, 90)] }, tree)
  assert.deepEqual(sizesOf(tree, found), { 'a.ts': { 'function train': 70, 'function learns': 80, 'function f': 90 } })
})

test('the list allows a size, no growth, and nothing that is short enough', () => {
  const found = sizes({ 'a.ts': body(310), 'b.ts': body(10) })
  const reason = 'a table'
  assert.deepEqual(problemsOf(found, { 'a.ts': { lines: 310, reason } }), [])
  assert.deepEqual(problemsOf(found, {}), ['a.ts: expected at most 300 lines but it has 310'])
  const grown = problemsOf(found, { 'a.ts': { lines: 309, reason } })
  assert.deepEqual(grown, ['a.ts: expected at most 300 lines but it has 310, and 309 when it was allowed'])
  const stale = problemsOf(found, {
    'a.ts': { lines: 310, wide: 1, reason },
    'b.ts': { lines: 400, reason },
    'c.ts': { wide: 1 },
  })
  assert.deepEqual(
    stale.map((problem) => problem.split(': ').slice(1, 3).join(' ')),
    ['a.ts wide', 'b.ts lines', 'c.ts expected a reason', 'c.ts wide'],
  )
})

test('an update lowers what has shrunk, and lets nothing grow', () => {
  const found = sizes({ 'a.ts': body(310), 'b.ts': body(320) })
  const reason = 'a table'
  const allowed = {
    'a.ts': { lines: 350, wide: 2, reason },
    'b.ts': { lines: 301, reason },
    'c.ts': { lines: 301, reason },
  }
  assert.deepEqual(updated(found, allowed), { 'a.ts': { lines: 310, reason }, 'b.ts': { lines: 301, reason } })
})

test('wide lines of a folder are allowed together', () => {
  const wide = `${'x'.repeat(121)}\n`
  const found = sizes({ 'src/a.ts': wide, 'src/b/c.ts': wide + wide, 'cli/d.ts': wide, 'src/e.ts': wide })
  const reason = 'a table'
  const allowed = (most: number) => ({ 'src/': { wide: most, reason }, 'src/e.ts': { wide: 1, reason } })
  assert.deepEqual(problemsOf(found, allowed(3)), ['cli/d.ts: expected at most 120 characters a line but 1 are longer'])
  assert.match(
    problemsOf(found, allowed(2)).join('\n'),
    /^src\/: expected .* but 3 are longer, and 2 when it was allowed$/m,
  )
  assert.deepEqual(updated(found, allowed(9)), allowed(3))
  assert.deepEqual(updated({}, allowed(9)), {})
})

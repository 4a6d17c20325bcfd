// How long things may be: a file 300 lines, a function 60, a line 120 characters. What is longer stands in
// scripts/size-allowed.json with its size and the reason, may not grow, and leaves the list once it is short enough.
// An entry of a folder ("src/") allows so many wide lines in all of its files, for as long as there are any.
// Fails with a line for each break. `--update` lowers the sizes in the list to those of now and takes out what is short
// enough; it never puts anything in.
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { isMain, readTree, withoutComments } from './tree.mjs'

const FILE = 300
const FUNCTION = 60
const WIDTH = 120
const ALLOWED = new URL('size-allowed.json', import.meta.url)
const FOLDERS = ['src', 'cli', 'kernels', 'experiments', 'corpora', 'bench', 'scripts', 'test', 'page']

/** Where C++ opens a brace that is no function's: what stands before it, from the end of the last statement on. */
const NO_FUNCTION = /^(namespace|struct|class|union|enum|extern|if|else|for|while|do|switch|return)\b|=$|^[^(]*$/

/** The functions of C++ and their lines, both braces' lines included: [{ name, lines }]. Also lambdas and methods. */
export function cppFunctions(text) {
  const code = withoutComments(text)
    .replace(/"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])'/g, (string) => ' '.repeat(string.length))
    .replace(/^[ \t]*#(?:.*\\\n)*.*/gm, (directive) => directive.replace(/[^\n]/g, ' '))
  const functions = []
  const open = []
  let line = 1
  let before = ''
  for (const character of code) {
    if (character === '{') {
      open.push({ start: line, head: before.trim().replace(/^template\s*<.*>\s*(?=struct|class|union)/s, '') })
    } else if (character === '}') {
      const { start, head } = open.pop() ?? { head: '' }
      if (!NO_FUNCTION.test(head))
        functions.push({ name: /([\w~]+|\])\s*\(/.exec(head)?.[1] ?? head, lines: line - start + 1 })
    }
    if (character === '\n') line++
    before = '{};'.includes(character) ? '' : before + character
  }
  return functions
}

/** Functions of TypeScript that Biome finds too long: { path: [{ name, lines }] } as a map. Lines are those of code. */
export function longFunctions(report, tree) {
  const found = new Map()
  for (const { category, message, location } of report.diagnostics) {
    if (category !== 'lint/complexity/noExcessiveLinesPerFunction') throw new Error(`Biome: ${message}`)
    const line = tree.get(location.path)?.split('\n')[location.start.line - 1]
    if (line === undefined) continue
    const name = /function\*? (\w+)/.exec(line) ?? /['"`](.*?)['"`]/.exec(line) ?? /([\w.]+) ?[=(:]/.exec(line)
    const lines = Number(/\((\d+)\)/.exec(message)?.[1])
    found.set(location.path, [...(found.get(location.path) ?? []), { name: name?.[1] ?? line.trim(), lines }])
  }
  return found
}

function biome() {
  const require = createRequire(import.meta.url)
  const rule = '--only=complexity/noExcessiveLinesPerFunction' // its 60 lines are in biome.json
  const args = [require.resolve('@biomejs/biome/bin/biome'), 'lint', rule, '--reporter=json', '--max-diagnostics=none']
  const output = execFileSync(process.execPath, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  return JSON.parse(output)
}

/** What is too long in each file: { path: { lines, wide, 'function <name>': … } }. Nothing of a file that is short. */
export function sizesOf(tree, functions = new Map()) {
  const sizes = {}
  for (const [path, text] of tree) {
    const found = {}
    const lines = text.replace(/\n$/, '').split('\n')
    if (lines.length > FILE) found.lines = lines.length
    const wide = lines.filter((line) => [...line].length > WIDTH).length
    if (wide > 0) found.wide = wide
    const all = /\.(cc|h)$/.test(path) ? cppFunctions(text) : (functions.get(path) ?? [])
    for (const { name, lines } of all) {
      if (lines > FUNCTION) found[`function ${name}`] = Math.max(lines, found[`function ${name}`] ?? 0)
    }
    if (Object.keys(found).length > 0) sizes[path] = found
  }
  return sizes
}

function described(what, size) {
  if (what === 'lines') return `expected at most ${FILE} lines but it has ${size}`
  if (what === 'wide') return `expected at most ${WIDTH} characters a line but ${size} are longer`
  return `${what}: expected at most ${FUNCTION} lines but it has ${size}`
}

/** The sizes with the wide lines of the list's folders counted together, as those of the folder. */
function gathered(sizes, allowed) {
  const result = structuredClone(sizes)
  for (const folder of Object.keys(allowed).filter((key) => key.endsWith('/'))) {
    let wide = 0
    for (const [path, found] of Object.entries(result)) {
      if (!path.startsWith(folder) || allowed[path]?.wide !== undefined) continue
      wide += found.wide ?? 0
      delete found.wide
    }
    if (wide > 0) result[folder] = { wide }
  }
  return result
}

/** A line for each size that the list does not allow, and for each entry of the list that is not needed. */
export function problemsOf(sizes, allowed) {
  const problems = []
  const all = gathered(sizes, allowed)
  for (const [path, found] of Object.entries(all)) {
    for (const [what, size] of Object.entries(found)) {
      const most = allowed[path]?.[what]
      if (most === undefined) problems.push(`${path}: ${described(what, size)}`)
      else if (size > most) problems.push(`${path}: ${described(what, size)}, and ${most} when it was allowed`)
    }
  }
  for (const [path, { reason, ...entries }] of Object.entries(allowed)) {
    if (!reason) problems.push(`size-allowed.json: ${path}: expected a reason`)
    for (const what of Object.keys(entries)) {
      if (all[path]?.[what] === undefined) {
        problems.push(`size-allowed.json: ${path}: ${what}: it is short enough: check-size.mjs --update takes it out`)
      }
    }
  }
  return problems
}

/** The list without what is not needed, and with the sizes of now where they are smaller. */
export function updated(sizes, allowed) {
  const all = gathered(sizes, allowed)
  const kept = {}
  for (const [path, { reason, ...entries }] of Object.entries(allowed)) {
    const still = Object.entries(entries).filter(([what]) => all[path]?.[what] !== undefined)
    if (still.length === 0) continue
    const lowered = still.map(([what, most]) => [what, Math.min(most, all[path][what])])
    kept[path] = { ...Object.fromEntries(lowered), reason }
  }
  return kept
}

if (isMain(import.meta.url)) {
  const tree = readTree(FOLDERS, /\.(tsx?|mts|js|mjs|cc|h|py)$/)
  const sizes = sizesOf(tree, longFunctions(biome(), tree))
  let allowed = JSON.parse(readFileSync(ALLOWED, 'utf8'))
  if (process.argv.includes('--update')) {
    allowed = updated(sizes, allowed)
    writeFileSync(ALLOWED, `${JSON.stringify(allowed, null, 2)}\n`)
  }
  const problems = problemsOf(sizes, allowed)
  for (const problem of problems) console.error(problem)
  process.exitCode = problems.length > 0 ? 1 : 0
}

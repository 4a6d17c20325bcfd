// Imports point one way. The house is one list of rooms, the lowest first: a file imports from its own room and from
// those before it in the list, whether for values or for types, and no files import each other in a circle. Only some
// rooms know Node; the others run in a browser too. The includes of kernels/ follow the same rule. Fails with a line
// for each break.
import { posix } from 'node:path'
import { isMain, readTree, withoutComments } from './tree.mjs'

/**
 * A room is a file, the files that a `*` matches, or a folder with all below it. A file belongs to the longest that
 * matches: `src/tasks/words/vocabulary.ts` to `src/tasks/words/`, not to `src/tasks/`.
 */
export const ROOMS = [
  'kernels/losses.h',
  'kernels/kernels.h',
  'kernels/gather.h',
  'kernels/cpu.h',
  'kernels/memory.h',
  'kernels/thread.h',
  'kernels/pool.h',
  'kernels/napi_call.h',
  'kernels/simd.h',
  'kernels/lanes.h',
  'kernels/math.h',
  'kernels/parallel.h',
  'kernels/transpose.h',
  'kernels/rounds.h',
  'kernels/gemm.h',
  'kernels/sparse.h',
  'kernels/gradient.h',
  'kernels/walk.h',
  'kernels/frame.h',
  'kernels/units.h',
  'kernels/gated.h',
  'kernels/shard_sums.h',
  'kernels/gradient_blocks.h',
  'kernels/gradient_deferred.h',
  'kernels/prefetch.h',
  'kernels/step_product.h',
  'kernels/gated_backward.h',
  'kernels/gated_forward.h',
  'kernels/gradient_frames.h',
  'kernels/sparse_backward.h',
  'kernels/*.cc',
  'kernels/all.cc',
  'kernels/napi.cc',
  'kernels/wasm.cc',
  'package.json',
  'src/version.ts',
  'src/schemaType.ts',
  'src/schema.ts',
  'src/error.ts',
  'src/numbers.ts',
  'src/arrays.ts',
  'src/flag.ts',
  'src/rng.ts',
  'src/metric.ts',
  'src/backend/',
  'src/init.ts',
  'src/batch.ts',
  'src/loss.ts',
  'src/task.ts',
  'src/formats/',
  'src/features/',
  'src/disk.node.ts',
  'src/download.node.ts',
  'src/distributed/',
  'src/layers/',
  'src/model/',
  'src/train/',
  'src/table/',
  'src/tasks/paper.ts',
  'src/tasks/recipe.ts',
  'src/tasks/definition.ts',
  'src/tasks/adding/',
  'src/tasks/mnist/',
  'src/tasks/words/',
  'src/tasks/phones/',
  'src/tasks/',
  'src/figures/',
  'src/runs/',
  'src/sweep/',
  'src/data/',
  'src/serve/',
  'src/dashboard/',
  'src/index.ts',
  'src/speech.ts',
  'src/node.ts',
  'src/data.ts',
  'src/serve.ts',
  'page/shared/',
  'page/dashboard/',
  'page/play/',
  'corpora/',
  'experiments/',
  'cli/',
  'bench/',
  'scripts/',
  'test/support/',
  'test/',
]

/** The rooms that may import `node:…` and files that do. */
const NODE_ROOMS = /^(src\/(runs|sweep|serve|dashboard)|cli|bench|experiments|corpora|test|scripts)\//
const NODE = { test: (path) => NODE_ROOMS.test(path) || /^src\/(node|data|serve)\.ts$|\.node\.ts$/.test(path) }

/** Names of package.json's `imports`, and the files that they stand for. */
const ALIASES = { '#platform': ['src/backend/platform.node.ts', 'src/backend/platform.browser.ts'] }

const IMPORTS = [
  /(?:^|[;}])[ \t]*(?:import|export)\b[^'"`;()=]*?\bfrom\s*['"]([^'"\n]+)['"]/gm,
  /(?:^|[;}])[ \t]*import\s*['"]([^'"\n]+)['"]/gm,
  /\bimport\s*\(\s*['"]([^'"\n]+)['"]/g, // import('…') as a value or as a type
]
const INCLUDES = [/^[ \t]*#[ \t]*include[ \t]*"([^"\n]+)"/gm]

/** What a file imports: names as they stand there, each once. */
export function importsOf(path, text) {
  const code = withoutComments(text)
  const patterns = /\.(cc|h)$/.test(path) ? INCLUDES : IMPORTS
  return [...new Set(patterns.flatMap((pattern) => [...code.matchAll(pattern)].map(([, name]) => name)))]
}

/** What scripts/build.mjs makes, as seen from dist/. */
const BUILT = /^(\.\.\/)+build\//

/** The files of this house that a name stands for: none for a package, or what is built. */
function targetsOf(path, name) {
  if (ALIASES[name]) return ALIASES[name]
  const relative = name.startsWith('.') || /\.(cc|h)$/.test(path)
  return relative && !BUILT.test(name) ? [posix.join(posix.dirname(path), name)] : []
}

function matches(room, path) {
  if (room.endsWith('/')) return path.startsWith(room)
  const pattern = room.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '[^/]*')
  return new RegExp(`^${pattern}$`).test(path)
}

function roomOf(rooms, path) {
  return rooms.filter((room) => matches(room, path)).sort((a, b) => b.length - a.length)[0]
}

/** The first circle found from each node of { node: Set of nodes } on: ['a → b → a', …]. */
function circlesOf(graph) {
  const found = []
  const done = new Set()
  const visit = (node, trail) => {
    const at = trail.indexOf(node)
    if (at >= 0) found.push([...trail.slice(at), node].join(' → '))
    if (at >= 0 || done.has(node)) return
    for (const next of graph.get(node) ?? []) visit(next, [...trail, node])
    done.add(node)
  }
  for (const node of graph.keys()) visit(node, [])
  return found
}

function link(graph, from, to) {
  if (!graph.has(from)) graph.set(from, new Set())
  if (from !== to) graph.get(from).add(to)
}

/** What is wrong with the imports of `tree`, a map from path to text: a line for each, none if all is well. */
export function problemsOf(tree, rooms = ROOMS) {
  const problems = []
  const files = new Map()
  const between = new Map()
  for (const [path, text] of tree) {
    const room = roomOf(rooms, path)
    if (room === undefined) {
      problems.push(`${path}: expected a room of scripts/check-imports.mjs but found none: add one, low in the list`)
      continue
    }
    for (const name of importsOf(path, text)) {
      if (name.startsWith('node:') && !NODE.test(path)) {
        problems.push(`${path}: imports ${name}: expected so of *.node.ts and of the rooms that only Node runs`)
      }
      for (const target of targetsOf(path, name)) {
        const other = roomOf(rooms, target)
        if (other === undefined) {
          problems.push(`${path}: imports ${target}: expected a file of a room`)
          continue
        }
        link(files, path, target)
        link(between, room, other)
        if (rooms.indexOf(other) > rooms.indexOf(room)) {
          problems.push(`${path}: imports ${target}, upward: ${room} comes before ${other} in the list of rooms`)
        }
        if (name !== '#platform' && NODE.test(target) && !NODE.test(path)) {
          problems.push(`${path}: imports ${target}, which only Node runs`)
        }
      }
    }
  }
  for (const circle of circlesOf(files)) problems.push(`circle of files: ${circle}`)
  for (const circle of circlesOf(between)) problems.push(`circle of rooms: ${circle}`)
  return problems
}

const FOLDERS = ['kernels', 'src', 'cli', 'bench', 'experiments', 'corpora', 'page', 'scripts', 'test']

if (isMain(import.meta.url)) {
  const problems = problemsOf(readTree(FOLDERS, /\.(tsx?|mjs|cc|h)$/))
  for (const problem of problems) console.error(problem)
  process.exitCode = problems.length > 0 ? 1 : 0
}

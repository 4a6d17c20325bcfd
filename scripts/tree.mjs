// What the checks of the source share: the files of this tree, and their code without comments.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** The files under `folders` whose names match: a map from path to text. Paths start at the root, with slashes. */
export function readTree(folders, names) {
  const tree = new Map()
  for (const folder of folders) {
    if (!existsSync(join(ROOT, folder))) continue
    for (const entry of readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name)
      if (!entry.isFile() || !names.test(entry.name) || path.includes('node_modules')) continue
      tree.set(relative(ROOT, path).split(sep).join('/'), readFileSync(path, 'utf8'))
    }
  }
  return tree
}

const STRINGS_AND_COMMENTS =
  /'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\[\s\S]|[^\\`])*`|\/\/[^\n]*|\/\*[\s\S]*?\*\//g

/** `text` of TypeScript or C++, its comments as spaces. Lines keep their numbers. */
export function withoutComments(text) {
  return text.replace(STRINGS_AND_COMMENTS, (found) =>
    found.startsWith('//') || found.startsWith('/*') ? found.replace(/[^\n]/g, ' ') : found,
  )
}

/** Whether the file of `url` is the program that Node was asked to run, not imported by another. */
export function isMain(url) {
  return process.argv[1] === fileURLToPath(url)
}

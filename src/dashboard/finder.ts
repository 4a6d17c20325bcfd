/**
 * Folders of runs under some roots, found again and again. Links are not followed, so that nothing outside of a root is
 * read. A look costs little: only folders that have changed are listed anew. It asks the disk and waits for no signal
 * of it, which network file systems do not send.
 */
import * as fs from 'node:fs'
import * as path from 'node:path'
import { CONFIG, METRICS } from '../runs/stored.ts'

export interface FoundRun {
  readonly dir: string
  /** Its path under its root, with slashes; of a root that is a run, the folder's name. */
  readonly name: string
}

export interface Finder {
  /** Looks for new folders and for those that are gone. Returns the runs, sorted by name. */
  look(): readonly FoundRun[]
  /** What was left out, a line each. */
  readonly problems: readonly string[]
}

const DEEPEST = 8
const MOST_RUNS = 20_000
const MOST_FOLDERS = 100_000

interface Folder {
  changed: number
  isRun: boolean
  children: string[]
}

/** @param roots folders as realpath has them */
export function createFinder(roots: readonly string[]): Finder {
  const folders = new Map<string, Folder>()
  const problems = new Set<string>()
  let found: FoundRun[] = []

  function visit(dir: string, name: string, depth: number, seen: Set<string>): void {
    if (seen.has(dir)) return
    if (found.length >= MOST_RUNS || seen.size >= MOST_FOLDERS) {
      problems.add(`more than ${MOST_RUNS} runs or ${MOST_FOLDERS} folders: those after them are left out`)
      return
    }
    const folder = listed(dir, folders.get(dir))
    if (folder === null) return
    seen.add(dir)
    folders.set(dir, folder)
    if (folder.isRun) found.push({ dir, name: name === '' ? path.basename(dir) : name })
    if (folder.isRun || depth === DEEPEST) return
    for (const child of folder.children) {
      visit(path.join(dir, child), name === '' ? child : `${name}/${child}`, depth + 1, seen)
    }
  }
  return {
    look() {
      found = []
      const seen = new Set<string>()
      for (const root of roots) visit(root, '', 0, seen)
      for (const dir of folders.keys()) if (!seen.has(dir)) folders.delete(dir)
      return found
    },
    get problems() {
      return [...problems]
    },
  }
}

/** What is in a folder, as known before if it has not changed; null: it is none, or may not be read. */
function listed(dir: string, before: Folder | undefined): Folder | null {
  try {
    const stats = fs.lstatSync(dir)
    if (!stats.isDirectory()) return null
    // Two changes within a tick of the disk's clock have one time: a folder that is new is listed again.
    if (before && before.changed === stats.mtimeMs && Date.now() - stats.mtimeMs > 3000) return before
    const entries = fs.readdirSync(dir, { withFileTypes: true })
    const files = new Set(entries.filter((entry) => entry.isFile()).map((entry) => entry.name))
    const children = entries
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.') && entry.name !== 'node_modules')
      .map((entry) => entry.name)
      .sort()
    return { changed: stats.mtimeMs, isRun: files.has(CONFIG) && files.has(METRICS), children }
  } catch {
    return null // removed meanwhile, or not ours to read
  }
}

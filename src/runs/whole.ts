/** The folder of a run that is written at once, not while a run is at work: it is there when all of it is. */
import * as fs from 'node:fs'
import * as path from 'node:path'
import { explaining, makeFolder } from '../disk.node.ts'
import { InputError } from '../error.ts'
import { type CreateOptions, createRunFolder } from './folder.ts'
import { CONFIG, type RunConfig } from './stored.ts'
import type { RunFolder } from './writer.ts'

/** @throws InputError unless a run can be written there: before any work is done for it */
export function refuseFolder(dir: string, overwrite = false): void {
  explaining(dir, 'cannot be written', () => {
    const stats = fs.lstatSync(dir, { throwIfNoEntry: false })
    if (!stats) return
    if (!stats.isDirectory()) throw new InputError(`${dir}: expected a new or empty folder but it is a file`)
    const held = fs.readdirSync(dir)
    if (held.length === 0 || (overwrite && held.includes(CONFIG))) return
    const remedy = held.includes(CONFIG) ? 'a run: name another or add --overwrite' : 'other files: name another folder'
    throw new InputError(`${dir}: expected a new or empty folder but it holds ${remedy}`)
  })
}

/**
 * Writes a folder, which `fill` fills. It is made under another name and renamed when it is whole, so that whatever
 * happens, there is no half of a run.
 * @throws InputError when it cannot be written or is not empty
 */
export function writeRunFolder(
  dir: string,
  config: RunConfig,
  { overwrite = false, files, say }: CreateOptions,
  fill: (folder: RunFolder) => void,
): void {
  refuseFolder(dir, overwrite)
  const making = `${path.resolve(dir)}.${process.pid}.making`
  try {
    explaining(dir, 'cannot be written', () => makeFolder(path.dirname(path.resolve(dir))))
    const folder = createRunFolder(making, config, { files, ...(say && { say }) })
    try {
      fill(folder)
    } finally {
      folder.close()
    }
    explaining(dir, 'cannot be written', () => {
      if (fs.existsSync(dir)) fs.rmSync(dir, { recursive: true })
      fs.renameSync(making, dir)
    })
  } finally {
    fs.rmSync(making, { recursive: true, force: true })
  }
}

/** The built pages: what their list names is in memory, and nothing else is ever given out. */
import * as path from 'node:path'
import { ownText, readBytes, sha256 } from '../disk.node.ts'
import { checked, InputError } from '../error.ts'
import * as z from '../schema.ts'

export interface SiteFile {
  readonly bytes: Uint8Array
  readonly type: string
  readonly sha256: string
  /** Its name says its content: browsers may keep it. */
  readonly hashed: boolean
}

/** By the path of a request, "/dashboard/", "/assets/play-Dx3_q.js". */
export type Site = ReadonlyMap<string, SiteFile>

const MANIFEST = 'manifest.json'
const NAME = /^(?:[\w-]+\/)*[\w-][\w.-]*$/

const manifestSchema = z.looseObject({
  files: z.array(z.looseObject({ name: z.string(), type: z.string(), sha256: z.string() })),
})

/** @param folder of manifest.json. @throws InputError where a file of the list is missing or is another one */
export function loadSite(folder: string): Site {
  const list = path.join(folder, MANIFEST)
  const site = new Map<string, SiteFile>()
  for (const { name, type, sha256: sum } of checked(manifestSchema, JSON.parse(ownText(list)), list).files) {
    const file = path.join(folder, name)
    const bytes = NAME.test(name) ? readBytes(file) : new Uint8Array(0)
    if (sha256(bytes) !== sum) throw new InputError(`${file}: damaged: it is not the one that ${MANIFEST} lists`)
    const at = `/${name}`.replace(/\/index\.html$/, '/')
    site.set(at, { bytes, type, sha256: sum, hashed: name.startsWith('assets/') })
  }
  return site
}

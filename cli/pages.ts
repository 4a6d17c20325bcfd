/**
 * The pages and their server: in a clone what its build has made, installed the package irnn-web, which is apart
 * because most who train never open a page.
 */
import * as fs from 'node:fs'
import { createRequire } from 'node:module'
import * as path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type * as pages from '../src/dashboard/pages.ts'
import type { Site } from '../src/dashboard/site.ts'
import { InputError } from '../src/error.ts'
import { VERSION } from '../src/version.ts'

export type PageModule = typeof pages

const PACKAGE = 'irnn-web'

/** @throws InputError where there are none, or those of another version */
export async function loadPages(): Promise<{ readonly server: PageModule; readonly site: Site }> {
  const clone = fileURLToPath(new URL('../web', import.meta.url))
  if (fs.existsSync(path.join(clone, 'manifest.json'))) {
    const server = await import('../src/dashboard/pages.ts')
    return { server, site: server.loadSite(clone) }
  }
  const folder = packageFolder()
  const server: PageModule = await import(pathToFileURL(path.join(folder, 'server.js')).href)
  return { server, site: server.loadSite(path.join(folder, 'web')) }
}

function packageFolder(): string {
  const require = createRequire(import.meta.url)
  let file: string
  try {
    file = require.resolve(`${PACKAGE}/package.json`)
  } catch {
    throw new InputError(
      `pages: expected the package ${PACKAGE} but it is not installed: "npm install ${PACKAGE}@${VERSION}", ` +
        'or in a clone "node scripts/build.mjs web"',
    )
  }
  const { version } = require(file) as { version: string }
  if (version === VERSION) return path.dirname(file)
  throw new InputError(
    `pages: expected ${PACKAGE} ${VERSION}, as this irnn is, but found ${version}: "npm install ${PACKAGE}@${VERSION}"`,
  )
}

/** What the server finds wrong with an input. Packed it has a class of errors of its own. @throws InputError */
export async function explained<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const { name, message } = error as Error
    throw name === 'InputError' ? new InputError(message) : error
  }
}

/**
 * Who may write a run in a folder that several machines share, where no machine can see whether a process of another is
 * alive: the one whose token stands in the file `owner`. Whoever takes a run over writes its token there first, and the
 * one before it finds that out before it writes anything more, and ends.
 */
import { existsSync } from 'node:fs'
import * as path from 'node:path'
import { explaining, ownText, writeAtomic } from '../disk.node.ts'

export const OWNER = 'owner'

/** Another process has taken the run over: this one has written nothing since, and must not. */
export class FencedError extends Error {
  override readonly name: string = 'FencedError'
}

/** Takes a run over. @throws InputError when its folder cannot be written */
export function takeOver(dir: string, token: string): void {
  const file = path.join(dir, OWNER)
  explaining(file, 'cannot be written', () => writeAtomic(file, token))
}

/** @param token undefined: a process that has none is not asked. @throws FencedError when another token stands there */
export function refuseFenced(dir: string, token: string | undefined): void {
  if (token === undefined) return
  const file = path.join(dir, OWNER)
  if (!existsSync(file) || ownText(file) === token) return
  throw new FencedError(`${dir}: another process has taken this run over: it goes on there`)
}

/** The file system as tests want it. */
import type * as fs from 'node:fs'
import builtin from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import type { TestContext } from 'node:test'

/** A function of node:fs, for everyone, until the returned one is called or the test is over. */
export function replaced(
  context: TestContext,
  name: 'renameSync' | 'writeSync' | 'fsyncSync',
  by: (...args: fs.PathLike[]) => void,
): () => void {
  const { [name]: original } = builtin
  const put = (work: unknown) => {
    Object.assign(builtin, { [name]: work })
    syncBuiltinESMExports()
  }
  put(by)
  const restore = () => put(original)
  context.after(restore)
  return restore
}

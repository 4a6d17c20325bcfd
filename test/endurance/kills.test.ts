// A few kills of each task, as kills.ts has them by the hundred.
import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import { after, describe, test } from 'node:test'
import { killed, TASKS } from './kills.ts'

const home = fs.mkdtempSync(path.join(os.tmpdir(), 'irnn-kills-'))
process.env.IRNN_CACHE = path.join(home, 'cache')
after(() => fs.rmSync(home, { recursive: true }))

describe('killed with SIGKILL, also in the middle of a write: the same model and records as never killed', () => {
  for (const task of TASKS)
    test(task, async () => {
      await killed(task, { kills: 1, seed: 21, home, part: 0.3 })
    })
})

// A few races for a dead lock, as races.ts has them by the thousand.
import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import { after, test } from 'node:test'
import { raced } from './races.ts'

const home = fs.mkdtempSync(path.join(os.tmpdir(), 'irnn-races-'))
after(() => fs.rmSync(home, { recursive: true }))

test('six processes at a dead lock, some of which die: one has it, and the run ends with the same bits', async () => {
  const { rounds, died } = await raced({ races: 12, seed: 21, home })
  assert.ok(rounds >= 12 && died.claiming + died.holding > 0)
})

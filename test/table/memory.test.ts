// A large file takes little more memory than its columns. The 1 GB that the claim is about is in bench/data.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { newFile } from '../support/tables.ts'

test('a file of 40 MB is not in memory as a whole', (context) => {
  const words = 'x'.repeat(180)
  const lines = Array.from({ length: 1000 }, (_, i) => `2015-01-01 00:00,${i}.5,${words}${i % 7}\n`).join('')
  const file = newFile(context, 'x.csv', `time,value,word\n${lines.repeat(200)}`)
  const open = new URL('../../src/table/openTable.node.js', import.meta.url)
  const program = `
    import { openTable } from '${open}'
    const before = process.resourceUsage().maxRSS
    const { rows } = await openTable(${JSON.stringify(file)})
    console.log(rows, (process.resourceUsage().maxRSS - before) / 1024)`
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' })
  const [rows, megabytes] = stdout.split(' ').map(Number)
  assert.equal(rows, 200_000, stderr)
  assert.ok(megabytes! < 30, `${megabytes} MB; the columns are 4 MB, the file 40 MB, half of which would fail here`)
})

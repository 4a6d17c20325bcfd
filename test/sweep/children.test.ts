// A trial does not outlive the process that runs it, whatever killed that: not even one that never comes to rest.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'

const CHILDREN = new URL('../../src/sweep/children.js', import.meta.url).href
const skip = spawnSync('setpriv', ['--pdeathsig', 'KILL', 'true']).status !== 0 && 'there is no setpriv of util-linux'

/** A process whose child computes for ever, and says its number. */
const PARENT = `
  import { runChild } from '${CHILDREN}'
  const take = (child) => console.log(child.pid)
  await runChild([], { command: [process.execPath, '-e', 'for (;;);', '--'], take })
`

/** Not gone, nor a dead one of which nobody has taken note. */
function lives(pid: number): boolean {
  try {
    return !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

test('a child that computes dies with its parent', { skip }, async () => {
  const parent = spawn(process.execPath, ['--input-type=module', '-e', PARENT], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const pid: number = await new Promise((resolve) =>
    createInterface({ input: parent.stdout }).once('line', (line) => resolve(Number(line))),
  )
  await sleep(300) // setpriv has become the command
  assert.ok(pid > 0 && lives(pid))
  parent.kill('SIGKILL')
  // At once; but it has the lowest priority, and on a machine full of work it waits even to die.
  for (const since = performance.now(); lives(pid); await sleep(20)) assert.ok(performance.now() - since < 10_000)
})

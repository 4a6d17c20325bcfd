/** Files of a run with any field missing or of another type, for every command that reads one: one line, or nothing. */
import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { home } from '../support/command.ts'
import type { Found } from '../support/damaged.ts'

const PROCESS = fileURLToPath(new URL('../support/damaged.js', import.meta.url))

for (const task of ['adding', 'mnist', 'phones', 'words']) {
  test(`a run of ${task} with any field missing or wrong: one line that names it, or an answer`, async () => {
    const child = fork(PROCESS, [task, home])
    const [{ refused, failures }] = (await once(child, 'message')) as [Found]
    assert.deepEqual(failures, [])
    assert.ok(refused > 100, String(refused))
  })
}

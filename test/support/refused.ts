/** What a caller may do wrong: one clear line. */
import assert from 'node:assert/strict'
import { InputError } from '../../src/error.ts'

/** `work` throws an InputError of a single line that matches. */
export function refused(work: () => unknown, pattern: RegExp): void {
  assert.throws(work, (error: Error) => {
    assert.ok(error instanceof InputError, String(error))
    assert.match(error.message, pattern)
    return !error.message.includes('\n')
  })
}

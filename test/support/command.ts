/** The command as a child process in a temporary home of its own, which goes when the test file ends. */
import { type ChildProcess, spawn } from 'node:child_process'
import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import { after } from 'node:test'
import { fileURLToPath } from 'node:url'

export const MAIN: string = fileURLToPath(new URL('../../cli/main.js', import.meta.url))
export const home: string = fs.mkdtempSync(path.join(os.tmpdir(), 'irnn-'))
after(() => fs.rmSync(home, { recursive: true }))

export interface Result {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

export function start(...args: string[]): { child: ChildProcess; result: Promise<Result> } {
  const child = spawn(process.execPath, [MAIN, ...args], { cwd: home })
  let out = ''
  let err = ''
  child.stdout.on('data', (data) => {
    out += data
  })
  child.stderr.on('data', (data) => {
    err += data
  })
  return { child, result: new Promise((resolve) => child.on('close', (code) => resolve({ code, out, err }))) }
}

export const run = (...args: string[]): Promise<Result> => start(...args).result

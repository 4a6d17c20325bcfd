/** The commands of the guides run as they stand: a guide's blocks of shell are one session. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { home, MAIN } from './support/command.ts'
import { AS_ROOT, noMpi } from './support/ranks.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const missing = ['bash', 'curl'].find((program) => spawnSync(program, ['--version']).status !== 0)
const skip = missing !== undefined && `there is no ${missing}`

/** A folder in which the package is installed, and its `npx irnn` is the command of this build, also without npx. */
function installed(name: string): { cwd: string; env: NodeJS.ProcessEnv } {
  const cwd = path.join(home, name)
  fs.mkdirSync(path.join(cwd, 'node_modules'), { recursive: true })
  fs.symlinkSync(ROOT, path.join(cwd, 'node_modules', 'irnn'))
  const bin = path.join(cwd, 'bin')
  fs.mkdirSync(bin)
  const script = (file: string, first: string) =>
    fs.writeFileSync(file, `#!/bin/sh\n${first}exec "${process.execPath}" "${MAIN}" "$@"\n`, { mode: 0o755 })
  script(path.join(bin, 'npx'), 'shift\n')
  fs.mkdirSync(path.join(cwd, 'node_modules', '.bin'))
  script(path.join(cwd, 'node_modules', '.bin', 'irnn'), '')
  return { cwd, env: { ...AS_ROOT, PATH: `${bin}:${path.dirname(process.execPath)}:${process.env.PATH}` } }
}

/** What must be printed, in that order. */
const PRINTED: Readonly<Record<string, readonly RegExp[]>> = {
  'start/paper': [
    /^test MSE 0\.0\d+ \(always 1: 0\.167\) after 300 iterations/m,
    /^model +irnn, 100 units/m,
    /300/m,
    /first\.html/m,
  ],
  dashboard: [
    /^\{"instance":"[\w-]+","revision":\d+,.*"name":"first",/m,
    /^type,iteration,seconds,.*loss\.mean/m,
    /^step,\d+,/m,
  ],
  scale: [
    /^best: t\w{20} {2}lr 0.0\d+, clip 1, seed 1: MSE [\d.]+; irnn sweep results grid has all 2$/m,
    /^2 of 2 trials done$/m,
    /^MSE +lr +id$/m,
    /^\{"id":"t\w{20}","config":\{"task":"adding",.*"seed":1\},"score":[\d.]+,"sha256":"\w{64}","state":"done"/m,
    /^MSE +average +.*hidden +lr +id$/m,
    ...(noMpi ? [] : [/^test MSE .* after 100 iterations in .*; ranks$/m]),
  ],
  service: [
    /^\{"name":"sales","kind":"forecast",.*"horizon":3/m,
    /^\{"predictions":\[\{"time":"2015-05-21","series":"sales","point":[\d.]+,"quantiles":/m,
    /^\{"error":"body: rows\.0: .* did you mean sales\?"/m,
    /"event":"reload","run":"sales"\}$/m,
  ],
  stream: [
    /^\{"rows":1,"predictions":\[\{"logits":\[[^\]]+\],"class":\d\}\]\}$/m,
    /^\{"rows":3,"predictions":\[\{.*\},\{.*\}\]\}$/m,
    /^\{"session":"[\w-]+"\}$/m,
  ],
}

for (const [name, lines] of Object.entries(PRINTED)) {
  test(`docs/${name}.md: its commands run`, { skip }, () => {
    const text = fs.readFileSync(path.join(ROOT, 'docs', `${name}.md`), 'utf8')
    const blocks = [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block]) => block!)
    // The first command of a guide of services names a port, and does not end.
    const commands = blocks.filter((block) => !block.includes('--port 8080') && !(noMpi && block.includes('mpirun')))
    assert.ok(commands.length >= 1)
    const { cwd, env } = installed(name)
    const script = ['set -eu', ...commands].join('\n')
    const { stdout, stderr, status } = spawnSync('bash', ['--norc', '-c', script], {
      cwd,
      env,
      encoding: 'utf8',
      timeout: 240_000,
    })
    assert.equal(status, 0, `${stdout}\n${stderr}`)
    let rest = stdout
    for (const line of lines) {
      const found = line.exec(rest)
      assert.ok(found, `${line}\n${rest}`)
      rest = rest.slice(found.index + found[0].length)
    }
  })
}

/** `irnn serve`: its address, its signals, its log, and what it refuses. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { test } from 'node:test'
import { classification, createBackend, createModel, gru, saveModel } from '../../src/index.ts'
import { namedRuns } from '../../src/serve/open.ts'
import { home, run, start } from '../support/command.ts'

const backend = await createBackend({ threads: 1 })
const model = (seed: number) =>
  saveModel(createModel({ input: 1, rnn: gru(3), head: classification(2) }, { backend, seed }))
const file = path.join(home, 'wave.safetensors')
fs.writeFileSync(file, model(1))

/** A service of the command, once it has said where it is. */
async function serving(...args: string[]) {
  const { child, result } = start('serve', ...args, '--port', '0')
  const [first] = await Promise.race([once(child.stdout!, 'data'), result.then(({ err }) => assert.fail(err))])
  const line = String(first)
  let log = ''
  child.stderr!.on('data', (data) => {
    log += data
  })
  const said = async (pattern: RegExp) => {
    while (!pattern.test(log)) await once(child.stderr!, 'data')
  }
  return { child, result, line, said }
}

const ask = async (url: string, body: object) => {
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(`${url}/v1/runs/wave/predict`, { method: 'POST', headers, body: JSON.stringify(body) })
  return (await answer.json()).predictions[0].logits
}

test('the address is the first line; SIGHUP takes up a new model; SIGTERM ends it well', async () => {
  const { child, result, line, said } = await serving('wave.safetensors')
  assert.match(line, /^http:\/\/127\.0\.0\.1:\d+\n$/)
  const url = line.trim()
  const before = await ask(url, { x: [[1]] })
  fs.writeFileSync(file, 'garbage')
  child.kill('SIGHUP')
  await said(/"level":"error","event":"reload","run":"wave","problem":/)
  assert.deepEqual(await ask(url, { x: [[1]] }), before)
  fs.writeFileSync(file, model(2))
  child.kill('SIGHUP')
  await said(/"level":"info","event":"reload","run":"wave"/)
  assert.notDeepEqual(await ask(url, { x: [[1]] }), before)
  child.kill('SIGTERM')
  const { code, out, err } = await result
  assert.deepEqual([code, out], [0, line])
  const entries = err
    .trimEnd()
    .split('\n')
    .map((text) => JSON.parse(text))
  assert.ok(entries.every(({ time, level, event }) => time && level && event))
  assert.equal(entries.filter(({ event, status }) => event === 'request' && status === 200).length, 3)
})

test('killed and started again it serves as before, and a JSON line has the address', async () => {
  const first = await serving('wave=wave.safetensors', '--json')
  const { type, url, runs } = JSON.parse(first.line)
  assert.deepEqual([type, runs], ['listening', ['wave']])
  const answer = await ask(url, { x: [[1], [2]] })
  const port = new URL(url).port
  const taken = await run('serve', 'wave.safetensors', '--port', port)
  assert.deepEqual([taken.code, taken.out], [2, ''])
  assert.match(
    taken.err,
    /^irnn: 127\.0\.0\.1:\d+: cannot listen: another program listens there: name another port.*\n$/,
  )
  first.child.kill('SIGKILL')
  await first.result
  const again = start('serve', 'wave.safetensors', '--port', port, '--host', '0.0.0.0')
  await once(again.child.stdout!, 'data')
  assert.deepEqual(await ask(url, { x: [[1], [2]] }), answer)
  again.child.kill('SIGINT')
  const { code, out, err } = await again.result
  assert.deepEqual([code, out], [0, `http://0.0.0.0:${port}\n`])
  assert.match(err, /^! http:\/\/0\.0\.0\.0:\d+: whoever can reach this address can ask: set a token/m)
})

test('what it refuses, in one line and with 2', async () => {
  fs.writeFileSync(path.join(home, 'garbage.safetensors'), 'garbage')
  for (const [args, line] of [
    [[], /^irnn: serve: expected <runs> but received nothing: add it; see irnn serve --help\n$/],
    [['garbage.safetensors'], /^irnn: [^\n]+\n$/],
  ] as [string[], RegExp][]) {
    const { code, out, err } = await run('serve', ...args)
    assert.deepEqual([code, out], [2, ''], err)
    assert.match(err, line)
  }
})

test('names of runs', () => {
  const named = { births: 'runs/a', 'b-1': '/x/b-1', wave: './wave.safetensors', sales: 'sales/model.safetensors' }
  const words = ['births=runs/a', '/x/b-1', './wave.safetensors', 'sales/model.safetensors']
  assert.deepEqual(namedRuns(words), named)
  assert.throws(
    () => namedRuns(['a b=x']),
    /^InputError: a b=x: expected a name of letters, digits, .* write NAME=a b=x$/,
  )
  assert.throws(() => namedRuns(['a', './a']), /expected each name once but a is there twice: write NAME=\.\/a$/)
  for (const word of ['..=x', '=x', '__proto__=x', `${'a'.repeat(65)}=x`]) {
    assert.throws(() => namedRuns([word]), { name: 'InputError' }, word)
  }
})

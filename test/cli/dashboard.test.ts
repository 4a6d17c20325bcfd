/** The command of the dashboard: its address, its options, and what it refuses. */
import assert from 'node:assert/strict'
import * as net from 'node:net'
import * as path from 'node:path'
import { test } from 'node:test'
import { home, run, start } from '../support/command.ts'
import { learning, writeRun } from '../support/shown.ts'

writeRun(path.join(home, 'runs'), 'a', learning(20))

/** Starts it, waits for its address, and gives what it answers. */
async function serving(...args: string[]) {
  const { child, result } = start('dashboard', ...args, '--no-open')
  const line = await new Promise<string>((resolve, reject) => {
    child.stdout!.once('data', (data) => resolve(String(data)))
    result.then(({ err }) => reject(new Error(err)))
  })
  const end = async () => {
    child.kill('SIGTERM')
    return result
  }
  return { line, end }
}

test('prints its address first, shows ./runs, and a signal ends it with 0', async () => {
  const { line, end } = await serving('--port', '0')
  assert.match(line, /^http:\/\/127\.0\.0\.1:\d+\/\n$/)
  const list = (await (await fetch(`${line.trim()}api/runs`)).json()) as { runs: { name: string }[] }
  assert.deepEqual(
    list.runs.map(({ name }) => name),
    ['a'],
  )
  const { code, out, err } = await end()
  assert.deepEqual([code, out, err], [0, line, ''])
})

test('on a port that is taken it takes the next, and JSON says which', async () => {
  const taken = net.createServer()
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
  const { port } = taken.address() as net.AddressInfo
  const { line, end } = await serving('runs', '--port', String(port), '--json')
  const { type, url } = JSON.parse(line)
  assert.equal(type, 'dashboard')
  const own = Number(new URL(url).port)
  assert.ok(own > port && own <= port + 20, `${own} after ${port}`)
  await end()
  taken.close()
})

test('on an address that others can reach a token is made, and wanted', async () => {
  const { line, end } = await serving('runs', '--port', '0', '--host', '0.0.0.0')
  const [, port, token] = /^http:\/\/0\.0\.0\.0:(\d+)\/#t=([\w-]{43})\n$/.exec(line)!
  const address = `http://127.0.0.1:${port}/api/runs`
  assert.equal((await fetch(address)).status, 401)
  assert.equal((await fetch(address, { headers: { authorization: `Bearer ${token}` } })).status, 200)
  const { err } = await end()
  assert.match(err, /^! http:\/\/0\.0\.0\.0:\d+\/: others can reach this address: keep the part after # to yourself\n$/)
  assert.ok(!err.includes(token!))
})

test('what it cannot show is refused in one line', async () => {
  const refused: readonly [readonly string[], RegExp][] = [
    [['nowhere'], /^irnn: nowhere: expected a folder of runs but there is nothing: name another\n$/],
    [['runs/a/config.json'], /^irnn: runs\/a\/config\.json: expected a folder of runs but there is a file: /],
    [['runs', '--port', '70000'], /^irnn: --port: expected at most 65535 but received 70000\n$/],
    [['runs', '--host', 'no.such.host.invalid', '--port', '0'], /^irnn: no\.such\.host\.invalid:0: cannot listen: /],
  ]
  for (const [args, line] of refused) {
    const { code, out, err } = await run('dashboard', ...args)
    assert.deepEqual([code, out], [2, ''], err)
    assert.match(err, line)
  }
})

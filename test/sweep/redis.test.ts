// Who may do what: TLS, a user with few rights, addresses, and jobs that nobody should run.
import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { test } from 'node:test'
import { flagsOf } from '../../cli/sweep.ts'
import { withQueue } from '../../cli/sweepQueue.ts'
import { runWorker } from '../../cli/worker.ts'
import { InputError } from '../../src/error.ts'
import { trialOfJob } from '../../src/sweep/job.ts'
import { addressOf } from '../../src/sweep/redis.ts'
import { trialOf } from '../../src/sweep/trials.ts'
import { home, MAIN } from '../support/command.ts'
import { noRedis, startRedis, until } from '../support/redis.ts'

const skip = noRedis || (spawnSync('openssl', ['version']).status !== 0 && 'there is no openssl')
const at = (name: string) => path.join(home, name)

test('an address has user, password, database and TLS; what is none is refused without showing it', () => {
  const { shown, options } = addressOf('rediss://irnn:p%40ss@[::1]:6380/3')
  assert.equal(shown, 'rediss://[::1]:6380')
  assert.deepEqual(options, {
    host: '::1',
    port: 6380,
    db: 3,
    username: 'irnn',
    password: 'p@ss',
    tls: {},
  })
  assert.deepEqual(addressOf('redis://h').options, { host: 'h', port: 6379, db: 0 })
  for (const text of ['h:6379', 'http://:secret@h', 'redis://:secret@h/a', 'redis://:secret@h?x=1', 'secret']) {
    assert.throws(
      () => addressOf(text),
      (error) =>
        error instanceof InputError && /^--queue: expected redis:/.test(error.message) && !/secret/.test(error.message),
      text,
    )
  }
  assert.throws(() => addressOf('redis://h', 'ca.pem'), /--queue-ca: expected an address that begins with rediss:/)
  assert.throws(() => addressOf('redis://:100%@h'), /expected the password with % as %25/)
})

test('a job is run only if it is a trial under its own id, with data from where they may be', () => {
  const checks = { flagsOf, data: at('data') }
  const trial = (options: Record<string, string | number>) => trialOf({ task: 'mnist', options, seed: 1 })
  const good = trial({ data: at('data/digits'), lr: 0.01 })
  assert.deepEqual(trialOfJob(good.id, good, checks), good)
  fs.mkdirSync(at('data'))
  fs.symlinkSync('/etc', at('data/link'))
  const bad: readonly (readonly [unknown, RegExp])[] = [
    [{ ...good, config: { ...good.config, seed: 2 } }, /as its id: it was forged$/],
    [{ ...good, id: 'other' }, /as its id: it was forged$/],
    [{ ...good, command: 'rm' }, /command: no such option/],
    [{ ...good, config: { ...good.config, path: 'x' } }, /the id and config of a trial/],
    [{ ...good, config: { ...good.config, options: { ...good.config.options, out: '/' } } }, /out: the sweep sets it/],
    [null, /expected options in an object/],
    [
      trial({ lr: 0.01, data: '/etc' }),
      /data: expected a place in .*, the --data of this worker, but received "\/etc"/,
    ],
    [trial({ lr: 0.01, data: at('data/../x') }), /expected a place in/],
    [trial({ lr: 0.01, data: at('data/link/x') }), /expected a place in/],
  ]
  for (const [job, message] of bad) {
    const id =
      (job as { id?: string } | null)?.id === 'other' ? good.id : ((job as { id: string } | null)?.id ?? good.id)
    assert.throws(
      () => trialOfJob(id, job, checks),
      (error) => error instanceof InputError && message.test(error.message),
    )
  }
  assert.throws(() => trialOfJob(good.id, good, { flagsOf, data: undefined }), /start it with --data$/)
  const polluted = JSON.parse(
    `{"id": "${good.id}", "config": {"task": "mnist", "options": {"__proto__": 1}, "seed": 1}}`,
  )
  assert.throws(() => trialOfJob(good.id, polluted, checks), /__proto__.*: no such option/)
})

test('what cannot be reached, or refuses, is said in one line', { skip: noRedis }, async () => {
  const gone = 'redis://127.0.0.1:1'
  const worker = { sweep: 'a', lease: 30 }
  await assert.rejects(
    () => runWorker({ ...worker, queue: gone }),
    /cannot be reached: .*ECONNREFUSED.*: start it, or /,
  )
  await assert.rejects(() => runWorker(worker), /^InputError: worker: expected --queue <url>, or IRNN_QUEUE/)
  await assert.rejects(() => runWorker({ ...worker, sweep: 'a:b', queue: gone }), /--sweep: expected letters, digits/)
  await assert.rejects(() => runWorker({ ...worker, dir: at('none'), queue: gone }), /there is no such folder/)
  const { url } = await startRedis('--requirepass', 'secret')
  for (const refused of [url, url.replace('//', '//:wrong@')]) {
    await assert.rejects(
      () => withQueue(at('a'), { queue: refused }, () => {}),
      (error: Error) =>
        /it refuses this user: (NOAUTH|WRONGPASS)/.test(error.message) && !/secret|wrong@/.test(error.message),
    )
  }
  await withQueue(at('a'), { queue: url.replace('//', '//:secret@') }, (queue) => assert.equal(queue!.name, 'a'))
})

/** A certificate for 127.0.0.1 and who vouches for it. */
function certificates(): { ca: string; settings: string[] } {
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: home, stdio: 'pipe' })
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=ca', '-days', '2')
  openssl('req', ...key, '-keyout', 'own.key', '-out', 'own.csr', '-subj', '/CN=redis')
  fs.writeFileSync(at('ext'), 'subjectAltName=IP:127.0.0.1')
  openssl(
    'x509',
    '-req',
    '-in',
    'own.csr',
    '-CA',
    'ca.pem',
    '-CAkey',
    'ca.key',
    '-CAcreateserial',
    '-extfile',
    'ext',
    '-out',
    'own.pem',
    '-days',
    '2',
  )
  const tls = ['--tls-cert-file', at('own.pem'), '--tls-key-file', at('own.key'), '--tls-ca-cert-file', at('ca.pem')]
  return { ca: at('ca.pem'), settings: ['--tls-port', 'PORT', ...tls, '--tls-auth-clients', 'no'] }
}

test('over TLS, as a user who may do nothing else; cancelled, and gone on with', { skip }, async () => {
  const { ca, settings } = certificates()
  const rights = 'user irnn on >let-me ~irnn:* resetchannels &irnn:* +@all -@admin -@dangerous +info'
  fs.writeFileSync(at('users.acl'), `user default off\n${rights}\n`)
  const { port } = await startRedis(...settings, '--aclfile', at('users.acl'))
  const queue = `rediss://irnn:let-me@127.0.0.1:${port}`
  fs.writeFileSync(
    at('tls.yaml'),
    'task: adding\noptions: {train-size: 50, test-size: 20, iterations: 1500, checkpoint-every: 10}\n' +
      'space: {hidden: [4], length: [10]}',
  )
  const command = (...args: string[]) => {
    const child = spawn(process.execPath, [MAIN, ...args, '--queue-ca', ca], {
      cwd: home,
      env: { ...process.env, IRNN_QUEUE: queue },
    })
    let said = ''
    child.stderr.on('data', (data) => {
      said += data
    })
    return { child, code: new Promise((resolve) => child.on('close', resolve)), said: () => said }
  }
  await assert.rejects(() => withQueue(at('tls'), { queue }, () => {}), /cannot be reached: .*certificate/)
  const worker = command('worker', '--sweep', 'tls', '--slots', '1', '--dir', 'tls')
  assert.equal(await worker.code, 2)
  const first = command('sweep', 'tls.yaml', '--dir', 'tls')
  await until(() => fs.existsSync(at('tls/sweep.json')))
  const second = command('worker', '--sweep', 'tls', '--slots', '1', '--dir', 'tls')
  const begun = () => {
    const [id] = fs.existsSync(at('tls/trials')) ? fs.readdirSync(at('tls/trials')) : []
    return id !== undefined && fs.existsSync(at(`tls/trials/${id}/checkpoint-last.safetensors`))
  }
  await until(begun)
  assert.equal(await command('sweep', 'cancel', 'tls').code, 0)
  assert.equal(await first.code, 75, first.said())
  assert.equal(await command('sweep', 'tls.yaml', '--dir', 'tls').code, 0)
  second.child.kill('SIGTERM')
  assert.equal(await second.code, 0, second.said())
  const said = first.said() + second.said()
  assert.doesNotMatch(said, /let-me|NOPERM/)
})

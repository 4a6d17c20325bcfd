// Runs exported models of every kind in other people's runtimes, and holds what they answer against ours: 600 specs
// (test/support/onnxSpecs.ts), each with two sizes of batches and, where it has a state and one direction, five steps
// that hand the state on. The snippets of docs/to-onnx.md for Python and Node run, too.
//
//   node scripts/check-onnx.mjs [python] [node] [web] [--deps DIR] [--every N] [--save]
//
// python: onnxruntime and onnx.checker of PyPI. node: onnxruntime-node. web: onnxruntime-web in a page of Chromium, in
// which irnn makes a file, too: the bytes are those of Node.
// Without a name, all that are installed. They are looked for in --deps, or $IRNN_ONNX: a folder with node_modules and
// venv. What is missing is said with the line that installs it, and is no failure. `--save` writes
// bench/results/onnx-DATE.json.
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { pageRuntime } from './check-onnx-page.mjs'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const INSTALL = {
  python: 'python3 -m venv venv && venv/bin/pip install onnxruntime onnx',
  node: 'npm install --ignore-scripts onnxruntime-node',
  web: 'npm install --ignore-scripts onnxruntime-web playwright-core # and Chromium',
}
const SIZES = [
  { T: 7, B: 3 },
  { T: 1, B: 1 },
]
const STEPS = 5

const ours = (path) => import(new URL(`../dist/${path}`, import.meta.url))
const { createBackend, createModel, exportOnnx } = await ours('src/index.js')
const { differences, expectedOf, randomCase, TOLERANCE } = await ours('src/model/onnx/check.js')
const { settingsOf } = await ours('src/model/onnx/export.js')
const { decodeOnnx } = await ours('src/formats/onnx/decode.js')
const { onnxModel, onnxSpecs } = await ours('test/support/onnxSpecs.js')

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: { deps: { type: 'string' }, every: { type: 'string' }, save: { type: 'boolean' } },
})
const folder = flags.deps ?? process.env.IRNN_ONNX
const deps = folder && resolve(folder)
const every = Number(flags.every ?? 1)

/** A package of the folder of dependencies. */
function required(name) {
  return createRequire(join(deps, 'package.json'))(name)
}

/** Runtimes: each takes a file and cases, and gives the outputs of each case, by name. */
const RUNTIMES = {
  async python() {
    const python = join(deps, 'venv/bin/python')
    if (!existsSync(python)) return null
    const child = spawn(python, [join(ROOT, 'scripts/check-onnx.py')], { stdio: ['pipe', 'pipe', 'inherit'] })
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    const next = async () => JSON.parse((await lines.next()).value)
    const versions = await next()
    return {
      versions,
      async run(file, cases) {
        child.stdin.write(`${JSON.stringify({ file: Buffer.from(file).toString('base64'), cases })}\n`)
        const { error, outputs } = await next()
        if (error !== null) throw new Error(error)
        return outputs
      },
      close: () => child.stdin.end(),
    }
  },
  async node() {
    if (!existsSync(join(deps, 'node_modules/onnxruntime-node'))) return null
    const ort = required('onnxruntime-node')
    return {
      versions: { 'onnxruntime-node': required('onnxruntime-node/package.json').version },
      async run(file, cases) {
        const session = await ort.InferenceSession.create(file, { intraOpNumThreads: 1, logSeverityLevel: 3 })
        const outputs = []
        for (const feeds of cases) {
          const entries = Object.entries(feeds).map(([name, { type, shape, data }]) => {
            return [name, new ort.Tensor(type, type === 'int64' ? data.map(BigInt) : data, shape)]
          })
          const answers = await session.run(Object.fromEntries(entries))
          outputs.push(Object.fromEntries(Object.entries(answers).map(([name, { data }]) => [name, [...data]])))
        }
        await session.release()
        return outputs
      },
      close() {},
    }
  },
  web: () => pageRuntime(deps, required),
}

/** Feeds as a runtime takes them, their types as the file says. */
function feedsOf({ feeds }, types) {
  return Object.fromEntries(
    [...feeds].map(([name, { shape, data }]) => [name, { type: types.get(name), shape, data: [...data] }]),
  )
}

/** Steps one by one, each with the state that the last one gave, against the stepper. */
async function stepped(runtime, file, model, settings, types) {
  const first = randomCase(model, settings, { T: 1, B: 1 }, 9)
  const stepper = model.stepper()
  stepper.setState(first.state)
  const off = []
  let { state } = first
  for (let t = 0; t < STEPS; t++) {
    const { feeds, batch } = randomCase(model, settings, { T: 1, B: 1 }, 10 + t)
    const given = feedsOf({ feeds }, types)
    given.h0.data = [...state.h]
    if (state.c) given.c0.data = [...state.c]
    const [outputs] = await runtime.run(file, [given])
    const { x, tokens } = batch
    const logits = stepper.step(x && tokens ? { x, tokens } : (x ?? tokens))
    off.push(differences(new Map([['logits', [...logits]]]), new Map(Object.entries(outputs))))
    state = { h: outputs.hn, c: outputs.cn ?? null }
  }
  stepper.dispose()
  return off
}

/** The guide's commands, and then its snippet in a runtime's language. @throws where one of them fails */
function guide(name) {
  const language = { python: 'python', node: 'javascript' }[name]
  if (language === undefined) return
  const page = readFileSync(join(ROOT, 'docs/to-onnx.md'), 'utf8')
  const blocks = (kind) =>
    [...page.matchAll(new RegExp(`^\`\`\`${kind}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(([, text]) => text)
  const cwd = mkdtempSync(join(tmpdir(), 'irnn-guide-'))
  const run = (command, args) => execFileSync(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
  try {
    for (const line of blocks('sh').join('').trim().split('\n')) {
      run(process.execPath, [join(ROOT, 'dist/cli/main.js'), ...line.split(/\s+/).slice(2)])
    }
    symlinkSync(join(deps, 'node_modules'), join(cwd, 'node_modules'))
    const [snippet] = blocks(language)
    const file = join(cwd, name === 'python' ? 'snippet.py' : 'snippet.mjs')
    writeFileSync(file, snippet)
    if (run(name === 'python' ? join(deps, 'venv/bin/python') : process.execPath, [file]).length === 0) {
      throw new Error(`docs/to-onnx.md: the snippet for ${name} prints nothing`)
    }
    console.log(`${name}: the snippet of docs/to-onnx.md runs`)
  } finally {
    rmSync(cwd, { recursive: true })
  }
}

/** A file that irnn makes in the page is the one that it makes here. @throws where it is not */
async function samePage({ exported }) {
  if (exported === undefined) return
  const spec = { input: 3, rnn: { cell: 'gru', hidden: 8, bidirectional: true }, head: { kind: 'regression', size: 2 } }
  const backend = await createBackend({ name: 'wasm', threads: 1 })
  const here = exportOnnx(createModel(spec, { backend, seed: 1 }))
  if (Buffer.compare(here, await exported(spec)) !== 0) throw new Error('web: irnn makes another file in a page')
  console.log('web: irnn makes the same file in the page')
}

async function check(runtime, backend) {
  const specs = onnxSpecs()
  const worst = {}
  const failures = []
  let count = 0
  const took = (name, off) => {
    for (const [output, share] of Object.entries(off)) {
      worst[output] = Math.max(worst[output] ?? 0, share)
      if (!(share <= TOLERANCE)) failures.push(`${name}: ${output}: off by ${share}`)
    }
  }
  for (const [n, kind] of specs.entries()) {
    if (n % every !== 0) continue
    count++
    const { name, options } = kind
    const model = onnxModel(kind, backend, n)
    const settings = settingsOf(model.spec, options)
    const file = exportOnnx(model, options)
    const types = new Map(decodeOnnx(file).graph.inputs.map(({ name, type }) => [name, type]))
    try {
      const cases = SIZES.map((size, i) => randomCase(model, settings, size, 100 + i))
      const outputs = await runtime.run(
        file,
        cases.map((one) => feedsOf(one, types)),
      )
      for (const [i, one] of cases.entries()) {
        took(name, differences(expectedOf(model, settings, one), new Map(Object.entries(outputs[i]))))
      }
      if (settings.state && !model.spec.rnn.bidirectional) {
        for (const off of await stepped(runtime, file, model, settings, types)) took(`${name}, stepped`, off)
      }
    } catch (error) {
      failures.push(`${name}: ${error.message}`)
    }
    model.dispose()
  }
  return { specs: count, failures, worst }
}

if (deps === undefined) {
  const all = Object.values(INSTALL).join('; ')
  console.error(`check-onnx: expected --deps DIR or $IRNN_ONNX, a folder with what it needs. In a new one: ${all}`)
  process.exit(2)
}
const names = positionals.length > 0 ? positionals : Object.keys(RUNTIMES)
const unknown = names.find((name) => !(name in RUNTIMES))
if (unknown !== undefined) {
  console.error(`check-onnx: expected some of ${Object.keys(RUNTIMES).join(', ')} but received ${unknown}`)
  process.exit(2)
}
const backend = await createBackend({ threads: 1 })
const results = {}
for (const name of names) {
  const runtime = await RUNTIMES[name]()
  if (!runtime) {
    console.log(`${name}: not there. In ${deps}: ${INSTALL[name]}`)
    continue
  }
  const { specs, failures, worst } = await check(runtime, backend)
  await samePage(runtime)
  await runtime.close()
  guide(name)
  results[name] = { versions: runtime.versions, specs, failed: failures.length, worst }
  for (const failure of failures.slice(0, 20)) console.log(`  ${failure}`)
  const shares = Object.entries(worst).map(([output, share]) => `${output} ${share.toExponential(1)}`)
  const versions = Object.entries(runtime.versions).map((entry) => entry.join(' '))
  console.log(
    `${name}: ${versions.join(', ')}: ${specs} specs, ${failures.length} failures; most off: ${shares.join(', ')}`,
  )
  if (failures.length > 0) process.exitCode = 1
}
if (flags.save) {
  const date = new Date().toISOString().slice(0, 10)
  const file = join(ROOT, `bench/results/onnx-${date}.json`)
  writeFileSync(
    file,
    `${JSON.stringify({ date, tolerance: TOLERANCE, backend: backend.description, runtimes: results }, null, 2)}\n`,
  )
  console.log(`${file} is written`)
}
process.exit()

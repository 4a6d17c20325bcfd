// The page of scripts/check-onnx.mjs: onnxruntime-web in Chromium, and irnn itself, which makes a file there.
import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
const TYPES = { '.wasm': 'application/wasm', '.js': 'text/javascript', '.mjs': 'text/javascript' }
const IMPORTS = { '#platform': '/irnn/dist/src/backend/platform.browser.js', zod: '/irnn/node_modules/zod/index.js' }
const PAGE =
  `<script type="importmap">{ "imports": ${JSON.stringify(IMPORTS)} }</script>` +
  '<script src="/ort/ort.wasm.min.js"></script>'

/**
 * A runtime of scripts/check-onnx.mjs; null where something is missing.
 * @param required takes a package of the folder `deps`
 */
export async function pageRuntime(deps, required) {
  const executablePath = CHROMIUM.find(existsSync)
  const found = ['onnxruntime-web', 'playwright-core'].every((name) => existsSync(join(deps, 'node_modules', name)))
  if (!found || executablePath === undefined) return null
  const folders = { irnn: ROOT, ort: join(deps, 'node_modules/onnxruntime-web/dist') }
  const server = createServer((request, response) => serve(folders, request.url, response))
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const browser = await required('playwright-core').chromium.launch({ executablePath, args: ['--no-sandbox'] })
  const page = await browser.newPage()
  await page.goto(`http://127.0.0.1:${server.address().port}/`)
  const { version } = required(join(deps, 'node_modules/onnxruntime-web/package.json'))
  return {
    versions: { 'onnxruntime-web': version, Chromium: browser.version() },
    run: (file, cases) => page.evaluate(runFile, { file: Buffer.from(file).toString('base64'), cases }),
    /** The file that irnn makes in the page of a new model. */
    exported: async (spec) => Uint8Array.from(await page.evaluate(exportModel, spec)),
    async close() {
      await browser.close()
      server.close()
    },
  }
}

/** The page, and files of the folders. */
function serve(folders, url, response) {
  const [, first, ...rest] = new URL(url, 'http://x').pathname.split('/')
  if (first === '') {
    response.setHeader('content-type', 'text/html')
    response.end(PAGE)
    return
  }
  const file = join(folders[first] ?? '/nowhere', ...rest)
  if (!existsSync(file)) {
    response.statusCode = 404
    response.end()
    return
  }
  response.setHeader('content-type', TYPES[extname(file)] ?? 'text/plain')
  response.end(readFileSync(file))
}

/** Runs in the page. */
async function runFile({ file, cases }) {
  const { ort } = globalThis
  ort.env.wasm.numThreads = 1
  ort.env.logLevel = 'error'
  const bytes = Uint8Array.from(atob(file), (character) => character.charCodeAt(0))
  const session = await ort.InferenceSession.create(bytes, { executionProviders: ['wasm'] })
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
}

/** Runs in the page. */
async function exportModel(spec) {
  const { createBackend, createModel, exportOnnx } = await import('/irnn/dist/src/index.js')
  const backend = await createBackend({ name: 'wasm', threads: 1 })
  return [...exportOnnx(createModel(spec, { backend, seed: 1 }))]
}

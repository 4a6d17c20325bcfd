// An edge worker in workerd, the runtime of Cloudflare's workers, beside Node.
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { createBackend, loadModel } from 'irnn'

const STEPS = 500

/** Serves the worker that a folder's config.capnp names. Returns its address, and what ends it. */
async function serveWorker(dir) {
  const { default: program } = createRequire(join(dir, 'x.js'))('workerd') // its path, for this platform
  const args = ['serve', 'config.capnp', '--socket-addr', 'http=127.0.0.1:0', '--control-fd=3']
  const child = spawn(program, args, { cwd: dir, stdio: ['ignore', 'ignore', 'pipe', 'pipe'] })
  let said = ''
  child.stderr.on('data', (text) => {
    said += text
  })
  const port = await new Promise((resolve, reject) => {
    child.stdio[3].on('data', (line) => resolve(JSON.parse(line).port))
    child.on('error', reject)
    child.on('exit', () => reject(new Error(said.trim() || 'workerd ended')))
  })
  return { url: `http://127.0.0.1:${port}/`, stop: () => child.kill('SIGKILL') }
}

/** Asks the worker of a folder for the logits of a sequence. Returns what differs from Node's, or ''. */
export async function wrongAnswers(dir) {
  const wasm = readFileSync(join(dir, 'irnn.wasm'))
  const model = loadModel(readFileSync(join(dir, 'model.safetensors')), { backend: await createBackend({ wasm }) })
  const stepper = model.stepper()
  const steps = Array.from({ length: STEPS }, (_, t) => [Math.sin(t), Math.cos(t / 3), 1 / (1 + t)])
  const expected = JSON.stringify(steps.map((x) => [...stepper.step(x)]))
  const { url, stop } = await serveWorker(dir)
  try {
    const ask = async (body) => (await fetch(url, { method: 'POST', body: JSON.stringify(body) })).text()
    const answer = await ask(steps)
    if (answer !== expected) return `${STEPS} steps: expected the digits of Node but it answers ${answer.slice(0, 80)}`
    const refusal = await ask([[1, 2]])
    const wanted = '{"error":"step: x: expected [B,I] = [1,3] values but received 2"}'
    return refusal === wanted ? '' : `a step of 2 values: expected ${wanted} but it answers ${refusal}`
  } finally {
    stop()
  }
}

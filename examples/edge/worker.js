// An edge worker: a model answers requests. Such a runtime compiles no code while it serves, so the kernels are a module
// that the worker imports. make.js writes them and the model.
import { createBackend, loadModel } from 'irnn'
import kernels from './irnn.wasm'
import file from './model.safetensors'

const model = loadModel(new Uint8Array(file), { backend: await createBackend({ wasm: kernels }) })

export default {
  /** POST [[x, …], …], a step a row. The answer is the logits after each step. */
  async fetch(request) {
    const stepper = model.stepper()
    try {
      const answer = []
      for (const x of await request.json()) answer.push([...stepper.step(x)])
      return Response.json(answer)
    } catch ({ message }) {
      return Response.json({ error: message }, { status: 400 })
    } finally {
      stepper.dispose()
    }
  },
}

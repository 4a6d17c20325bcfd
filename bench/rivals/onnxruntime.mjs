/** onnxruntime runs models and does not train them: its forward pass over its RNN, LSTM and GRU operators and a Gemm. */
import { createRequire } from 'node:module'
import ort from 'onnxruntime-node'
import { problems, race, say, threads } from './problem.mjs'

say({ version: createRequire(import.meta.url)('onnxruntime-node/package.json').version, note: 'CPU' })

const { createBackend, createModel, exportOnnx } = await import(new URL('../../dist/src/index.js', import.meta.url))
const backend = await createBackend({ name: 'wasm', threads: 1 })

/** The problem's network as a file; its biases and matrices are in PyTorch's order, as ours. */
function fileOf({ cell, I, H, K, Wxh, Whh, bx, bh, headW, headB }) {
  const head = { kind: 'classification', size: K }
  const model = createModel({ input: I, rnn: { cell, hidden: H }, head }, { backend })
  for (const [i, numbers] of [Wxh, Whh, bx, bh, headW, headB].entries()) model.parameters[i].data.set(numbers)
  const file = exportOnnx(model, { lengths: false, state: false })
  model.dispose()
  return file
}

for (const problem of problems) {
  const options = { intraOpNumThreads: threads, interOpNumThreads: 1, graphOptimizationLevel: 'all' }
  const session = await ort.InferenceSession.create(fileOf(problem), options)
  const { T, B, I, y } = problem
  const feeds = { x: new ort.Tensor('float32', problem.x, [T, B, I]) }
  const forward = async () => {
    const { logits } = await session.run(feeds)
    return { loss: crossEntropy(logits.data, y), gradNorm: null }
  }
  await race(problem, 'forward', { [`${problem.cell.toUpperCase()} operator`]: forward })
}

function crossEntropy(logits, y) {
  const K = logits.length / y.length
  let loss = 0
  for (let b = 0; b < y.length; b++) {
    const row = logits.subarray(b * K, (b + 1) * K)
    const top = Math.max(...row)
    loss += Math.log(row.reduce((sum, value) => sum + Math.exp(value - top), 0)) + top - row[y[b]]
  }
  return loss / y.length
}

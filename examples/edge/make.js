// Writes what the worker imports: the kernels, and a model (here one that nobody has trained).
import { writeFileSync } from 'node:fs'
import { classification, createBackend, createModel, lstm, saveModel, wasmBytes } from 'irnn'

const spec = { input: 3, rnn: lstm(32, { layers: 2 }), head: classification(5, { steps: 'every' }) }
const model = createModel(spec, { backend: await createBackend(), seed: 1 })
writeFileSync('irnn.wasm', await wasmBytes())
writeFileSync('model.safetensors', saveModel(model))

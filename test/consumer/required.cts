/** CommonJS: the package is an ES module without top-level await, which Node 20.19 and later can require. */
import irnn = require('irnn')
import node = require('irnn/node')
import speech = require('irnn/speech')

async function main(): Promise<void> {
  const backend = await irnn.createBackend({ name: 'wasm', threads: 1 })
  const task = await node.openTask('adding', { T: 10, train: 100, test: 20, seed: 1, halves: false })
  const spec: irnn.ModelInput = { input: 2, rnn: irnn.lstm(8), head: irnn.regression(1) }
  const model = irnn.createModel(spec, { backend })
  const { mse } = await irnn.evaluate(model, task)
  process.stdout.write(`${JSON.stringify({ mse, features: speech.FEATURES })}\n`)
}

main()

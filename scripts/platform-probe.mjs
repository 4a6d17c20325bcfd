// What a platform's kernels compute, as a line of JSON: run by scripts/check-platforms.mjs, on the Node of that one,
// in a copy of the package. Prints { description, sets, models }: for each instruction set, the hash of the weights of
// every cell after 30 iterations.
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const load = (file) => import(pathToFileURL(join(process.argv[2], 'dist', 'src', file)))
const { adding, createBackend, createModel, regression, train } = await load('index.js')
const { availableBackends } = await load('backend/choose.js')

async function trained(cell, instructionSet) {
  const backend = await createBackend({ name: 'native', instructionSet })
  const model = createModel({ input: 2, rnn: { cell, hidden: 40 }, head: regression(1) }, { backend, seed: 7 })
  for await (const _ of train(model, adding({ T: 30, train: 1000, test: 10 }), { batch: 19, iterations: 30 })) {
    // to the end
  }
  const { buffer, byteOffset, byteLength } = model.weights
  return createHash('sha256')
    .update(new Uint8Array(buffer, byteOffset, byteLength))
    .digest('hex')
}

const { description } = await createBackend()
const sets = (await availableBackends()).filter(({ name }) => name === 'native').map((each) => each.instructionSet)
const models = {}
for (const set of sets) {
  models[set] = {}
  for (const cell of ['irnn', 'relu', 'tanh', 'lstm', 'gru']) models[set][cell] = await trained(cell, set)
}
console.log(JSON.stringify({ description, sets, models }))

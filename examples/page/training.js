// A small network learns to add the two marked numbers of a sequence. The same code runs in Node.
import { adam, adding, createBackend, createModel, irnn, loadModel, regression, saveModel, train } from 'irnn'

/** Calls `say` with lines of text; the last is the mean squared error on the test set, to its last digit. */
export async function training(say, options = {}) {
  const backend = await createBackend(options)
  say(backend.description)
  const task = adding({ T: 20, train: 1000, test: 200 })
  const model = createModel({ input: 2, rnn: irnn(32), head: regression(1) }, { backend, seed: 1 })
  const run = { batch: 32, iterations: 100, evalEvery: 50, optimizer: adam({ lr: 0.01 }) }
  let mse
  for await (const event of train(model, task, run)) {
    if (event.type === 'eval') say(`iteration ${event.iteration}: mse ${event.test.mse}`)
    if (event.type === 'done') mse = event.test.mse
  }
  const copy = loadModel(saveModel(model), { backend })
  say(`of (0.5, marked), (0.25, not marked): ${copy.step([0.5, 1]).logits}, ${copy.step([0.25, 0]).logits}`)
  say(`test mse ${mse}`)
  backend.dispose()
}

/** A program for Node: a run with its folder, stopped half-way, resumed and read back. */
import * as fs from 'node:fs'
import * as path from 'node:path'
import {
  adam,
  createBackend,
  createModel,
  irnn,
  loadModel,
  type Model,
  modelParts,
  regression,
  train,
  trainSpec,
} from 'irnn'
import { createRunFolder, curve, openTask, type RunConfig, readRunFolder, resumeRunFolder } from 'irnn/node'
import { main } from './anywhere.mjs'

const backend = await createBackend({ name: 'wasm', threads: 1 })
const task = await openTask('adding', { T: 10, train: 100, test: 20, seed: 1, halves: false })
const training = trainSpec({ iterations: 40, evalEvery: 20, optimizer: adam({ lr: 0.01 }) })
const fresh = (): Model => createModel({ input: 2, rnn: irnn(8), head: regression(1) }, { backend, seed: 1 })
const dir = path.join(process.argv[2]!, 'run')
const { name, threads, description } = backend
const config: RunConfig = {
  version: '0.1.0',
  recipe: 'mine',
  seed: 1,
  task: { name: task.name, options: task.options },
  model: fresh().spec,
  training,
  backend: { name, threads, description },
  machine: { node: process.version, platform: process.platform, arch: process.arch },
}

const first = createRunFolder(dir, config)
const model = fresh()
const controller = new AbortController()
const run = train(model, task, { ...training, checkpoints: { every: 20 }, signal: controller.signal })
for await (const event of run) {
  first.append(event)
  if (event.type !== 'checkpoint') continue
  first.saveCheckpoint('last', model, run.getState())
  controller.abort()
}
first.close()

const { folder, checkpoint } = resumeRunFolder(dir)
const again = loadModel(fs.readFileSync(checkpoint!.file), { backend })
for await (const event of train(again, task, { ...training, resume: checkpoint!.state })) folder.append(event)
folder.saveModel(modelParts(again))
folder.saveCurve(curve(readRunFolder(dir).events, task, 'adding'))
folder.close()

const whole = fresh()
for await (const _ of train(whole, task, training));
const same = readRunFolder(dir).readModel('final', (source) => loadModel(source, { backend }))
const equal = Buffer.from(same.weights.buffer, same.weights.byteOffset, same.weights.byteLength).equals(
  Buffer.from(whole.weights.buffer, whole.weights.byteOffset, whole.weights.byteLength),
)
process.stdout.write(`${JSON.stringify({ equal, iteration: checkpoint!.state.iteration })}\n${await main()}\n`)

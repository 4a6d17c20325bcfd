/**
 * The problems of a race for labels, in files that both sides read; and our side of it:
 * `node labelRace.js FOLDER SEED` trains one network and prints one line of JSON, as rivals/labels_pytorch.py does.
 *
 * FOLDER has problem.json and arrays: starts, tokens, targets, training, test (int32) and values (float32), as in
 * src/data/labels/encode.ts. Both sides have the same network,
 * inputs, size of a minibatch, number of iterations, Adam with a cosine rate, and clip. First rows of
 * the embedding are of the same distribution.
 */
import * as fs from 'node:fs'
import * as path from 'node:path'
import { createBackend } from '../../src/backend/choose.ts'
import { probabilitiesOf, type Shape } from '../../src/data/labels/batches.ts'
import type { Encoded } from '../../src/data/labels/encode.ts'
import { inferLabels, type LabelChoices } from '../../src/data/labels/inferSequences.ts'
import { stepsIn } from '../../src/data/labels/labelBaselines.ts'
import { prepareSequences } from '../../src/data/labels/preparedSequences.ts'
import { stackOf, trainingOf } from '../../src/data/labels/sequenceRecipes.ts'
import type { SequenceSchema } from '../../src/data/labels/sequenceSchema.ts'
import { sequenceTask } from '../../src/data/labels/sequenceTask.ts'
import { firstRows } from '../../src/data/labels/sequenceWork.ts'
import type { Init } from '../../src/init.ts'
import { createModel } from '../../src/model/model.ts'
import { classification } from '../../src/model/spec.ts'
import { openTable } from '../../src/table/openTable.node.ts'
import type { Row } from '../../src/table/rows.ts'
import { train } from '../../src/train/loop.ts'

interface Problem {
  readonly schema: SequenceSchema
  readonly reading: 'last' | 'every'
  readonly width: number
  readonly vocabulary: number
  readonly embedding: number
  /** Of the embedding; other first weights are those that each library draws. */
  readonly firstRows: Init
  readonly hidden: number
  readonly classes: number
  readonly batch: number
  readonly iterations: number
  readonly rate: number
}

const ARRAYS = ['starts', 'tokens', 'targets', 'training', 'test'] as const

/** Writes what both sides read. */
export async function writeProblem(folder: string, rows: Row[], choices: LabelChoices): Promise<void> {
  const table = await openTable(rows, { types: { [choices.label]: 'category' } })
  const { schema } = inferLabels(table, choices)
  const { data, targets, parts, K } = prepareSequences(table, schema, 1)
  const { batch, iterations } = trainingOf(parts.training.length, 0)
  const problem: Problem = {
    schema,
    reading: schema.of === 'row' ? 'every' : 'last',
    width: data.width,
    vocabulary: data.vocabulary,
    embedding: 64,
    firstRows: firstRows(data.vocabulary),
    hidden: 64,
    classes: K,
    batch: batch!,
    iterations: iterations!,
    rate: 3e-3,
  }
  fs.writeFileSync(path.join(folder, 'problem.json'), JSON.stringify(problem))
  const arrays = { starts: data.starts, tokens: data.tokens, targets, training: parts.training, test: parts.test }
  for (const name of ARRAYS) fs.writeFileSync(path.join(folder, name), arrays[name])
  fs.writeFileSync(path.join(folder, 'values'), data.values)
}

async function race(folder: string, seed: number): Promise<void> {
  const read = (name: string) => new Uint8Array(fs.readFileSync(path.join(folder, name))).buffer
  const problem = JSON.parse(fs.readFileSync(path.join(folder, 'problem.json'), 'utf8')) as Problem
  const { schema, reading, width, vocabulary, embedding, classes: K } = problem
  const [starts, tokens, targets, training, test] = ARRAYS.map((name) => new Int32Array(read(name))) as Int32Array[]
  const data: Encoded = {
    starts: starts!,
    tokens: tokens!,
    values: new Float32Array(read('values')),
    width,
    vocabulary,
  }
  const shape: Shape = { reading, frame: 1, members: 1 }
  const none = new Int32Array(0)
  const parts = { training: training!, validation: none, test: test! }
  const task = sequenceTask({ schema, data, targets: targets!, K, ...parts }, shape, seed)
  const backend = await createBackend({ threads: 1 })
  const values = width > 0 ? { size: width } : {}
  const input = {
    ...values,
    ...(vocabulary > 0 && { vocabulary, embedding, init: firstRows(vocabulary) }),
  } as Parameters<typeof createModel>[0]['input']
  const head = classification(K, { steps: reading })
  const model = createModel({ input, rnn: stackOf(schema), head }, { backend, seed })
  const recipe = { ...trainingOf(training!.length, 0), evalEvery: problem.iterations }
  for await (const event of train(model, task, { ...recipe, seed })) void event
  const probabilities = probabilitiesOf(model, data, test!, shape)
  const asked = Int32Array.from(reading === 'every' ? stepsIn(data, test!) : test!, (i) => targets![i]!)
  let [right, count, loss] = [0, 0, 0]
  for (const [i, target] of asked.entries()) {
    if (target < 0 || target >= K) continue
    const own = probabilities.subarray(i * K, (i + 1) * K)
    if (own.indexOf(Math.max(...own)) === target) right++
    loss -= Math.log(Math.max(own[target]!, 1e-12))
    count++
  }
  const parameters = model.parameters.reduce((sum, { data }) => sum + data.length, 0)
  const versions = { node: process.version }
  console.log(JSON.stringify({ versions, parameters, count, score: loss / count, accuracy: right / count }))
}

if (process.argv[1]?.endsWith('labelRace.js')) await race(process.argv[2]!, Number(process.argv[3]))

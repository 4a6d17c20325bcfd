/** What bench/scale/mpi.ts starts on ranks: one measurement, whose numbers rank 0 prints as JSON. */

import { engineOf } from '../../src/backend/backend.ts'
import { joinMpi, type MpiGroup } from '../../src/distributed/mpi.node.ts'
import {
  adam,
  classification,
  createBackend,
  createModel,
  irnn,
  type Model,
  type ModelInput,
  sgd,
  type Task,
  type TrainOptions,
  trainSpec,
} from '../../src/index.ts'
import { memory } from '../../src/layers/layer.ts'
import { rng } from '../../src/rng.ts'
import { extras } from '../../src/train/extras.ts'
import { gradientTree } from '../../src/train/gradientTree.ts'
import { groupIteration } from '../../src/train/iteration.ts'
import { milliseconds, timing } from '../measure.ts'
import { mnistTask } from '../trained.ts'

const V = 10_000
const H = 512

/** Milliseconds of a call that all ranks make, the median of so many. */
function median(group: MpiGroup, repeats: number, run: () => void): number {
  const times: number[] = []
  for (let i = 0; i < repeats; i++) {
    group.sumTree(new Float64Array(1)) // all begin together
    times.push(milliseconds(run))
  }
  return timing(times).median
}

/** M5: sums in our order beside MPI's own. */
function sums(group: MpiGroup, quick: boolean) {
  const sizes = quick ? [11_210, 1_000_000] : [11_210, 20_000_000]
  return sizes.map((n) => {
    const array = new Float32Array(n)
    const repeats = Math.min(400, Math.max(5, Math.round((quick ? 1e6 : 1e8) / n)))
    // In turn, for a machine is often shared.
    const [tree, mpi] = [[], []] as number[][]
    for (let round = 0; round < 5; round++) {
      tree!.push(median(group, repeats / 5 + 1, () => group.sumTree(array)))
      mpi!.push(median(group, repeats / 5 + 1, () => group.allreduce(array)))
    }
    return { floats: n, tree: timing(tree!).median, allreduce: timing(mpi!).median }
  })
}

/** M7: 700 rows of each rank, of a table of 10,000 by 512, as rows and as the whole table. */
async function rows(group: MpiGroup, quick: boolean) {
  const engine = engineOf(await createBackend({ threads: 1 }))
  const table = engine.floats(V * H)
  const parameter = { name: 'table', shape: [V, H], start: 0, data: table }
  const leaf = {
    start: 0,
    width: H,
    rows: engine.ints(700).map((_, i) => (i * 13 + group.rank * 5) % V),
    values: engine.floats(700 * H),
    count: 700,
  }
  const none = { start: V * H, dense: engine.floats(0), tables: [leaf] }
  const tree = gradientTree(memory(engine), [none], group, [parameter])
  const repeats = quick ? 5 : 30
  const sparse = median(group, repeats, () => tree.sum())
  return { sparse, dense: median(group, repeats, () => group.sumTree(table)) }
}

const words: ModelInput = {
  input: { vocabulary: V, embedding: H },
  rnn: irnn(H),
  head: classification(V, { steps: 'every' }),
}

/** Words drawn as often as those of a text, states carried on: what a word says has no weight for the time it takes. */
function textTask(T: number): Task {
  const generator = rng(1, 'text')
  const word = () => Math.min(V - 1, Math.floor(Math.exp(generator.next() * Math.log(V + 1))) - 1)
  const next = (B: number, carry: number) => {
    const [tokens, y] = [0, 1].map(() => Int32Array.from({ length: T * B }, word)) as [Int32Array, Int32Array]
    return { T, B, tokens, y, carry: new Uint8Array(B).fill(carry) }
  }
  return {
    name: 'text',
    options: {},
    T,
    input: { vocabulary: V },
    head: { kind: 'classification', size: V, steps: 'every' },
    metric: 'perplexity',
    trainSize: 1e6,
    testSize: 2,
    train(B) {
      let batches = 0
      return {
        next: () => next(B, Math.min(1, batches++)),
        epoch: 0,
        getState: () => ({ epoch: 0, position: batches }),
        setState: () => {},
      }
    },
    test: (B) => [next(B, 0)],
  }
}

const sampled: TrainOptions = { softmax: { kind: 'sampled', samples: 2048 } }

/** M6: networks and options; Adam unless they say otherwise, which moves all weights of a table, and sgd few. */
const NETWORKS: Readonly<Record<string, () => Promise<{ model: ModelInput; task: Task; options: TrainOptions }>>> = {
  'words, full': async () => ({ model: words, task: textTask(20), options: {} }),
  'words, sampled': async () => ({ model: words, task: textTask(20), options: sampled }),
  'words, sampled, sgd': async () => ({
    model: words,
    task: textTask(20),
    options: { ...sampled, optimizer: sgd({ lr: 1e-5 }) },
  }),
  'pixel mnist': async () => ({
    model: { input: 1, rnn: irnn(100), head: classification(10) },
    task: await mnistTask(),
    options: {},
  }),
}

/** M6: milliseconds of an iteration on one thread a rank. */
async function training(group: MpiGroup, quick: boolean, name: string, shards: number) {
  const backend = await createBackend({ threads: 1 })
  const { model: spec, task, options } = await NETWORKS[name]!()
  const model: Model = createModel(spec, { backend, seed: 1 })
  const given = trainSpec({ optimizer: adam({ lr: 1e-5 }), batch: 64, evalBatch: 2, ...options, shards })
  const work = groupIteration(model, task, given, group, extras)
  for (let i = 0; i < 2; i++) work.iterate()
  return { milliseconds: median(group, quick ? 3 : 25, () => work.iterate()) }
}

const [what, size, name = '', shards = '1'] = process.argv.slice(2)
const group = joinMpi()
const quick = size === 'quick'
const found =
  what === 'sums'
    ? sums(group, quick)
    : what === 'rows'
      ? await rows(group, quick)
      : await training(group, quick, name, Number(shards))
if (group.rank === 0) console.log(JSON.stringify(found))
group.close()

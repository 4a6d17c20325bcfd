/**
 * Frames a second of the paper's network for speech, five layers of 500 units in both directions over 120 features, 180
 * states, a minibatch of 16 utterances of 300 frames: forward, loss and backward, beside the machine's peak. `node
 * dist/bench/frames.js [threads …]`.
 *
 * Multiply-adds are counted dense. ReLU units that are 0 are left out, so there tanh is the row that says how well the
 * kernels do; the ReLU row has its share of live units beside it. Where others use the machine too, processor time says
 * what a quiet one would do: it is printed beside the time that passed, as that of one of its threads.
 */
import { createEngine } from '../src/backend/choose.ts'
import { classification, createModel, gaussian, irnn, type ModelInput, rng, tanh } from '../src/index.ts'
import { settledPeak } from './measure.ts'

const [T, B, I, H, L, K] = [300, 16, 120, 500, 5, 180]
const ROUNDS = 8

/**
 * Floating-point operations of one iteration: products over x and h, forward, and backward for weights and for what is
 * below.
 */
function work(): number {
  const layer = (I: number, passes: number) => 2 * (2 * T * B * H) * (3 * H + passes * I)
  return layer(I, 2) + (L - 1) * layer(2 * H, 3) + 2 * T * B * 2 * H * K * 3
}

const head = classification(K, { steps: 'every', init: gaussian(0.01) })
const deep = { layers: L, bidirectional: true, input: gaussian(0.05) }
const NETWORKS: readonly (readonly [string, ModelInput])[] = [
  ['tanh', { input: I, rnn: tanh(H, { ...deep, recurrent: gaussian(0.02) }), head }],
  ['ReLU, 0.01 I', { input: I, rnn: irnn(H, { ...deep, scale: 0.01 }), head }],
]

const generator = rng(1, 'bench/frames')
const x = Float32Array.from({ length: T * B * I }, () => generator.normal())
const y = Int32Array.from({ length: T * B }, () => generator.below(K))
const batch = { T, B, x, y }

const alone = await createEngine({ name: 'native', threads: 1 })
const given = process.argv.slice(2).map(Number)
for (const threads of given.length > 0 ? given : [1, 2]) {
  const backend = await createEngine({ name: 'native', threads })
  for (const [name, spec] of NETWORKS) {
    const model = createModel(spec, { backend })
    const plan = model.plan({ T, B })
    let peak = 0
    let best = Number.POSITIVE_INFINITY
    let processor = Number.POSITIVE_INFINITY
    for (let round = 0; round < ROUNDS; round++) {
      peak = Math.max(peak, threads * settledPeak(alone, 5)) // in between, so that both meet the same machine
      const start = performance.now()
      const before = process.cpuUsage()
      plan.forward(batch)
      plan.loss(batch, { reduction: 'mean', gradient: true })
      plan.backward(batch)
      best = Math.min(best, performance.now() - start)
      const { user, system } = process.cpuUsage(before)
      processor = Math.min(processor, (user + system) / 1000 / threads)
    }
    plan.forward(batch)
    const of = (ms: number) =>
      `${Math.round((1000 * T * B) / ms).toLocaleString('en-US')} frames/s, ${((100 * work()) / ms / 1e6 / peak).toFixed(0)} % of the peak`
    console.log(
      `${name}, ${backend.description}: ${of(best)}; by processor time ${of(processor)}; peak ${peak.toFixed(0)} GFLOP/s, ` +
        `${(100 * plan.liveFraction()).toFixed(0)} % of units live`,
    )
    plan.dispose()
    model.dispose()
  }
}

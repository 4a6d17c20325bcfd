/**
 * TensorFlow.js on its WebAssembly backend. It has no fused recurrence on the CPU, so an iteration is tf.valueAndGrads over a
 * loop, in two ways: h = relu(xp_t + h Whhᵀ) with the products over x done at once, or one fused matMul of [x_t, h] with bias and
 * relu. Threads: its threaded module is switched off in Node; with 2 it is switched on, and if that fails the row says so.
 */
import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import * as tf from '@tensorflow/tfjs'
import { setThreadsCount, setWasmPaths } from '@tensorflow/tfjs-backend-wasm'
import { problems, race, say, threads } from './problem.mjs'

const require = createRequire(import.meta.url)
setWasmPaths(`${dirname(require.resolve('@tensorflow/tfjs-backend-wasm'))}/`)
tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', threads > 1)
setThreadsCount(threads)
await tf.setBackend('wasm')
await tf.ready()
say({ version: tf.version_core, note: `wasm, SIMD ${await tf.env().getAsync('WASM_HAS_SIMD_SUPPORT')}` })

for (const problem of problems) await race(problem, 'training', ways(problem))

function ways(problem) {
  const { cell, T, B, I, H, K } = problem
  const outputs = Math.max(K, 1)
  const variable = (values, shape) => tf.variable(tf.tensor(values, shape))
  const x = tf.tensor(problem.x, [T * B, I])
  const y = K > 0 ? tf.oneHot(tf.tensor1d(Int32Array.from(problem.y), 'int32'), K) : tf.tensor(problem.y, [B, 1])
  const loss = (h) => {
    const out = tf.add(tf.matMul(h, headW, false, true), headB)
    if (K === 0) return tf.mean(tf.squaredDifference(out, y))
    return tf.neg(tf.mean(tf.sum(tf.mul(tf.logSoftmax(out), y), 1)))
  }
  const headW = variable(problem.headW, [outputs, H || I])
  const headB = variable(problem.headB, [outputs])
  if (cell === 'softmax') {
    return { 'matMul, logSoftmax': () => backward(loss, [headW, headB], x, true) }
  }
  const [Wxh, Whh] = [variable(problem.Wxh, [H, I]), variable(problem.Whh, [H, H])]
  const [bx, bh] = [variable(problem.bx, [H]), variable(problem.bh, [H])]
  const weights = [Wxh, Whh, bx, bh, headW, headB]
  const adam = tf.train.adam(1e-9)
  const zero = tf.zeros([B, H])
  const loop = (x) => {
    const steps = tf.unstack(tf.reshape(tf.add(tf.matMul(x, Wxh, false, true), tf.add(bx, bh)), [T, B, H]))
    return loss(steps.reduce((h, step) => tf.relu(tf.add(step, tf.matMul(h, Whh, false, true))), zero))
  }
  const fused = (x) => {
    const W = tf.concat([Wxh, Whh], 1)
    const bias = tf.add(bx, bh)
    const steps = tf.unstack(tf.reshape(x, [T, B, I]))
    return loss(
      steps.reduce(
        (h, step) => tf.fused.matMul({ a: tf.concat([step, h], 1), b: W, transposeB: true, bias, activation: 'relu' }),
        zero,
      ),
    )
  }
  const iterate = (forward) => () => backward(forward, weights, x, problem.inputGradient, adam)
  return { 'loop of matMul, add, relu': iterate(loop), 'loop of fused matMul': iterate(fused) }
}

/** Loss, its gradients (of x too if asked for), clip and update. */
function backward(forward, weights, x, inputGradient, optimizer) {
  return tf.tidy(() => {
    const { value, grads } = tf.valueAndGrads(() => forward(x))([...weights, ...(inputGradient ? [x] : [])])
    const mine = grads.slice(0, weights.length)
    const norm = Math.sqrt(tf.addN(mine.map((g) => tf.sum(tf.square(g)))).dataSync()[0])
    if (optimizer) {
      const factor = norm > 1 ? 1 / norm : 1
      optimizer.applyGradients(Object.fromEntries(weights.map(({ name }, i) => [name, tf.mul(mine[i], factor)])))
    }
    return { loss: value.dataSync()[0], gradNorm: norm }
  })
}

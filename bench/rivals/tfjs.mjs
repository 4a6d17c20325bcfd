/**
 * TensorFlow.js on its WebAssembly backend, which has no fused recurrence and no gradient kernels: an iteration is
 * tf.valueAndGrads over the loop h = relu(xp_t + h Whhᵀ), with the products over x done at once. Two ways to take the gradient of a
 * product, both our own. Its threaded module cannot start workers in Node (4.22), so there is one thread.
 */
import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import * as tf from '@tensorflow/tfjs'
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm'
import { problems, race, say } from './problem.mjs'

const require = createRequire(import.meta.url)
setWasmPaths(`${dirname(require.resolve('@tensorflow/tfjs-backend-wasm'))}/`)
// Where it cannot start it says so and takes another backend.
if (!(await tf.setBackend('wasm'))) throw new Error(`no wasm backend, only ${tf.getBackend()}`)
await tf.ready()
say({ version: tf.version_core, note: `wasm, SIMD ${await tf.env().getAsync('WASM_HAS_SIMD_SUPPORT')}` })

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
  const loop = (product) => (x) => {
    const [WxhT, WhhT] = [tf.transpose(Wxh), tf.transpose(Whh)]
    const steps = tf.unstack(tf.reshape(tf.add(product(x, Wxh, WxhT), tf.add(bx, bh)), [T, B, H]))
    return loss(steps.reduce((h, step) => tf.relu(tf.add(step, product(h, Whh, WhhT))), zero))
  }
  const joined = (product) => (x) => {
    const W = tf.concat([Wxh, Whh], 1)
    const [WT, bias] = [tf.transpose(W), tf.add(bx, bh)]
    const steps = tf.unstack(tf.reshape(x, [T, B, I]))
    return loss(steps.reduce((h, step) => tf.relu(tf.add(product(tf.concat([step, h], 1), W, WT), bias)), zero))
  }
  const iterate = (forward) => () => backward(forward, weights, x, problem.inputGradient, adam)
  return {
    'loop over [x, h], dW by its plain product': iterate(joined(plain)),
    'loop over [x, h], dW by XNNPACK': iterate(joined(packed)),
    'loop over h, dW by XNNPACK': iterate(loop(packed)),
  }
}

/**
 * a Wᵀ, and its gradients. A matMul told to transpose runs as a plain loop, one that is not as XNNPACK's product, which is far
 * faster: Wᵀ is therefore given, and da needs none. Not so dW = dyᵀ a: XNNPACK packs every new right-hand side and keeps it, which
 * costs more than it gains over many small steps (S1: 2,400 ms; S5: 63 ms, and 470 with plain loops all over).
 */
const product = (weightGradient) => (a, W, transposed) =>
  tf.customGrad((a, W, save) => {
    save([a, W])
    const gradFunc = (dy, [a, W]) => [tf.matMul(dy, W), weightGradient(dy, a)]
    return { value: tf.matMul(a, transposed), gradFunc }
  })(a, W)
const plain = product((dy, a) => tf.matMul(dy, a, true, false))
const packed = product((dy, a) => tf.matMul(tf.transpose(dy), a))

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

for (const problem of problems) await race(problem, 'training', ways(problem))

/**
 * jax-js on its WebAssembly backend. It has no scan, so the loop over time is unrolled and an iteration is one
 * jit(valueAndGrad(…)). Clip and update are left out: they would only add to its time.
 */

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { blockUntilReady, defaultDevice, init, jit, nn, numpy as np, tree, valueAndGrad } from '@jax-js/jax'
import { problems, race, say } from './problem.mjs'

const require = createRequire(import.meta.url)
await init('wasm')
defaultDevice('wasm')
const manifest = join(dirname(require.resolve('@jax-js/jax')), '../package.json')
say({ version: JSON.parse(readFileSync(manifest, 'utf8')).version, note: 'wasm' })

for (const problem of problems) {
  try {
    await race(problem, 'training', ways(problem))
  } catch (error) {
    say({ problem: problem.index, pass: 'training', engine: 'jit', failed: error.message.split('\n')[0] })
  }
}

function ways(problem) {
  const { cell, T, B, I, H, K } = problem
  const outputs = Math.max(K, 1)
  const array = (values, shape) => np.array(values).reshape(shape)
  const y = K > 0 ? nn.oneHot(np.array(Int32Array.from(problem.y), { dtype: np.int32 }), K) : array(problem.y, [B, 1])
  const x = cell === 'softmax' ? array(problem.x, [B, I]) : array(problem.x, [T * B, I])
  const head = {
    headW: array(problem.headW, [outputs, cell === 'softmax' ? I : H]),
    headB: array(problem.headB, [outputs]),
  }
  const G = { relu: 1, lstm: 4 }[cell] * H
  const rnn =
    cell === 'softmax'
      ? {}
      : {
          Wxh: array(problem.Wxh, [G, I]),
          Whh: array(problem.Whh, [G, H]),
          bx: array(problem.bx, [G]),
          bh: array(problem.bh, [G]),
        }
  const weights = { ...head, ...rnn }
  // A reference is taken for every use but the last; what is captured is never given away.
  const loss = (h, { headW, headB }) => {
    const out = np.matmul(h, np.transpose(headW)).add(headB)
    if (K === 0) return np.mean(np.square(out.sub(y.ref)))
    return np.mean(np.sum(nn.logSoftmax(out).mul(y.ref), 1)).mul(-1)
  }
  const forward = ({ Wxh, Whh, bx, bh, x = null, ...head }, fixed) => {
    const input = x ?? fixed
    if (cell === 'softmax') return loss(input, head)
    const a = np.matmul(input, np.transpose(Wxh)).add(bx.add(bh))
    const W = np.transpose(Whh)
    const steps = np.split(a, T, 0)
    const state = { h: np.zeros([B, H]), c: np.zeros([B, H]) }
    for (const step of steps) advance(state, step.add(np.matmul(state.h, W.ref)))
    W.dispose()
    state.c.dispose()
    return loss(state.h, head)
  }
  const advance = (state, a) => {
    if (cell === 'relu') {
      state.h = nn.relu(a)
      return
    }
    const [i, f, g, o] = np.split(a, 4, 1)
    state.c = nn
      .sigmoid(f)
      .mul(state.c)
      .add(nn.sigmoid(i).mul(np.tanh(g)))
    state.h = nn.sigmoid(o).mul(np.tanh(state.c.ref))
  }
  const given = problem.inputGradient ? { ...weights, x } : weights
  const compiled = jit(valueAndGrad(forward))
  const copies = () => Object.fromEntries(Object.entries(given).map(([name, value]) => [name, value.ref]))
  return {
    'jit(valueAndGrad)': async (check) => {
      const made = await blockUntilReady(compiled(copies(), x.ref))
      return check ? answer(made) : tree.dispose(made)
    },
  }
}

async function answer([value, { x = null, ...gradients }]) {
  x?.dispose()
  let squares = 0
  for (const gradient of Object.values(gradients)) for (const g of await gradient.data()) squares += g * g
  return { loss: (await value.data())[0], gradNorm: Math.sqrt(squares) }
}

/**
 * brain.js: RNNTimeStep has ReLU recurrences, one sequence at a time. Its own training predicts the next number; here its
 * equations are driven for S1's task, the class after the last step, which they allow: forward over all steps, the gradient of
 * softmax and cross-entropy written into the last output, backward, update, for sixteen digits one after the other.
 *
 * Only the loss can be checked: add-b.js assigns where it should add, so the gradient of its biases is that of one step.
 */
import { createRequire } from 'node:module'
import { problems, race, say } from './problem.mjs'

const require = createRequire(import.meta.url)
const { recurrent } = require('brain.js')
say({ version: require('brain.js/package.json').version, note: 'one sequence at a time' })

for (const problem of problems) await race(problem, 'training', { RNNTimeStep: iteration(problem) })

function iteration({ T, B, H, K, x, y, Wxh, Whh, bx, bh, headW, headB }) {
  const net = new recurrent.RNNTimeStep({ inputSize: 1, hiddenLayers: [H], outputSize: K, regc: 0 })
  net.trainOpts.learningRate = 1e-12 // so low that the weights stay what they are
  net.initialize()
  const { model } = net
  const [{ weight, transition, bias }] = model.hiddenLayers
  weight.weights.set(Wxh)
  transition.weights.set(Whh)
  bias.weights.set(bx.map((value, i) => value + bh[i]))
  model.outputConnector.weights.set(headW)
  model.output.weights.set(headB)
  while (model.equations.length < T) net.bindEquation()
  return () => {
    let loss = 0
    for (let b = 0; b < B; b++) {
      let output
      for (let t = 0; t < T; t++) output = model.equations[t].runInput([x[t * B + b]])
      loss += softmax(output, y[b], B)
      net.backpropagate()
      net.adjustWeights()
    }
    return { loss: loss / B, gradNorm: null }
  }
}

/** The cross-entropy of one output, and its gradient (of the mean over B) in the output's deltas. */
function softmax({ weights, deltas }, target, B) {
  const top = Math.max(...weights)
  const sum = weights.reduce((total, value) => total + Math.exp(value - top), 0)
  for (let k = 0; k < weights.length; k++) deltas[k] = (Math.exp(weights[k] - top) / sum - (k === target ? 1 : 0)) / B
  return Math.log(sum) + top - weights[target]
}

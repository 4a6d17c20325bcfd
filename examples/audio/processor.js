// The audio thread: the model hears one sample at a time and answers with one. All is made in the constructor; process()
// waits for nothing and allocates nothing.
import { createBackendSync, loadModel } from 'irnn'

class Network extends AudioWorkletProcessor {
  constructor({ processorOptions: { wasm, model } }) {
    super()
    const backend = createBackendSync({ wasm })
    this.stepper = loadModel(model, { backend }).stepper()
    this.x = new Float32Array(1)
    this.port.postMessage(backend.description)
  }

  process(inputs, outputs) {
    const { stepper, x } = this
    const input = inputs[0][0]
    const output = outputs[0][0]
    for (let i = 0; i < output.length; i++) {
      x[0] = input === undefined ? 0 : input[i]
      output[i] = stepper.step(x)[0]
    }
    return true
  }
}

registerProcessor('irnn', Network)

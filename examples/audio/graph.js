// Makes the model, and the node that runs it in the audio thread, which can fetch nothing itself: it is handed both.
import { createBackend, createModel, lstm, regression, saveModel, wasmModule } from 'irnn'

/** A model and an AudioWorkletNode through which its input is heard. */
export async function networkIn(context) {
  const model = createModel({ input: 1, rnn: lstm(24), head: regression(1) }, { backend: await createBackend() })
  await context.audioWorklet.addModule(new URL('./processor.js', import.meta.url))
  const processorOptions = { wasm: await wasmModule(), model: saveModel(model) }
  return { model, node: new AudioWorkletNode(context, 'irnn', { processorOptions }) }
}

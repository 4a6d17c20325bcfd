// What check-bundlers.mjs runs in a page: functions that use nothing of this file.

/** A tone through the network of examples/audio/, on the audio thread and on this one. */
export async function hear() {
  const { networkIn } = await import(new URL('./graph.js', document.baseURI).href)
  const length = 4410
  const context = new OfflineAudioContext(1, length, 44100)
  const { model, node } = await networkIn(context)
  const said = new Promise((resolve) => {
    node.port.onmessage = ({ data }) => resolve(data)
  })
  const buffer = context.createBuffer(1, length, 44100)
  const x = buffer.getChannelData(0)
  for (let i = 0; i < length; i++) x[i] = Math.sin(i / 20)
  const source = new AudioBufferSourceNode(context, { buffer })
  source.connect(node).connect(context.destination)
  source.start()
  const heard = (await context.startRendering()).getChannelData(0)
  const stepper = model.stepper()
  const others = x.filter((value, i) => stepper.step(Float32Array.of(value))[0] !== heard[i]).length
  return { others, sounding: heard.some((value) => value !== 0), description: await said }
}

/** What createBackend says of kernels. */
export async function refusal(wasm) {
  const { createBackend } = await import(new URL('./node_modules/irnn/dist/page/irnn.js', document.baseURI).href)
  return createBackend({ wasm }).then(({ description }) => description, String)
}

// The page: a tone goes through the network.
import { networkIn } from './graph.js'

const said = document.querySelector('#said')

async function start() {
  const context = new AudioContext()
  const { node } = await networkIn(context)
  node.port.onmessage = ({ data }) => {
    said.textContent += `${data}\n`
  }
  new OscillatorNode(context, { frequency: 220 }).connect(node).connect(context.destination)
  await context.resume()
}

document.querySelector('#start').onclick = () => {
  start().catch((error) => {
    said.textContent += `failed: ${error.message}\n`
  })
}

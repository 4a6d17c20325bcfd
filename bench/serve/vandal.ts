/** A client that is killed in the middle of everything: `node vandal.js PORT` opens sessions and sends on and on. */
import { connect, requestOf } from './client.ts'
import { stepOf } from './served.ts'

const port = Number(process.argv[2])
for (let n = 0; n < 40; n++) {
  const connection = await connect(port)
  const { body } = await connection.ask(requestOf('POST', '/v1/runs/steps/sessions', {}))
  const path = `/v1/runs/steps/sessions/${JSON.parse(body).session}`
  for (let t = 0; t < 20; t++) connection.ask(requestOf('POST', path, { x: [stepOf(n, t)] })).catch(() => {})
}
console.log('ready')
setInterval(() => {}, 1000)

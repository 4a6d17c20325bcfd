/** The parts of the benchmark of `irnn serve`: a step, a crowd, vandals, an hour's worth of sessions. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Model } from '../../src/index.ts'
import { type Connection, connect, metricsOf, quantile, requestOf } from './client.ts'
import { rowOf, type Server, stepOf } from './served.ts'

const STEPS = '/v1/runs/steps'
const round = (value: number, digits = 3): number => Number(value.toFixed(digits))

async function opened(connection: Connection, run: string): Promise<string> {
  const { status, body } = await connection.ask(requestOf('POST', `/v1/runs/${run}/sessions`, {}))
  if (status !== 201) throw new Error(`a session of ${run} is refused: ${status} ${body}`)
  return `/v1/runs/${run}/sessions/${JSON.parse(body).session}`
}

/** Milliseconds of a step in a session, one after the other, and of the stepper alone. */
export async function latency({ port }: Server, model: Model, count: number) {
  const connection = await connect(port)
  const path = await opened(connection, 'steps')
  const stepper = model.stepper()
  const times: number[] = []
  let wrong = 0
  let alone = 0
  for (let t = 0; t < count; t++) {
    const x = stepOf(0, t)
    const start = performance.now()
    const { body } = await connection.ask(requestOf('POST', path, { x: [x] }))
    const between = performance.now()
    const [logit] = stepper.step(x)
    alone += performance.now() - between
    times.push(between - start)
    if (JSON.parse(body).predictions[0].logits[0] !== logit) wrong += 1
  }
  connection.socket.destroy()
  stepper.dispose()
  times.sort((a, b) => a - b)
  return {
    steps: count,
    p50: round(quantile(times, 0.5)),
    p99: round(quantile(times, 0.99)),
    stepper: round(alone / count, 4),
    wrong,
  }
}

/** So many requests at once over so many connections; every one that is answered with 200 must be right. */
export async function crowd({ port }: Server, model: Model, connections: number, each: number) {
  const expected = (n: number) => model.forward({ T: 1, B: 1, x: stepOf(n, 0) }).logits[0]
  const all = await Promise.all(Array.from({ length: connections }, () => connect(port)))
  const times: number[] = []
  let [wrong, refused, lost] = [0, 0, 0]
  const start = performance.now()
  const asked = all.flatMap((connection, c) =>
    Array.from({ length: each }, async (_, k) => {
      const n = c * each + k
      try {
        const { status, body } = await connection.ask(requestOf('POST', `${STEPS}/predict`, { x: [stepOf(n, 0)] }))
        times.push(performance.now() - start)
        if (status === 503) refused += 1
        else if (status !== 200 || JSON.parse(body).predictions[0].logits[0][0] !== expected(n)) wrong += 1
      } catch {
        lost += 1
      }
    }),
  )
  await Promise.all(asked)
  const seconds = (performance.now() - start) / 1000
  for (const { socket } of all) socket.destroy()
  times.sort((a, b) => a - b)
  const rate = Math.round(times.length / seconds)
  const ends = { p50: round(quantile(times, 0.5), 1), p99: round(quantile(times, 0.99), 1) }
  return { requests: connections * each, connections, seconds: round(seconds), rate, ...ends, wrong, refused, lost }
}

/** What a service has that could leak. */
async function heldBy(server: Server) {
  const connection = await connect(server.port)
  const metric = await metricsOf(connection)
  const files = server.files() - 1 // its own connection is open
  connection.socket.destroy()
  return {
    sessions: metric('irnn_sessions'),
    connections: metric('irnn_connections') - 1,
    bodies: metric('irnn_body_bytes') + metric('irnn_unread_bytes'),
    waiting: metric('irnn_waiting'),
    files,
    heap: round((metric('nodejs_heap_size_used_bytes') + metric('nodejs_external_memory_bytes')) / 2 ** 20, 1),
    resident: round(metric('process_resident_memory_bytes') / 2 ** 20, 1),
  }
}

/** Clients that are killed, never read, stop in the middle or say nothing; what is left of them after `seconds`. */
export async function vandals(server: Server, rounds: number, seconds: number) {
  const before = await heldBy(server)
  const long = requestOf('POST', `${STEPS}/predict`, { x: Array.from({ length: 9000 }, (_, t) => stepOf(0, t)) })
  const idle: Connection[] = []
  for (let n = 0; n < rounds; n++) {
    const child = spawn(process.execPath, [fileURLToPath(new URL('vandal.js', import.meta.url)), `${server.port}`])
    const others = await Promise.all(Array.from({ length: 30 }, () => connect(server.port)))
    for (const [i, { socket }] of others.entries()) {
      socket.on('error', () => {})
      if (i % 3 === 0) socket.pause().write(long) // never reads its answer
      if (i % 3 === 1) socket.write(long.slice(0, 5000)) // stops in its body
    }
    idle.push(...others)
    await once(child.stdout, 'data')
    child.kill('SIGKILL')
    if (n % 2 === 0) for (const { socket } of others) socket.resetAndDestroy()
  }
  const busiest = await heldBy(server)
  await sleep(1000 * seconds)
  const after = await heldBy(server)
  for (const { socket } of idle) socket.destroy()
  return { killed: rounds, before, busiest, after }
}

/** Many sessions for long: each takes a step every `every` seconds; memory is looked at again and again. */
export async function endurance(server: Server, model: Model, { sessions, minutes, every }: Endurance) {
  const connections = await Promise.all(Array.from({ length: 50 }, () => connect(server.port)))
  const forecasts = Math.floor(sessions / 20)
  const paths = await Promise.all(
    Array.from({ length: sessions }, (_, s) => opened(connections[s % 50]!, s < forecasts ? 'sales' : 'steps')),
  )
  const end = performance.now() + 60_000 * minutes
  const [steps, last, times] = [new Int32Array(sessions), new Array<string>(sessions), [] as number[]]
  let refused = 0
  const stream = async (s: number) => {
    await sleep(Math.random() * 1000 * every)
    while (performance.now() < end) {
      const t = steps[s]!
      const start = performance.now()
      const body = s < forecasts ? { rows: [rowOf(t)] } : { x: [stepOf(s, t)] }
      const answer = await connections[s % 50]!.ask(requestOf('POST', paths[s]!, body))
      times.push(performance.now() - start)
      if (answer.status === 200) {
        last[s] = answer.body
        steps[s]! += 1
      } else {
        refused += 1
        console.log(answer.status, answer.body)
      }
      await sleep(Math.max(0, 1000 * every - (performance.now() - start)))
    }
  }
  const samples: object[] = []
  const look = async () => {
    for (const start = performance.now(); performance.now() < end; ) {
      await sleep((60_000 * minutes) / 120)
      samples.push({ minutes: round((performance.now() - start) / 60_000, 2), ...(await heldBy(server)) })
    }
  }
  await Promise.all([look(), ...paths.map((_, s) => stream(s))])
  const wrong = paths.filter((_, s) => s >= forecasts && !isRight(model, s, steps[s]!, last[s]!)).length
  for (const { socket } of connections) socket.destroy()
  times.sort((a, b) => a - b)
  const all = { steps: times.length, p50: round(quantile(times, 0.5)), p99: round(quantile(times, 0.99)) }
  return { sessions, minutes, every, ...all, refused, wrong, samples: samples as Held[] }
}

export type Held = Awaited<ReturnType<typeof heldBy>> & { readonly minutes: number }

export interface Endurance {
  readonly sessions: number
  readonly minutes: number
  /** Seconds between steps of a session. */
  readonly every: number
}

/** Whether the last answer of a session is that of all its steps at once. */
function isRight(model: Model, s: number, T: number, answer: string): boolean {
  const x = Array.from({ length: T }, (_, t) => stepOf(s, t)).flat()
  return model.forward({ T, B: 1, x }).logits.at(-1) === JSON.parse(answer).predictions[0].logits[0]
}

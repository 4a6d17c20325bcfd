/**
 * `node dist/bench/serve/main.js [--minutes 10] [--save]`: `irnn serve` in a process of its own: what a step costs over
 * HTTP, ten thousand requests at once, clients that vandalise, a thousand sessions for ten minutes, a kill. Claims are
 * held or FAILED; `--save` writes results/serve-DATE.json.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { writeAtomic } from '../../src/disk.node.ts'
import { createBackend } from '../../src/index.ts'
import { commit, machine, today } from '../machine.ts'
import { claimLine } from '../report.ts'
import { connect, requestOf } from './client.ts'
import { crowd, endurance, type Held, latency, vandals } from './parts.ts'
import { makeRuns, startServer, stepOf } from './served.ts'

const RESULTS = fileURLToPath(new URL('../../../bench/results/', import.meta.url))
const IDLE = 15

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '10' }, save: { type: 'boolean', default: false } },
})
const minutes = Number(values.minutes)
if (!(minutes > 0)) throw new Error(`--minutes: expected a number above 0 but received ${values.minutes}`)

const backend = await createBackend({ threads: 1 })
const dir = mkdtempSync(join(tmpdir(), 'irnn-serve-'))
try {
  const model = await makeRuns(dir, backend)
  const first = await startServer(dir, '--port', '0', '--session-idle', String(IDLE))
  const step = await latency(first, model, 5000)
  console.log('a step', step)
  const many = await crowd(first, model, 200, 50)
  console.log('a crowd', many)
  // Sessions of the killed end after IDLE, half-open connections after 10 s and bodies after 30.
  const rough = await vandals(first, 6, 40)
  console.log('vandals', rough)

  await first.stop('SIGKILL')
  const start = performance.now()
  const second = await startServer(dir, '--port', String(first.port), '--max-wait', '60')
  const again = await connect(second.port)
  const { body } = await again.ask(requestOf('POST', '/v1/runs/steps/predict', { x: [stepOf(0, 0)] }))
  const right =
    JSON.parse(body).predictions[0].logits[0][0] === model.forward({ T: 1, B: 1, x: stepOf(0, 0) }).logits[0]
  again.socket.destroy()
  const restart = { seconds: Number(((performance.now() - start) / 1000).toFixed(2)), right }
  console.log('killed and started again', restart)

  const long = await endurance(second, model, { sessions: 1000, minutes, every: 10 })
  const ending = performance.now()
  const code = await second.stop('SIGTERM')
  const end = { code, seconds: Number(((performance.now() - ending) / 1000).toFixed(2)) }
  console.log(
    'sessions',
    { ...long, samples: long.samples.length, first: long.samples[0], last: long.samples.at(-1) },
    end,
  )
  const claims = claimsOf({ step, many, rough, restart, long, end })
  console.log(claims.map(claimLine).join('\n'))
  if (claims.some(({ holds }) => !holds)) process.exitCode = 1
  if (values.save) {
    const about = { date: today(), commit: commit(), machine: machine(), backend: backend.description }
    const result = { ...about, step, crowd: many, vandals: rough, restart, sessions: long, end, claims }
    writeAtomic(`${RESULTS}serve-${about.date}.json`, `${JSON.stringify(result, null, 1)}\n`)
  }
} finally {
  backend.dispose()
  rmSync(dir, { recursive: true })
}

interface Measured {
  readonly step: Awaited<ReturnType<typeof latency>>
  readonly many: Awaited<ReturnType<typeof crowd>>
  readonly rough: Awaited<ReturnType<typeof vandals>>
  readonly restart: { readonly right: boolean }
  readonly long: Awaited<ReturnType<typeof endurance>>
  readonly end: { readonly code: number | null; readonly seconds: number }
}

function claimsOf({ step, many, rough, restart, long, end }: Measured) {
  const claim = (text: string, holds: boolean, measured: string) => ({ text, holds, measured })
  const { after, before } = rough
  const left = [after.sessions, after.connections, after.bodies, after.waiting, after.files - before.files]
  // Until a third of the time is over, code is compiled and the heap finds its size.
  const third = Math.floor(long.samples.length / 3)
  const growth = least(long.samples.slice(2 * third)) - least(long.samples.slice(third, 2 * third))
  const most = Math.max(...long.samples.map(({ resident }) => resident))
  return [
    claim(
      'a step over HTTP takes at most 0.5 ms more than the stepper, at the median',
      step.p50 - step.stepper <= 0.5,
      `${step.p50} ms`,
    ),
    claim('a stream has the bits of the stepper', step.wrong === 0, `${step.wrong} of ${step.steps} differ`),
    claim(
      '10,000 requests in flight: whatever is answered is right',
      many.wrong + many.lost === 0,
      `${many.wrong} wrong, ${many.lost} lost, ${many.refused} refused, p99 ${many.p99} ms`,
    ),
    claim(
      'nothing is left of vandals',
      left.every((n) => n <= 0),
      `sessions, connections, bodies, waiting, files: ${left}`,
    ),
    claim('killed and started again it serves as before', restart.right, String(restart.right)),
    claim(
      `1,000 sessions for ${long.minutes} minutes: all answered right`,
      long.wrong + long.refused === 0,
      `${long.steps} steps, p99 ${long.p99} ms`,
    ),
    claim(
      'their memory is flat: what stays after a collection grows by at most 8 MiB, and all is within 256',
      growth <= 8 && most <= 256,
      `${growth.toFixed(1)} MiB, at most ${most} resident`,
    ),
    claim('SIGTERM ends it within 10 s', end.code === 0 && end.seconds <= 10, `${end.seconds} s`),
  ]
}

/** The least that is held: what is collected later is there for a while, and only what stays is a leak. */
function least(samples: readonly Held[]): number {
  return Math.min(...samples.map(({ heap }) => heap))
}

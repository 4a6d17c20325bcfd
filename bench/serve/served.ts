/** What is served in the benchmark: a model of steps and a forecast, in a folder, by the command in its own process. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fit, forecasting, openTable, saveFit } from '../../src/data.ts'
import { type Backend, createModel, gru, type Model, regression, saveModel } from '../../src/index.ts'

const MAIN = fileURLToPath(new URL('../../cli/main.js', import.meta.url))
export const I = 8
export const H = 64

const day = (i: number) => new Date(Date.UTC(2015, 0, 1 + i)).toISOString().slice(0, 10)

/** Row i of what is forecast. */
export const rowOf = (i: number): Readonly<Record<string, unknown>> => ({
  day: day(i),
  sales: 100 + 20 * Math.sin(i * 0.9) + ((i * 37) % 11),
})

/** Values of step t of session s. */
export const stepOf = (s: number, t: number): number[] =>
  Array.from({ length: I }, (_, i) => Math.round(1e4 * Math.sin(s + 3 * t + i)) / 1e4)

/** Writes the model and the run, and gives the model. */
export async function makeRuns(dir: string, backend: Backend): Promise<Model> {
  const spec = { input: I, rnn: gru(H), head: regression(1, { steps: 'every' }) } as const
  const model = createModel(spec, { backend })
  writeFileSync(join(dir, 'steps.safetensors'), saveModel(model))
  const work = forecasting(await openTable(Array.from({ length: 200 }, (_, i) => rowOf(i))), {
    target: 'sales',
    horizon: 7,
    window: 28,
  })
  for await (const event of fit(work, { backend, trials: 1, iterations: 20 })) {
    if (event.type === 'result') saveFit(event.fitted, join(dir, 'sales'), { version: '1' })
  }
  return model
}

export interface Server {
  readonly child: ChildProcess
  readonly port: number
  /** Files and sockets that the process has open. */
  files(): number
  stop(signal: NodeJS.Signals): Promise<number | null>
}

export async function startServer(dir: string, ...flags: string[]): Promise<Server> {
  const runs = [join(dir, 'steps.safetensors'), join(dir, 'sales')]
  const child = spawn(process.execPath, [MAIN, 'serve', ...runs, ...flags], { stdio: ['ignore', 'pipe', 'ignore'] })
  const [line] = await once(child.stdout!, 'data')
  return {
    child,
    port: Number(new URL(String(line).trim()).port),
    files: () => readdirSync(`/proc/${child.pid}/fd`).length,
    async stop(signal) {
      child.kill(signal)
      const [code] = await once(child, 'exit')
      return code
    },
  }
}

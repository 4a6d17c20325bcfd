/** One point of scaling.ts: its JSON as the argument, the measurement as JSON on standard output. */
import { createEngine } from '../src/backend/choose.ts'
import { trainingJob } from './job.ts'
import { peak, repeat, settledPeak } from './measure.ts'
import { randomProblem, type Shape, work } from './problems.ts'
import type { Measurement, Point } from './scaling.ts'

const SECONDS = 0.8
const MB = 2 ** 20

const point = JSON.parse(process.argv[2]!) as Point
const { T, B, H, threads } = point
const shape: Shape = { name: 'scaling', label: '', cell: 'relu', T, B, H, I: 1, K: 10, inputGradient: false }
const backend = await createEngine({ threads })
settledPeak(backend)
const problem = await randomProblem(shape)
// What making the weights took is given back to the system late or never: it counts as there before.
const before = process.resourceUsage().maxRSS * 1024
const job = trainingJob(problem, backend)
job.run()
let top = 0
const ms = repeat(() => job.run(), {
  seconds: SECONDS,
  least: 5,
  between: () => {
    top = Math.max(top, peak(backend))
  },
})
const memory = (process.resourceUsage().maxRSS * 1024 - before) / MB
const measured: Measurement = { ...point, ms, gflops: work(shape) / ms.best / 1e6, peak: top, memory }
console.log(JSON.stringify(measured))

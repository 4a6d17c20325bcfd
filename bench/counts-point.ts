/** One training iteration of a shape, by AVX2 on one thread, for counts.ts: `node counts-point.js SHAPE`. */
import { createEngine } from '../src/backend/choose.ts'
import { COUNTED } from './counts.ts'
import { trainingJob } from './job.ts'
import { randomProblem } from './problems.ts'

const shape = COUNTED.find(({ name }) => name === process.argv[2])!
const backend = await createEngine({ name: 'native', instructionSet: 'avx2', threads: 1 })
const job = trainingJob(await randomProblem(shape), backend)
job.run()
job.dispose()

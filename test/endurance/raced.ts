/** The run that races.ts lets processes race for. */
import { adding, irnn, regression, trainSpec } from '../../src/index.ts'

export const TASK = adding({ T: 4, train: 50, test: 10 })
export const SPEC = { input: 2, rnn: irnn(4, { inputStd: 0.1 }), head: regression(1) } as const
export const TRAINING = trainSpec({ iterations: 12, evalEvery: 4, target: null })

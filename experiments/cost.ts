/**
 * About how long a run takes, from its sizes alone: which of two takes longer is what a schedule must know. Beside
 * measurements on one core with AVX-512 it is right to a factor of two, of phones of three.
 */
import cells from '../src/layers/cells.ts'
import { modelSpec } from '../src/model/spec.ts'
import { modelOf } from '../src/tasks/network.ts'
import type { ExperimentRun } from './experiment.ts'
import { planned } from './identity.ts'

/** Steps of a sequence and outputs of a step, of tasks whose options do not say it: phones by their mean. */
const STEPS: Readonly<Record<string, number>> = { mnist: 784, phones: 300, words: 20 }
const OUTPUTS: Readonly<Record<string, number>> = { words: 10_000 }
/** Multiplications and additions a second, and the share of them that ReLU units need that are mostly 0. */
const RATE = 150e9
const SPARSE = 0.3
/** What an iteration takes beside them. */
const BASE = 2e-4

/** Seconds of one core. */
export function costOf(run: ExperimentRun): number {
  const { recipe, flags, options, training } = planned(run)
  const K = OUTPUTS[run.task] ?? 10
  const T = typeof options.T === 'number' ? options.T : (STEPS[run.task] ?? 150)
  const head = { kind: 'classification', size: K, steps: run.task === 'words' ? 'every' : 'last' } as const
  const width = run.task === 'phones' ? 120 : 1
  const input = run.task === 'words' ? { vocabulary: K } : { size: width }
  const { rnn, projection } = modelSpec(modelOf(recipe, flags, { input, head }))
  const { gates, activation, gated } = cells[rnn.cell]
  const H = rnn.hidden
  const directions = rnn.bidirectional ? 2 : 1
  const sparse = !gated && activation === 'relu' ? SPARSE : 1
  const recurrent = sparse * directions * gates * H * (rnn.layers * H + (rnn.layers - 1) * directions * H + width)
  const top = projection?.size ?? directions * H
  const output = head.steps === 'every' ? K * top : 0
  const work = 6 * training.batch * T * (recurrent + output)
  return training.iterations * (BASE + work / RATE)
}

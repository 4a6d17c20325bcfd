/** Options of training that do not go with the task. */
import { InputError, shown } from '../error.ts'
import { type LossSpec, lossName, type OwnLoss } from '../loss.ts'
import { measureOf } from '../metric.ts'
import type { Model } from '../model/model.ts'
import { ONE_WAY } from '../model/state.ts'
import type { Task } from '../task.ts'
import type { Extras } from './extras.ts'
import type { TrainSpec } from './options.ts'

/**
 * @throws InputError for a batch larger than the training set or not of equal parts, a target outside of what the score
 * can be, and probes of a bidirectional model
 */
export function refuseMisfitSpec({ batch, target, probeEvery, shards }: TrainSpec, task: Task, model: Model): void {
  if (probeEvery > 0 && model.spec.rnn.bidirectional) {
    throw new InputError(`training: probeEvery: expected 0, no probes, but received ${probeEvery}: ${ONE_WAY}`)
  }
  if (batch > task.trainSize) {
    throw new InputError(
      `batch: expected at most ${task.trainSize}, all the training sequences of ${task.name}, but received ${batch}`,
    )
  }
  if (batch % shards !== 0) {
    throw new InputError(
      `shards: expected a number of parts that divides the batch of ${batch} but received ${shards}: give a batch of ` +
        `${Math.ceil(batch / shards) * shards}`,
    )
  }
  const { percent, name } = measureOf(task.judge ?? task.metric)
  if (target === null || !percent || (target >= 0 && target <= 1)) return
  throw new InputError(
    `target: expected a share from 0 to 1, since ${name} is one (0.97 is 97 %), but received ${shown(target)}`,
  )
}

/** @throws InputError unless each of so many ranks has as many parts of a minibatch */
export function refuseRanks({ shards, batch }: TrainSpec, ranks: number): void {
  if (shards % ranks === 0) return
  const fitting = [...Array(11).keys()].map((k) => 2 ** k).find((parts) => parts >= ranks && batch % parts === 0)
  const remedy = Number.isInteger(Math.log2(ranks))
    ? `give --shards ${fitting ?? ranks}, of another result, or start fewer ranks`
    : `start ${2 ** Math.floor(Math.log2(ranks))} ranks`
  throw new InputError(
    `shards: expected a number of parts that ${ranks} ranks divide but received ${shards}: ${remedy}`,
  )
}

/** @throws InputError for probes or parts of minibatches without what they are done with */
export function refuseLacking({ shards, probeEvery }: TrainSpec, extras: Extras | undefined): void {
  const asked = shards > 1 ? 'shards' : probeEvery > 0 ? 'probeEvery' : null
  if (asked === null || extras?.kind === 'extras') return
  const remedy = "import { extras } from 'irnn'"
  throw new InputError(`train: extras: expected those of irnn beside ${asked} but received ${shown(extras)}: ${remedy}`)
}

/** @throws InputError, since a sampled softmax has no logits for a loss of another kind */
export function refuseSampled(loss: LossSpec | OwnLoss): never {
  throw new InputError(
    `softmax: sampled: expected the loss crossEntropy without weights but it is ${lossName(loss)}: use full`,
  )
}

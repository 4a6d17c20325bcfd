/**
 * Curricula: training begins on something easier than the task. The one there is begins on shorter sequences (Bengio et
 * al. 2009, "Curriculum learning"; of lengths: Zaremba & Sutskever, arXiv:1410.4615) and lets them grow in stages. Like
 * a schedule it is data and a pure function: the number of iterations done says which stage a run is in, so there is
 * nothing to store but that number. Test and held-out sets have their whole length throughout.
 */

import { InputError, refuseUnknown } from '../error.ts'
import { kindOf, oneOf, whole } from '../flag.ts'
import * as z from '../schema.ts'
import { refuseUnlessTask, type Task } from '../task.ts'
import type { KindFlags } from './kindFlags.ts'

/** Training sequences have the length of the task throughout, as data; `noCurriculum` makes it. */
export interface NoCurriculum {
  readonly kind: 'none'
}
/** Training sequences that grow, as data; `growingLengths` makes it. */
export interface GrowingLengths {
  readonly kind: 'lengths'
  /** Steps of the first training sequences, at least 2. */
  readonly from: number
  /** From one stage to the next they are so many times as long, at least 1.1. */
  readonly factor: number
  /** Iterations of each stage but the last, which has the length of the task and all iterations that are left. */
  readonly iterations: number
}
/** Which curriculum, as data. */
export type Curriculum = NoCurriculum | GrowingLengths

/** None: training sequences have the length of the task. */
export function noCurriculum(): NoCurriculum {
  return { kind: 'none' }
}

/**
 * Training sequences of `from` steps (default 100), then `factor` (2) times as many after every `iterations` (200), up
 * to the length of the task. A task that is no longer than `from` has one stage: the usual training.
 */
export function growingLengths(options: Partial<Omit<GrowingLengths, 'kind'>> = {}): GrowingLengths {
  refuseUnknown('growingLengths', options, ['from', 'factor', 'iterations'])
  const { from = 100, factor = 2, iterations = 200 } = options
  return { kind: 'lengths', from, factor, iterations }
}

const LEAST_FACTOR = 1.1
const factor = z.number().min(LEAST_FACTOR)

/** What the options of a run may say. */
export const curriculumSchema: z.Schema<Curriculum> = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('none') }),
  z.strictObject({ kind: z.literal('lengths'), from: z.int().min(2), factor, iterations: z.int().min(1) }),
])

/** Each curriculum on the command line. */
export const CURRICULUM_FLAGS: KindFlags<Curriculum> = {
  kind: {
    flag: '--curriculum <name>',
    value: oneOf('none', 'lengths'),
    help: 'lengths: train on shorter sequences first; the test set keeps its length',
  },
  kinds: { none: noCurriculum, lengths: growingLengths },
  parts: [
    {
      flag: '--grow-from <T>',
      value: whole(2),
      sets: 'from',
      of: ['lengths'],
      means: 'lengths',
      help: 'steps of the first training sequences (default: 100)',
    },
    {
      flag: '--grow-factor <x>',
      value: kindOf(factor, `a number >= ${LEAST_FACTOR}`),
      sets: 'factor',
      of: ['lengths'],
      means: 'lengths',
      help: 'how many times as long they are in the next stage (default: 2)',
    },
    {
      flag: '--grow-iterations <N>',
      value: whole(),
      sets: 'iterations',
      of: ['lengths'],
      means: 'lengths',
      help: 'minibatch updates of each stage but the last, part of --iterations (default: 200)',
    },
  ],
}

/** A part of a run, in which all training sequences have one length. */
export interface Stage {
  /** What training sequences are drawn from: the task, or the same with shorter ones. */
  readonly task: Task
  /** Iterations of the run before it, and with it; null: it is the last, and goes on to the end. */
  readonly begin: number
  readonly end: number | null
}

/** The lengths of the stages, the last one that of the task. */
export function lengthsOf(curriculum: Curriculum, T: number): readonly number[] {
  const lengths: number[] = []
  if (curriculum.kind === 'lengths') {
    for (let t = curriculum.from; t < T; t = Math.round(Math.max(t + 1, t * curriculum.factor))) lengths.push(t)
  }
  return [...lengths, T]
}

/** The stages of a run, in order. @throws InputError for a task whose sequences cannot be shorter */
export function stagesOf(curriculum: Curriculum, task: Task): readonly Stage[] {
  if (curriculum.kind === 'none') return [{ task, begin: 0, end: null }]
  if (!task.shortened) {
    throw new InputError(
      `curriculum: expected a task whose sequences can be shorter but received ${task.name}, which has no ` +
        'shortened(): leave the curriculum out',
    )
  }
  const lengths = lengthsOf(curriculum, task.T)
  return lengths.map((T, i) => {
    const last = i === lengths.length - 1
    const [begin, end] = [i * curriculum.iterations, (i + 1) * curriculum.iterations]
    return { task: last ? task : shorter(task, T), begin, end: last ? null : end }
  })
}

function shorter(task: Task, T: number): Task {
  const made = task.shortened!(T)
  refuseUnlessTask(made)
  if (made.T <= T) return made
  throw new InputError(
    `task ${task.name}: shortened(${T}): expected a task of at most ${T} steps but received one of ${made.T}`,
  )
}

/** The stage of the next iteration, after so many. */
export function stageAfter(stages: readonly Stage[], iterations: number): Stage {
  return stages.find(({ end }) => end === null || iterations < end)!
}

/**
 * A kind of work as the fit loop sees it: something to try on the validation part, and what to make of the best. What
 * is of one kind alone (forecasts, labels, next items) is behind this.
 */
import type { Model } from '../model/model.ts'
import type { ModelInput } from '../model/spec.ts'
import type { Task } from '../task.ts'
import type { TrainOptions } from '../train/options.ts'
import type { Note } from './notes.ts'
import type { Schema } from './schema.ts'

/** A way to fit, to be tried. */
export interface Trial {
  /** What is tried, in words: "gru 64, level of the window". */
  readonly name: string
  readonly recipe: string
  readonly task: Task
  readonly model: ModelInput
  readonly training: TrainOptions
}

/** A trial that was made: how good it is on the validation part; less is better. */
export interface Tried<T extends Trial = Trial> {
  readonly trial: T
  readonly score: number
  /** Whether it was so good in the first half of its iterations: what came after was learnt by heart. */
  readonly early: boolean
}

/** Scores of a method on the test part, by name; null where it has none. */
export interface MethodScores {
  readonly name: string
  readonly [score: string]: number | string | null
}

/** What a fit ends with, beside the model. */
export interface Outcome {
  /** Complete: what was measured and chosen is in it. */
  readonly schema: Schema
  /** The network, which is called `network`, and what stands beside it. */
  readonly methods: readonly MethodScores[]
  /** The name of the best. */
  readonly winner: string
  readonly notes: readonly Note[]
  /** Files for the run's folder, by name. */
  readonly files: Readonly<Record<string, string>>
}

/** A table and what was decided about it, ready to be fitted. `forecasting` makes one. */
export interface Work<T extends Trial = Trial> {
  readonly kind: Schema['kind']
  /** The decisions; `fitted` is null. */
  readonly schema: Schema
  readonly notes: readonly Note[]
  /** What the network is fitted to, for the name of a run. */
  readonly title: string
  /** So many networks of the best trial, each of a seed of its own, are one model. Default 1. */
  readonly members?: number
  /** The next trial, given those that were made; null: enough. */
  next(tried: readonly Tried<T>[], seed: number): T | null
  /** How good a trial's model is on the validation part: `score` decides, less is better; the rest is for people. */
  judge(trial: T, model: Model): { readonly score: number; readonly shown: Readonly<Record<string, number>> }
  /** The best trial once more, over training and validation parts, for so many iterations. */
  again(trial: T, iterations: number, seed: number): T
  /**
   * Makes what the model of the best trial is worth on the test part.
   * @param model the one of `again`. @param validated the one that was judged on the validation part
   */
  finish(trial: T, model: Model, validated: Model): Outcome
}

/** What all streams of an opened run share: the network's buffers, made when needed, and what tells the run. */
import { sha256 } from '../disk.node.ts'
import type { Model } from '../model/model.ts'
import type { Plan } from '../model/plan.ts'
import type { Stepper } from '../model/stepper.ts'
import { type Schema, schemaText } from './schema.ts'

export interface StreamBuffers {
  /** Tells the run: its weights and its schema. */
  run(): string
  /** Of one sequence; whoever uses it sets its state. */
  stepper(): Stepper
  /** For one sequence of so many steps, or more. */
  plan(T: number): Plan
  dispose(): void
}

export function streamBuffers(model: Model, schema: Schema): StreamBuffers {
  let run: string | undefined
  let stepper: Stepper | undefined
  let plan: Plan | undefined
  return {
    run() {
      const { buffer, byteOffset, byteLength } = model.weights
      run ??= sha256(`${sha256(new Uint8Array(buffer, byteOffset, byteLength))} ${schemaText(schema)}`)
      return run
    },
    stepper() {
      stepper ??= model.stepper()
      return stepper
    },
    plan(T) {
      if (plan !== undefined && plan.T >= T) return plan
      // Twice as long as the last one, so that a sequence that grows makes few of them.
      const longer = model.plan({ T: Math.max(T, 2 * (plan?.T ?? 0)), B: 1, training: false })
      plan?.dispose()
      plan = longer
      return plan
    },
    dispose() {
      stepper?.dispose()
      plan?.dispose()
    },
  }
}

/** What a run of the benchmark leaves: rows, and the verdicts that follow from them. Plain data, as it is stored. */
import type { InstructionSet } from '../src/index.ts'
import type { Timing } from './measure.ts'

/** An instruction set that all can be held to, so that a wide processor shows what a narrower one would. */
export type Isa = 'avx2'
export const ISAS: readonly Isa[] = ['avx2']

export interface Row {
  /** `irnn`, or the rival. */
  readonly library: string
  /** Ours: the backend's description. A rival's: which of its ways was the fastest. */
  readonly engine: string
  /** Of ours. */
  readonly backend?: 'native' | 'wasm'
  readonly instructionSet?: InstructionSet
  readonly threads: number
  /** Name of the problem. */
  readonly problem: string
  readonly pass: 'training' | 'forward'
  /** Absent if it failed. */
  readonly ms?: Timing
  /** Share of one iteration spent in the kernels that do the products. */
  readonly kernelShare?: number
  /** GFLOP/s of the dense work, and of nothing but multiply-adds measured in turn with it. */
  readonly gflops?: number
  readonly peak?: number
  /** Share of h that is not 0. */
  readonly live?: number
  /** Why there is no time. */
  readonly failed?: string
}

/** One of our backends by itself. */
export interface Engine {
  readonly engine: string
  readonly backend: 'native' | 'wasm'
  readonly instructionSet?: InstructionSet
  readonly threads: number
  /** GFLOP/s. */
  readonly peak: number
  /** GB/s, read and written. */
  readonly bandwidth: number
}

/** What is around the kernels, in the real training loop at S1. */
export interface Loop {
  readonly engine: string
  readonly threads: number
  /** Milliseconds of one iteration, and of those the recurrence kernels' own. */
  readonly iteration: number
  readonly kernels: number
}

export interface Streaming {
  readonly engine: string
  /** Microseconds of one step of one sequence, H = 100, with the call from JavaScript. */
  readonly step: number
  /** Milliseconds of a forward pass over 784 steps of one sequence, dense weights. */
  readonly forward: number
}

export interface Machine {
  readonly cpu: string
  readonly cores: number
  /** Of the processor's flags those that matter here. */
  readonly flags: readonly string[]
  readonly os: string
  readonly node: string
}

export interface Results {
  readonly date: string
  readonly commit: string
  readonly machine: Machine
  /** Everyone was held to it; absent where each took what it likes best. */
  readonly isa?: Isa
  readonly trained: { readonly iterations: number; readonly accuracy: number; readonly live: number } | null
  readonly engines: readonly Engine[]
  readonly rows: readonly Row[]
  readonly loops: readonly Loop[]
  readonly streaming: Streaming | null
  /** A rival that is not there, and why. */
  readonly missing: readonly { readonly library: string; readonly reason: string }[]
}

export interface Verdict {
  readonly text: string
  /** null: what it needs was not measured. */
  readonly holds: boolean | null
  readonly measured: string
}

/** What rows to look for; what is left out may be anything. */
export type Wanted = Partial<Pick<Row, 'library' | 'backend' | 'instructionSet' | 'threads' | 'problem' | 'pass'>>

export function rowsOf({ rows }: Pick<Results, 'rows'>, wanted: Wanted): Row[] {
  const entries = Object.entries({ pass: 'training', ...wanted }) as [keyof Wanted, unknown][]
  return rows.filter((row) => row.ms && entries.every(([key, value]) => value === undefined || row[key] === value))
}

/** The fastest such row. */
export function fastest(results: Pick<Results, 'rows'>, wanted: Wanted): Row | undefined {
  return rowsOf(results, wanted).sort((a, b) => a.ms!.best - b.ms!.best)[0]
}

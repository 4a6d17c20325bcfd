/** Values as they are run: all kinds of numbers as floats, truth as 0 and 1, row-major. */
import type { OnnxNode } from './model.ts'

export interface Value {
  readonly shape: readonly number[]
  /** What is computed is float64; constants of float32 stay where they are. */
  readonly data: Float32Array | Float64Array
}

/** An operator of ONNX. Its inputs are null where they are left out. */
export type Operator = (inputs: readonly (Value | null)[], node: OnnxNode) => readonly Value[]

export function elements(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1)
}

/** A value of a shape, its numbers by their places. */
export function valueBy(shape: readonly number[], at: (place: number[]) => number): Value {
  const data = new Float64Array(elements(shape))
  const place = new Array<number>(shape.length).fill(0)
  for (let n = 0; n < data.length; n++) {
    data[n] = at(place)
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      if (++place[axis]! < shape[axis]!) break
      place[axis] = 0
    }
  }
  return { shape, data }
}

/** The number at a place; an axis of size 1 has the same one everywhere, and missing first axes do, too. */
export function numberAt({ shape, data }: Value, place: readonly number[]): number {
  let at = 0
  const more = place.length - shape.length
  for (let axis = 0; axis < shape.length; axis++) {
    at = at * shape[axis]! + (shape[axis] === 1 ? 0 : place[axis + more]!)
  }
  return data[at]!
}

/** Attributes by name, or what they are by default. */
export function ints({ attributes }: OnnxNode, name: string): readonly number[] | undefined {
  const attribute = attributes.get(name)
  return attribute?.type === 'ints' ? attribute.value : undefined
}

export function int({ attributes }: OnnxNode, name: string, fallback: number): number {
  const attribute = attributes.get(name)
  return attribute?.type === 'int' ? attribute.value : fallback
}

export function texts({ attributes }: OnnxNode, name: string): readonly string[] | undefined {
  const attribute = attributes.get(name)
  return attribute?.type === 'strings' ? attribute.value : undefined
}

export function text({ attributes }: OnnxNode, name: string, fallback: string): string {
  const attribute = attributes.get(name)
  return attribute?.type === 'string' ? attribute.value : fallback
}

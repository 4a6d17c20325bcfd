/** The plain operators that irnn writes, as opset 14 … 17 has them (https://onnx.ai/onnx/operators/). */
import { elements, int, ints, numberAt, type Operator, type Value, valueBy } from './value.ts'

/** An axis, which may be counted from the end. */
const axisOf = (axis: number, { shape }: Value): number => (axis < 0 ? axis + shape.length : axis)

/** The shape of two values side by side, each axis as long as the longer of both. */
function broadcast(a: readonly number[], b: readonly number[]): number[] {
  const length = Math.max(a.length, b.length)
  return Array.from({ length }, (_, axis) => {
    const [x, y] = [a, b].map((shape) => shape[axis - length + shape.length] ?? 1) as [number, number]
    return x === 1 ? y : x
  })
}

function elementwise(of: (...numbers: number[]) => number): Operator {
  return (inputs) => {
    const values = inputs as readonly Value[]
    const shape = values.map((value) => value.shape).reduce(broadcast)
    return [valueBy(shape, (place) => of(...values.map((value) => numberAt(value, place))))]
  }
}

/** @param of a list of numbers, which an axis becomes */
function reduced(value: Value, axes: readonly number[], of: (numbers: number[]) => number): Value {
  const gone = new Set(axes.map((axis) => axisOf(axis, value)))
  const kept = value.shape.map((_, axis) => axis).filter((axis) => !gone.has(axis))
  const lists = new Map<number, number[]>()
  const shape = kept.map((axis) => value.shape[axis]!)
  valueBy(value.shape, (place) => {
    const at = kept.reduce((sum, axis, i) => sum * shape[i]! + place[axis]!, 0)
    if (!lists.has(at)) lists.set(at, [])
    lists.get(at)!.push(numberAt(value, place))
    return 0
  })
  return { shape, data: Float64Array.from({ length: elements(shape) }, (_, at) => of(lists.get(at) ?? [])) }
}

/** What `of` makes of each row of the last axis, `size` numbers. */
function mapped({ shape, data }: Value, size: number, of: (row: number[]) => number[]): Value {
  const length = shape.at(-1)!
  const rows = Array.from({ length: data.length / length }, (_, n) => [...data.slice(n * length, (n + 1) * length)])
  return { shape: shape.with(-1, size), data: Float64Array.from(rows.flatMap(of)) }
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0)

/** Sizes of which one may be -1, what is left, and 0 stands for the size that was there. */
function reshaped({ shape, data }: Value, wanted: ArrayLike<number>): Value {
  const sizes = Array.from(wanted, (size, axis) => (size === 0 ? shape[axis]! : size))
  const known = elements(sizes.filter((size) => size !== -1))
  return { shape: sizes.map((size) => (size === -1 ? data.length / known : size)), data }
}

export const OPERATORS: Readonly<Record<string, Operator>> = {
  Add: elementwise((a, b) => a! + b!),
  Sub: elementwise((a, b) => a! - b!),
  Mul: elementwise((a, b) => a! * b!),
  Div: elementwise((a, b) => a! / b!),
  Min: elementwise(Math.min),
  Max: elementwise(Math.max),
  Less: elementwise((a, b) => (a! < b! ? 1 : 0)),
  Where: elementwise((condition, a, b) => (condition ? a! : b!)),
  Cast: ([value]) => [value!], // all that irnn casts are whole numbers

  Shape: ([value]) => [{ shape: [value!.shape.length], data: Float64Array.from(value!.shape) }],
  Reshape: ([value, shape]) => [reshaped(value!, shape!.data)],
  Unsqueeze([value, axes]) {
    const { shape, data } = value!
    const length = shape.length + axes!.data.length
    const added = new Set(Array.from(axes!.data, (axis) => (axis < 0 ? axis + length : axis)))
    const rest = [...shape]
    return [{ shape: Array.from({ length }, (_, axis) => (added.has(axis) ? 1 : rest.shift()!)), data }]
  },
  Transpose([value], node) {
    const perm = ints(node, 'perm') ?? value!.shape.map((_, axis) => value!.shape.length - 1 - axis)
    const shape = perm.map((axis) => value!.shape[axis]!)
    return [
      valueBy(shape, (place) => {
        const from: number[] = []
        for (const [to, axis] of perm.entries()) from[axis] = place[to]!
        return numberAt(value!, from)
      }),
    ]
  },
  Concat(inputs, node) {
    const values = inputs as readonly Value[]
    const axis = axisOf(int(node, 'axis', 0), values[0]!)
    const shape = values[0]!.shape.map((size, i) => (i === axis ? sum(values.map((value) => value.shape[i]!)) : size))
    return [
      valueBy(shape, (place) => {
        let at = place[axis]!
        let v = 0
        for (; at >= values[v]!.shape[axis]!; v++) at -= values[v]!.shape[axis]!
        return numberAt(values[v]!, place.with(axis, at))
      }),
    ]
  },
  Split([value, sizes], node) {
    const axis = axisOf(int(node, 'axis', 0), value!)
    let from = 0
    return Array.from(sizes!.data, (size) => {
      const start = from
      from += size
      return valueBy(value!.shape.with(axis, size), (place) => numberAt(value!, place.with(axis, place[axis]! + start)))
    })
  },
  Gather([value, indices], node) {
    const axis = axisOf(int(node, 'axis', 0), value!)
    const { shape } = value!
    const rank = indices!.shape.length
    return [
      valueBy([...shape.slice(0, axis), ...indices!.shape, ...shape.slice(axis + 1)], (place) => {
        const index = numberAt(indices!, place.slice(axis, axis + rank))
        return numberAt(value!, [...place.slice(0, axis), index, ...place.slice(axis + rank)])
      }),
    ]
  },
  Range([start, limit, delta]) {
    const [from, to, step] = [start, limit, delta].map((value) => value!.data[0]!) as [number, number, number]
    const length = Math.max(0, Math.ceil((to - from) / step))
    return [{ shape: [length], data: Float64Array.from({ length }, (_, n) => from + n * step) }]
  },

  /** Rows of any number times a matrix. */
  MatMul([a, b]) {
    const [inner, columns] = b!.shape as [number, number]
    const rows = a!.data.length / inner
    const data = new Float64Array(rows * columns)
    for (let r = 0; r < rows; r++) {
      for (let i = 0; i < inner; i++) {
        const factor = a!.data[r * inner + i]!
        for (let k = 0; k < columns; k++) data[r * columns + k]! += factor * b!.data[i * columns + k]!
      }
    }
    return [{ shape: a!.shape.with(-1, columns), data }]
  },
  ReduceSum: ([value, axes]) => [reduced(value!, [...axes!.data], sum)],
  ReduceMean: ([value], node) => [reduced(value!, ints(node, 'axes')!, (numbers) => sum(numbers) / numbers.length)],
  /** Over the last axis, as irnn writes it. */
  Softmax([value]) {
    const softmax = (row: number[]) => {
      const most = row.reduce((a, b) => Math.max(a, b))
      const exps = row.map((number) => Math.exp(number - most))
      const total = sum(exps)
      return exps.map((exp) => exp / total)
    }
    return [mapped(value!, value!.shape.at(-1)!, softmax)]
  },
  /** Of the last axis, the smallest first: that is how irnn sorts. */
  TopK([value, count]) {
    const k = count!.data[0]!
    const placesOf = (row: number[]) => [...row.keys()].sort((a, b) => row[a]! - row[b]!).slice(0, k)
    return [mapped(value!, k, (row) => placesOf(row).map((place) => row[place]!)), mapped(value!, k, placesOf)]
  },
}

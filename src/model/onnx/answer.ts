/** What a fit makes of a model's logits, as nodes of a graph. */
import type { ModelSpec } from '../spec.ts'
import type { GraphBuilder } from './builder.ts'
import type { OnnxSettings } from './settings.ts'

/** A value that comes out, [B,size] after the last step, [T,B,size] at every one. */
export interface Answer {
  /** The value of the graph that it is. */
  readonly from: string
  /** What it is called outside. */
  readonly name: string
  readonly size: number
  readonly steps: 'last' | 'every'
  readonly doc: string
}

/** TensorProto.DataType, for Cast. */
const FLOAT = 1
const INT64 = 7

/** The answers beside the logits. */
export function addAnswer(
  builder: GraphBuilder,
  { head }: ModelSpec,
  { answer, lengths }: OnnxSettings,
  logits: string,
): Answer[] {
  if (answer === null) return []
  if (answer.kind === 'quantiles') {
    const from = quantiles(builder, logits, answer.widening)
    const doc = 'lower end of the band, middle, upper end, in units of the scale that the schema says'
    return [{ from, name: 'quantiles', size: 3, steps: head.steps, doc }]
  }
  const { members, mean } = answer
  const steps = mean ? 'last' : head.steps
  const size = head.size / members
  const ofSequence = mean ? meanOverTime(builder, logits, lengths) : logits
  const from = softmax(builder, ofSequence, { members, size, steps })
  return [{ from, name: 'probabilities', size, steps, doc: 'of each class; their sum is 1' }]
}

/** The mean of [T,B,K] over the steps of each sequence that count, [B,K]. */
function meanOverTime(builder: GraphBuilder, logits: string, lengths: boolean): string {
  if (!lengths) return builder.add('ReduceMean', [logits], 'mean', { axes: [0], keepdims: 0 })
  const shape = builder.add('Shape', [logits], 'mean.shape')
  const T = builder.add('Gather', [shape, builder.whole(0)], 'mean.T', { axis: 0 })
  const steps = builder.add('Range', [builder.whole(0), T, builder.whole(1)], 'mean.steps')
  const column = builder.add('Unsqueeze', [steps, builder.list(1)], 'mean.column') // [T,1]
  const whole = builder.add('Cast', ['lengths'], 'mean.lengths', { to: INT64 })
  const counts = builder.add('Less', [column, whole], 'mean.counts') // [T,B]
  const mask = builder.add('Unsqueeze', [counts, builder.list(2)], 'mean.mask') // [T,B,1]
  const kept = builder.add('Where', [mask, logits, builder.floats('zero', [], [0])], 'mean.kept')
  const sum = builder.add('ReduceSum', [kept, builder.list(0)], 'mean.sum', { keepdims: 0 })
  const divisor = builder.add('Cast', ['lengths'], 'mean.divisor', { to: FLOAT })
  const rows = builder.add('Unsqueeze', [divisor, builder.list(1)], 'mean.rows') // [B,1]
  return builder.add('Div', [sum, rows], 'mean')
}

/** The mean of the members' softmaxes of logits [members,size]. */
function softmax(
  builder: GraphBuilder,
  logits: string,
  { members, size, steps }: { members: number; size: number; steps: 'last' | 'every' },
): string {
  if (members === 1) return builder.add('Softmax', [logits], 'softmax', { axis: -1 })
  const rows = steps === 'last' ? [0] : [0, 0] // 0: the size that is there
  const apart = builder.add('Reshape', [logits, builder.list(...rows, members, size)], 'members')
  const each = builder.add('Softmax', [apart], 'members.softmax', { axis: -1 })
  return builder.add('ReduceMean', [each], 'softmax', { axes: [-2], keepdims: 0 })
}

/** Three values in order, the first and the last moved apart, but not past the middle. */
function quantiles(builder: GraphBuilder, logits: string, widening: number): string {
  builder.node('TopK', [logits, builder.list(3)], ['sorted', 'sorted.places'], { axis: -1, largest: 0, sorted: 1 })
  builder.node('Split', ['sorted', builder.list(1, 1, 1)], ['low', 'middle', 'high'], { axis: -1 })
  const width = builder.floats('widening', [], [widening])
  const low = builder.add('Min', ['middle', builder.add('Sub', ['low', width], 'low.moved')], 'low.end')
  const high = builder.add('Max', ['middle', builder.add('Add', ['high', width], 'high.moved')], 'high.end')
  return builder.add('Concat', [low, 'middle', high], 'band', { axis: -1 })
}

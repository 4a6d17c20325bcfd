/** Several networks as one model: their units lie side by side and do not see each other. */
import { InputError } from '../error.ts'
import { createModel, type Model } from '../model/model.ts'
import type { ModelInput, ModelSpec } from '../model/spec.ts'

/**
 * One model of one layer whose logits are those of all models, [members, K]: matrices of blocks, each a member's, and
 * zeros between them. Members stay as they are.
 * @throws InputError unless all have one spec, of one recurrent layer and no projection
 */
export function sideBySide(models: readonly Model[]): Model {
  const [first] = models as [Model]
  const { spec, backend } = first
  const alike = models.every((model) => JSON.stringify(model.spec) === JSON.stringify(spec))
  if (!alike || spec.rnn.layers !== 1 || spec.projection !== undefined) {
    throw new InputError('ensemble: expected networks of one spec, of one recurrent layer and no projection')
  }
  const joint = createModel(specOf(spec, models.length), { backend, seed: 0 })
  const { size = 0 } = spec.input as { size?: number }
  for (const [p, { name, data, shape }] of joint.parameters.entries()) {
    data.fill(0)
    for (const [m, model] of models.entries()) {
      const own = model.parameters[p]!
      const place = placeOf(name, { m, members: models.length, spec, size })
      const [rows, columns] = [own.shape[0]!, own.shape[1] ?? 1]
      const width = shape[1] ?? 1
      for (let r = 0; r < rows; r++) {
        for (let c = 0; c < columns; c++) data[place.row(r) * width + place.column(c)] = own.data[r * columns + c]!
      }
    }
  }
  joint.weightsChanged()
  return joint
}

function specOf(spec: ModelSpec, members: number): ModelInput {
  const { input, rnn, head } = spec
  return {
    ...spec,
    input: 'embedding' in input ? { ...input, embedding: input.embedding * members } : input,
    rnn: { ...rnn, hidden: rnn.hidden * members },
    head: { ...head, size: head.size * members },
  }
}

interface Member {
  readonly m: number
  readonly members: number
  readonly spec: ModelSpec
  /** Values a step, which all members read. */
  readonly size: number
}

/** Where row and column of a member's parameter stand in the joint one. */
function placeOf(name: string, { m, members, spec, size }: Member) {
  const { hidden: H } = spec.rnn
  const K = spec.head.size
  const E = 'embedding' in spec.input ? spec.input.embedding : 0
  const same = (index: number) => index
  // Rows of gates: gate after gate, and in each gate member after member.
  const gate = (row: number) => Math.floor(row / H) * H * members + m * H + (row % H)
  if (name === 'embedding.weight') return { row: same, column: (c: number) => m * E + c }
  if (name.startsWith('rnn.weight_ih')) {
    return { row: gate, column: (c: number) => (c < size ? c : size + m * E + (c - size)) }
  }
  if (name.startsWith('rnn.weight_hh')) return { row: gate, column: (c: number) => m * H + c }
  if (name.startsWith('rnn.')) return { row: gate, column: same }
  const row = (r: number) => m * K + r
  // The head reads one direction after the other.
  return name === 'head.weight' ? { row, column: gate } : { row, column: same }
}

/**
 * RNN, GRU and LSTM as opset 14 has them, layout 0: X [T,B,I], W [D,G·H,I], R [D,G·H,H], B [D,2·G·H], sequence_lens
 * [B], initial states [D,B,H]; Y [T,D,B,H], 0 at padded steps, and states after the last step that counts. Other
 * attributes than those that irnn writes are refused.
 */
import { InputError } from '../../error.ts'
import { type OnnxNode, WHAT } from './model.ts'
import { int, type Operator, text, texts, type Value } from './value.ts'

/** One step of one unit: sums of the x side and the h side for each gate, biases with them; the cell state before. */
type Unit = (x: readonly number[], h: readonly number[], before: { h: number; c: number }) => { h: number; c: number }

const sigmoid = (a: number): number => 1 / (1 + Math.exp(-a))
const relu = (a: number): number => Math.max(0, a)

const UNITS: Readonly<Record<string, (activation: string) => Unit>> = {
  RNN: (activation) => {
    const f = activation === 'Relu' ? relu : Math.tanh
    return ([x], [h]) => ({ h: f(x! + h!), c: 0 })
  },
  /** Gates z r h, linear_before_reset. */
  GRU:
    () =>
    ([xz, xr, xh], [hz, hr, hh], before) => {
      const z = sigmoid(xz! + hz!)
      const candidate = Math.tanh(xh! + sigmoid(xr! + hr!) * hh!)
      return { h: (1 - z) * candidate + z * before.h, c: 0 }
    },
  /** Gates i o f c. */
  LSTM:
    () =>
    ([xi, xo, xf, xc], [hi, ho, hf, hc], before) => {
      const c = sigmoid(xf! + hf!) * before.c + sigmoid(xi! + hi!) * Math.tanh(xc! + hc!)
      return { h: sigmoid(xo! + ho!) * Math.tanh(c), c }
    },
}
const GATES: Readonly<Record<string, number>> = { RNN: 1, GRU: 3, LSTM: 4 }
const KNOWN = new Set(['hidden_size', 'direction', 'activations', 'linear_before_reset'])

function recurrent(op: string): Operator {
  return ([X, W, R, bias, lengths, h0, c0], node) => {
    refuseOther(node)
    const [T, B, I] = X!.shape as [number, number, number]
    const [D, , H] = R!.shape as [number, number, number]
    const G = GATES[op]!
    const Y = new Float64Array(T * D * B * H)
    const [h, c] = [h0, c0].map((state) => (state ? Float64Array.from(state.data) : new Float64Array(D * B * H))) as [
      Float64Array,
      Float64Array,
    ]
    for (let d = 0; d < D; d++) {
      const unit = UNITS[op]!(texts(node, 'activations')?.[d] ?? 'Tanh')
      const backward = d === 1 || text(node, 'direction', 'forward') === 'reverse'
      const weights = { W: W!, R: R!, bias: bias ?? null, d, G, H, I }
      for (let b = 0; b < B; b++) {
        const length = lengths ? lengths.data[b]! : T
        const at = (d * B + b) * H
        for (let n = 0; n < length; n++) {
          const t = backward ? length - 1 - n : n
          const x = X!.data.subarray((t * B + b) * I, (t * B + b + 1) * I)
          const before = h.slice(at, at + H)
          for (let j = 0; j < H; j++) {
            const [xs, hs] = sums(weights, j, x, before)
            const after = unit(xs, hs, { h: before[j]!, c: c[at + j]! })
            h[at + j] = after.h
            c[at + j] = after.c
            Y[((t * D + d) * B + b) * H + j] = after.h
          }
        }
      }
    }
    return [
      { shape: [T, D, B, H], data: Y },
      { shape: [D, B, H], data: h },
      { shape: [D, B, H], data: c },
    ]
  }
}

interface Weights {
  readonly W: Value
  readonly R: Value
  readonly bias: Value | null
  readonly d: number
  readonly G: number
  readonly H: number
  readonly I: number
}

/** W x + Wb and R h + Rb of unit j, gate by gate. */
function sums({ W, R, bias, d, G, H, I }: Weights, j: number, x: Value['data'], h: Float64Array): [number[], number[]] {
  const xs: number[] = []
  const hs: number[] = []
  for (let g = 0; g < G; g++) {
    const row = d * G * H + g * H + j
    let ofX = bias ? bias.data[d * 2 * G * H + g * H + j]! : 0
    let ofH = bias ? bias.data[d * 2 * G * H + G * H + g * H + j]! : 0
    for (let i = 0; i < I; i++) ofX += W.data[row * I + i]! * x[i]!
    for (let i = 0; i < H; i++) ofH += R.data[row * H + i]! * h[i]!
    xs.push(ofX)
    hs.push(ofH)
  }
  return [xs, hs]
}

function refuseOther(node: OnnxNode): void {
  const other = [...node.attributes.keys()].find((name) => !KNOWN.has(name))
  const activations = texts(node, 'activations') ?? []
  const allowed = node.op === 'RNN' ? ['Tanh', 'Relu'] : []
  const strange = activations.find((name) => !allowed.includes(name))
  const reset = node.op === 'GRU' && int(node, 'linear_before_reset', 0) !== 1
  if (other === undefined && strange === undefined && !reset) return
  const why = other ?? (strange !== undefined ? `activation ${strange}` : 'linear_before_reset 0')
  throw new InputError(`${WHAT}: ${node.op}: expected it as irnn writes it but it has ${why}: it is not run here`)
}

export const RECURRENT: Readonly<Record<string, Operator>> = {
  RNN: recurrent('RNN'),
  GRU: recurrent('GRU'),
  LSTM: recurrent('LSTM'),
}

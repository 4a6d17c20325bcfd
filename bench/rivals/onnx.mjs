/**
 * A problem's network as an ONNX file: RNN, LSTM or GRU, the last state through a Gemm. Protocol buffers by hand: a field is a
 * tag (its number and kind), then a varint, or a length and bytes; onnx.proto3 has the numbers.
 */
const OPSET = 14
const FLOAT = 1
const INT64 = 7

/** ONNX's order of gates, in PyTorch's numbers: its LSTM is i o f c, its GRU z r h. */
const ORDER = { relu: [0], lstm: [0, 3, 1, 2], gru: [1, 0, 2] }
const OPERATOR = { relu: 'RNN', lstm: 'LSTM', gru: 'GRU' }

export function onnxModel({ cell, T, B, I, H, K, Wxh, Whh, bx, bh, headW, headB }) {
  const G = ORDER[cell].length * H
  const gates = (values, width) => {
    const out = new Float32Array(values.length)
    for (const [to, from] of ORDER[cell].entries()) {
      out.set(values.subarray(from * H * width, (from + 1) * H * width), to * H * width)
    }
    return out
  }
  const biases = new Float32Array(2 * G)
  biases.set(gates(bx, 1))
  biases.set(gates(bh, 1), G)
  const attributes = [attribute('hidden_size', H)]
  if (cell === 'relu') attributes.push(message(5, [text(1, 'activations'), text(9, 'Relu'), integer(20, 8)]))
  if (cell === 'gru') attributes.push(attribute('linear_before_reset', 1)) // PyTorch's GRU
  const graph = [
    node(OPERATOR[cell], ['x', 'W', 'R', 'B'], ['', 'h'], attributes),
    node('Squeeze', ['h', 'axis'], ['last']),
    node('Gemm', ['last', 'headW', 'headB'], ['logits'], [attribute('transB', 1)]),
    text(2, 'irnn-bench'),
    tensor('W', [1, G, I], gates(Wxh, I)),
    tensor('R', [1, G, H], gates(Whh, H)),
    tensor('B', [1, 2 * G], biases),
    tensor('axis', [1], new BigInt64Array([0n])),
    tensor('headW', [K, H], headW),
    tensor('headB', [K], headB),
    value(11, 'x', [T, B, I]),
    value(12, 'logits', [B, K]),
  ]
  return Buffer.concat([integer(1, 8), message(7, graph), message(8, [integer(2, OPSET)])])
}

function node(operator, inputs, outputs, attributes = []) {
  const names = [...inputs.map((name) => text(1, name)), ...outputs.map((name) => text(2, name))]
  return message(1, [...names, text(4, operator), ...attributes])
}

/** A whole number. */
function attribute(name, value) {
  return message(5, [text(1, name), integer(3, value), integer(20, 2)])
}

function tensor(name, dims, values) {
  const kind = values instanceof Float32Array ? FLOAT : INT64
  const raw = Buffer.from(values.buffer, values.byteOffset, values.byteLength)
  return message(5, [...dims.map((size) => integer(1, size)), integer(2, kind), text(8, name), message(9, [raw])])
}

function value(field, name, dims) {
  const shape = message(
    2,
    dims.map((size) => message(1, [integer(1, size)])),
  )
  return message(field, [text(1, name), message(2, [message(1, [integer(1, FLOAT), shape])])])
}

function integer(field, value) {
  return Buffer.concat([varint(field << 3), varint(value)])
}

function text(field, value) {
  return message(field, [Buffer.from(value)])
}

function message(field, parts) {
  const content = Buffer.concat(parts)
  return Buffer.concat([varint((field << 3) | 2), varint(content.length), content])
}

function varint(value) {
  const digits = []
  let rest = value
  for (; rest > 127; rest = Math.floor(rest / 128)) digits.push((rest % 128) | 128)
  return Buffer.from([...digits, rest])
}

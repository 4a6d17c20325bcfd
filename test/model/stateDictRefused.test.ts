/** State dicts that could be two things, do not fit, or hold what irnn has not: refused in a line with a remedy. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { referenceBackend } from '../../src/backend/reference/index.ts'
import { describeModel, loadModel, saveModel } from '../../src/model/modelFile.ts'
import type { StateDictOptions } from '../../src/model/stateDict.ts'
import { file, LSTM, linear, SAID, type Shapes, stack } from '../support/stateDicts.ts'

const reference = referenceBackend()

const REFUSED: readonly [string, Shapes, StateDictOptions, RegExp | string][] = [
  [
    'nothing is said',
    LSTM,
    {},
    'model file: expected head.kind (classification or regression) and head.steps (last or every) to be said, which ' +
      "shapes do not say: pass spec, say { head: { kind: 'regression', steps: 'last' } }",
  ],
  [
    'no gates, no cell',
    { ...stack('r.', { gates: 1 }), ...linear('fc.') },
    SAID,
    /^model file: expected rnn\.cell \(relu/,
  ],
  ['another cell', LSTM, { spec: { ...SAID.spec, rnn: { cell: 'gru' } } }, /^spec: rnn\.cell: .* but received gru$/],
  [
    'another width',
    LSTM,
    { spec: { ...SAID.spec, rnn: { hidden: 6 } } },
    /^model file: lstm\.weight_ih_l0: expected shape \[24,3\]/,
  ],
  [
    'fewer layers',
    { ...LSTM, ...stack('lstm.', { I: 5, layer: '_l1' }) },
    { spec: { ...SAID.spec, rnn: { layers: 1 } } },
    /_l1: expected no such tensor in a network of 1 layer: /,
  ],
  ['a layer too few', { ...LSTM, ...stack('lstm.', { I: 5, layer: '_l2' }) }, SAID, /_l2: expected no such tensor/],
  [
    'half of a direction',
    { ...LSTM, 'lstm.weight_hh_l0_reverse': [20, 5] },
    SAID,
    /expected a linear head, a matrix \[K,10\]/,
  ],
  [
    'no network',
    linear('fc.'),
    SAID,
    /^model file: expected the weights of an nn\.RNN, .*it holds fc\.bias, fc\.weight$/,
  ],
  [
    'two networks',
    { ...stack('a.'), ...stack('b.') },
    SAID,
    /holds a\., b\.: say which, as names: \{ 'a\.': 'rnn\.' \}$/,
  ],
  ['no head', stack(''), SAID, /^model file: expected a linear head, a matrix \[K,5\] .*it holds no linear layer$/],
  [
    'two heads',
    { ...LSTM, ...linear('b.') },
    SAID,
    /expected one head but b\.weight \[4,5\], fc\.weight \[4,5\] could be it/,
  ],
  [
    'a head on a head',
    { ...LSTM, ...linear('top.', 2, 4) },
    SAID,
    /top\.weight can follow fc\.weight: .*no activation there$/,
  ],
  [
    'two embeddings',
    { ...LSTM, 'emb.weight': [9, 3], 'embed.weight': [9, 3] },
    SAID,
    /^model file: expected one embedding/,
  ],
  [
    'a table of an untold kind',
    { ...LSTM, 'x.weight': [9, 3] },
    SAID,
    /^model file: x\.weight \[9,3\]: an embedding .*, or not\?/,
  ],
  ['proj_size', { ...LSTM, 'lstm.weight_hr_l0': [2, 5] }, SAID, /an LSTM with proj_size/],
  ['a parametrization', { 'l.parametrizations.weight_ih_l0.original0': [20, 1] }, SAID, /remove_parametrizations$/],
  [
    'one bias too few',
    { ...stack('l.', { biases: false }), 'l.bias_ih_l0': [20], ...linear('fc.') },
    SAID,
    /^model file: expected a tensor l\.bias_hh_l0 \[20\]/,
  ],
  [
    'no recurrent matrix',
    { 'l.weight_ih_l0': [20, 3], ...linear('fc.') },
    SAID,
    /expected a weight_hh_l0 beside l\.weight_ih_l0/,
  ],
  [
    'an untold kind of gates',
    { ...LSTM, 'lstm.weight_hh_l0': [10, 5] },
    SAID,
    /\[4·H,H\] of an LSTM but received \[10,5\]$/,
  ],
  [
    'a transposed matrix',
    { ...LSTM, 'lstm.weight_ih_l0': [3, 20] },
    SAID,
    /expected shape \[20,20\], .* but received \[3,20\]$/,
  ],
  ['no units', { ...stack('l.', { H: 0 }), ...linear('fc.', 4, 0) }, SAID, /received \[0,0\]$/],
  [
    'a name of nothing',
    LSTM,
    { ...SAID, names: { 'lstn.': 'rnn.' } },
    /^names: .* with "lstn" and a dot, .*; did you mean lstm\?$/,
  ],
  [
    'names that collide',
    LSTM,
    { ...SAID, names: { 'lstm.weight_ih_l0': 'a', 'lstm.weight_hh_l0': 'a' } },
    /would both be "a"$/,
  ],
  [
    'names that are none',
    LSTM,
    { ...SAID, names: { 'lstm.': 5 as never } },
    /^names: "lstm\.": expected a name, .* received 5$/,
  ],
  [
    'names that lead nowhere',
    LSTM,
    { ...SAID, names: { 'fc.': 'rnn.' } },
    /^model file: names: expected rnn\.weight_ih_l0/,
  ],
  ['a cell and a layer', { ...LSTM, 'lstm.weight_ih': [20, 3] }, SAID, /which are the same part$/],
  ['a spec that is none', LSTM, { spec: 5 as never }, /^spec: expected options in an object but received 5$/],
  ['an unknown part', LSTM, { spec: { haed: {} } as never }, /^spec: haed: no such option; did you mean head\?$/],
]

describe('what could be two things, or does not fit, is refused', () => {
  for (const [name, shapes, options, message] of REFUSED) {
    test(name, () => {
      assert.throws(() => loadModel(file(shapes), { backend: reference, ...options }), { name: 'InputError', message })
    })
  }

  test('a model of our own says its spec itself', () => {
    const model = loadModel(file(LSTM), { backend: reference, ...SAID })
    const message = 'model file: expected no spec, for the file says its own: leave it out'
    assert.throws(() => describeModel(saveModel(model), SAID), { name: 'InputError', message })
  })

  test('weights that are not finite, by their name in the file', () => {
    const bytes = file(LSTM)
    new DataView(bytes.buffer).setUint32(bytes.length - 4, 0x7fc00000, true)
    const message = /^model file: lstm\.weight_ih_l0\[59\]: expected a finite number but received NaN$/
    assert.throws(() => loadModel(bytes, { backend: reference, ...SAID }), { name: 'InputError', message })
  })

  test('files of another kind are named', () => {
    const kinds: readonly [string, RegExp][] = [
      ['PK\x03\x04\0\0\b\b', /it is a zip file, as torch\.save writes: .*save_file\(torch\.load\(FILE\)/],
      ['\x80\x02\x8a\nl\xfc\x9cF', /it is a pickle/],
      ['\x89HDF\r\n\x1a\n', /it is HDF5/],
      ['\b\b\x12\x07pytorch', /it is an ONNX file: take importOnnx/],
    ]
    for (const [begins, message] of kinds) {
      const bytes = Buffer.from(begins.padEnd(64, '\0'), 'latin1')
      assert.throws(() => loadModel(bytes, { backend: reference }), { name: 'InputError', message })
    }
  })
})

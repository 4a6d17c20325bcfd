/** Streams of labels and next items: the same bits as predict on all records of a sequence so far. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { createBackend } from '../../../src/backend/choose.ts'
import { sideBySide } from '../../../src/data/ensemble.ts'
import { widthsOf } from '../../../src/data/labels/encode.ts'
import type { LabelChoices } from '../../../src/data/labels/inferSequences.ts'
import { prepareSequences } from '../../../src/data/labels/preparedSequences.ts'
import { predictLabels } from '../../../src/data/labels/sequencePredict.ts'
import { stackOf } from '../../../src/data/labels/sequenceRecipes.ts'
import type { Reading, SequenceSchema } from '../../../src/data/labels/sequenceSchema.ts'
import { type LabelStream, labelStream } from '../../../src/data/labels/sequenceStream.ts'
import { labelling, nextItem } from '../../../src/data/labels/sequenceWork.ts'
import { streamBuffers } from '../../../src/data/streams.node.ts'
import type { StreamOptions, StreamState } from '../../../src/data/streams.ts'
import { createModel } from '../../../src/model/model.ts'
import { classification } from '../../../src/model/spec.ts'
import { rng } from '../../../src/rng.ts'
import { openTable } from '../../../src/table/openTable.node.ts'
import type { Row } from '../../../src/table/rows.ts'

const backend = await createBackend({ threads: 1 })
const random = rng(5)
random.restart('label streams')
const noise = Array.from({ length: 600 }, () => random.normal())
const WORDS = Array.from({ length: 30 }, (_, i) => `word ${i}`)

/** Records of eight sequences in turn: numbers with holes, a category of few words, and one of many. */
const rows = Array.from({ length: 120 }, (_, n) => ({
  id: `s ${n % 8}`,
  at: n,
  x: n % 13 === 4 ? null : noise[n],
  kind: n % 17 === 0 ? null : ['a', 'b', 'c'][(n * 5) % 3],
  word: n % 19 === 0 ? null : WORDS[(n * 7) % 30],
  tag: ['low', 'high', 'middle'][(n * 11) % 3],
  whole: n % 8 < 4 ? 'good' : 'bad',
}))
const ROW: LabelChoices = { label: 'tag', of: 'row', id: 'id', time: 'at', inputs: ['x', 'kind', 'word'] }
const SEQUENCE: LabelChoices = { label: 'whole', id: 'id', time: 'at', inputs: ['x', 'kind'] }

/** A stream, and predict, of a network of weights that were drawn. */
async function opened(source: readonly Row[], made: SequenceSchema, how: { reading?: Reading; frame?: number } = {}) {
  const members = how.reading === 'mean' ? 2 : 1
  const { schema, fitted, K } = prepareSequences(await openTable(source), made, members)
  const { width, vocabulary } = widthsOf(fitted.columns)
  const { reading = fitted.reading, frame = 1 } = how
  const whole: SequenceSchema = { ...schema, fitted: { ...fitted, reading, frame, members } }
  const model = (seed: number) =>
    createModel(
      {
        input: {
          ...(width > 0 && { size: width * frame }),
          ...(vocabulary > 0 && { vocabulary, embedding: 5 }),
        } as { size: number },
        rnn: { ...stackOf(schema), hidden: 20 },
        head: classification(K, { steps: reading === 'last' ? 'last' : 'every' }),
      },
      { backend, seed },
    )
  const network = { model: members === 1 ? model(1) : sideBySide([model(1), model(2)]), schema: whole }
  const buffers = streamBuffers(network.model, whole)
  after(() => {
    buffers.dispose()
    network.model.dispose()
  })
  const stream = (options?: StreamOptions): LabelStream => labelStream({ ...network, ...buffers }, options)
  const types = Object.fromEntries(
    schema.inputs.filter(({ type }) => type === 'category').map(({ name, type }) => [name, type]),
  )
  const predict = async (given: readonly Row[]) => predictLabels(network, await openTable(given, { types }))
  return { stream, predict }
}

const table = await openTable(rows)
const label = (choices: LabelChoices) => labelling(table, choices).schema
const CASES: Readonly<Record<string, [SequenceSchema, { reading?: Reading; frame?: number }?]>> = {
  'rows, forwards': [label({ ...ROW, oneWay: true })],
  'rows, both ways': [label(ROW)],
  'sequences, forwards, last step': [label({ ...SEQUENCE, oneWay: true })],
  'sequences, forwards, frames of 3': [label({ ...SEQUENCE, oneWay: true }), { frame: 3 }],
  'sequences, forwards, mean of frames of 4': [label({ ...SEQUENCE, oneWay: true }), { reading: 'mean', frame: 4 }],
  'sequences, both ways, mean': [label(SEQUENCE), { reading: 'mean' }],
  'sequences, both ways, frames of 3': [label(SEQUENCE), { frame: 3 }],
  'next items': [nextItem(table, { next: 'word', id: 'id', time: 'at' }).schema],
}

for (const [name, [schema, how]] of Object.entries(CASES)) {
  test(`labels of records that come one by one: ${name}`, async () => {
    const { stream: open, predict } = await opened(rows, schema, how)
    let stream = open()
    for (const [n, row] of rows.entries()) {
      const said = stream.push(row)
      if (n % 13 !== 9 && n > 2) continue
      const { labels } = await predict(rows.slice(0, n + 1))
      const last = labels.findLast(({ id }) => id === row.id)!
      assert.deepEqual([said.id, said.label, said.probabilities], [row.id, last.label, last.probabilities], `row ${n}`)
      const saved = JSON.parse(JSON.stringify(stream.state()))
      stream = open({ state: saved })
      assert.deepEqual(stream.state(), saved)
    }
    const before = stream.state()
    const bad: [Row, RegExp][] = [
      [{ id: 's 0', at: 200 }, /^stream: expected the column "(x|kind|word)" but the record has id, at: add it/],
      [{ ...rows[0]!, at: 3 }, /^stream: at: expected a time that is not before that of the last record .* received 3/],
      [{ ...rows[0]!, at: 200, id: null }, /^stream: id: expected the id of a sequence but it is missing/],
      [
        { ...rows[0]!, at: 200, word: [1], kind: [1] },
        /^stream: (word|kind): expected a word, or null where it is missing, but received an/,
      ],
    ]
    if (schema.kind === 'label') {
      for (const x of [Number.NaN, 1e39, 3e38, 'much'])
        bad.push([{ ...rows[1]!, at: 200, x }, /^stream: x: expected a num/])
    }
    for (const [record, message] of bad) assert.throws(() => stream.push(record), { name: 'InputError', message })
    assert.deepEqual(stream.state(), before)
    stream.end('s 1')
    assert.equal(stream.state().held.length, 7)
    const first = open().push({ ...rows[1]! })
    assert.deepEqual(stream.push({ ...rows[1]! }).probabilities, first.probabilities)
    stream.end()
    assert.deepEqual(stream.state().held, [])
    assert.throws(() => open({ state: { ...before, kind: 'forecast' } }), /it is of a run of the kind forecast/)
    const held = before.held.map((one) => ({ ...(one as object), last: [] }))
    assert.throws(
      () => open({ state: { ...before, held } as StreamState }),
      /state: "s 0": last: expected what a stream/,
    )
  })
}

test('whole sequences, each a record: cells and letters', async () => {
  const cells = Array.from({ length: 24 }, (_, n) => ({
    t1: noise[n],
    t2: n % 5 === 0 ? null : noise[n + 50],
    t3: n % 4 === 0 ? null : noise[n + 90],
    label: `l${n % 2}`,
  }))
  const letters = Array.from({ length: 24 }, (_, n) => ({ name: `${WORDS[n]} of ${n}`, label: `l${n % 2}` }))
  for (const source of [cells, letters]) {
    const { schema } = labelling(await openTable(source as readonly Row[]), { label: 'label', of: 'sequence' })
    const { stream: open, predict } = await opened(source, schema)
    const stream = open()
    const { labels } = await predict(source)
    assert.deepEqual(
      source.map((row) => stream.push(row).probabilities),
      labels.map(({ probabilities }) => probabilities),
    )
    assert.deepEqual(stream.state().held, [])
    assert.throws(() => stream.push({ t1: null, t2: null, t3: null, name: ' ' }), /expected the steps of a sequence/)
  }
})

test('rows without ids are cut as predict cuts them', async () => {
  const source = Array.from({ length: 900 }, (_, n) => ({
    x: noise[n % 600],
    tag: ['low', 'high', 'middle'][(n * 7) % 3],
  }))
  for (const oneWay of [true, false]) {
    const { schema } = labelling(await openTable(source), { label: 'tag', of: 'row', oneWay })
    assert.equal(schema.id, null)
    const { stream: open, predict } = await opened(source, schema)
    const stream = open()
    const { labels } = await predict(source.slice(0, 300))
    for (const [n, row] of source.slice(0, 300).entries()) {
      const { id, probabilities } = stream.push(row)
      if (oneWay) assert.deepEqual([id, probabilities], [labels[n]!.id, labels[n]!.probabilities], `row ${n}`)
      else if (n === 127 || n === 255) assert.deepEqual(probabilities, labels[n]!.probabilities, `row ${n}`)
      assert.equal(stream.state().held.length, 1)
    }
  }
})

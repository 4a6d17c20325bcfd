/** Labels and next items from table to folder and back, on sentences of the Brown corpus. */
import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import { after, test } from 'node:test'
import { createBackend } from '../../../src/backend/choose.ts'
import { type Fitted, fit } from '../../../src/data/fit.ts'
import { batchesOf } from '../../../src/data/labels/batches.ts'
import { encode } from '../../../src/data/labels/encode.ts'
import type { LabelChoices } from '../../../src/data/labels/inferSequences.ts'
import { sequencesOf } from '../../../src/data/labels/sequences.ts'
import { labelling, nextItem, sequencesBy } from '../../../src/data/labels/sequenceWork.ts'
import { openRun } from '../../../src/data/run.node.ts'
import { saveFit } from '../../../src/data/save.node.ts'
import type { Work } from '../../../src/data/work.ts'
import { sha256 } from '../../../src/disk.node.ts'
import { InputError } from '../../../src/error.ts'
import { decodeOnnx } from '../../../src/formats/onnx/decode.ts'
import { saveModel } from '../../../src/model/modelFile.ts'
import { openTable } from '../../../src/table/openTable.node.ts'
import type { Row } from '../../../src/table/rows.ts'
import { inOrder } from '../../../src/task.ts'
import { brownSentences } from '../../support/brown.ts'
import { outputOf } from '../../support/onnxRun.ts'

const backend = await createBackend({ threads: 1 })
const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'irnn-labels-'))
after(() => fs.rmSync(dir, { recursive: true }))

type Token = {
  readonly id: string
  readonly at: number
  readonly word: string
  readonly letters: number
  readonly tag: string
  readonly kind: string
}

/** Words of sentences of news and of adventures. */
const tokens: Token[] = ['ca01', 'cn05'].flatMap((file) =>
  brownSentences(file, 60).flatMap(({ words, tags }, n) =>
    words.map((word, at) => {
      const tag = tags[at]![0]!
      return { id: `${file}-${n}`, at, word, letters: word.length, tag, kind: file === 'ca01' ? 'news' : 'fiction' }
    }),
  ),
)

async function fitted(work: Work, iterations = 30): Promise<Fitted> {
  for await (const event of fit(work, { backend, seed: 1, trials: 1, iterations })) {
    if (event.type === 'result') return event.fitted
  }
  throw new Error('no result')
}

const bytesOf = ({ model, outcome }: Fitted) => sha256(saveModel(model, { schema: JSON.stringify(outcome.schema) }))

const ROW: LabelChoices = { label: 'tag', of: 'row', id: 'id', time: 'at', inputs: ['word', 'letters'] }

test('rows shuffled, columns permuted and one added: the same model', async () => {
  const made = bytesOf(await fitted(labelling(await openTable(tokens), ROW)))
  const shuffled = tokens
    .map(({ id, at, ...token }, i) => ({ unused: (i * 7) % 5, ...token, at, id }))
    .sort((a, b) => (a.word + a.id < b.word + b.id ? -1 : 1))
  assert.equal(bytesOf(await fitted(labelling(await openTable(shuffled), ROW))), made)
  const kind = labelling(await openTable(tokens), { label: 'kind', id: 'id', time: 'at', inputs: ['tag', 'letters'] })
  const other = labelling(await openTable(shuffled), {
    label: 'kind',
    id: 'id',
    time: 'at',
    inputs: ['letters', 'tag'],
  })
  assert.equal((kind.schema as { of: string }).of, 'sequence')
  assert.equal(bytesOf(await fitted(kind)), bytesOf(await fitted(other)))
})

test('a table of words, one a row, is split by content', async () => {
  const words = [...new Map(tokens.map((token) => [token.word, token])).values()].slice(0, 200)
  const rows = words.map(({ word, kind }) => ({ word, kind }))
  const work = labelling(await openTable(rows), { label: 'kind', members: 1 })
  assert.equal(work.schema.layout, 'letters')
  const made = bytesOf(await fitted(work))
  const reversed = labelling(await openTable([...rows].reverse()), { label: 'kind', members: 1 })
  assert.equal(bytesOf(await fitted(reversed)), made)
})

test('the test predictions of a run, predict and stream are the same bits', async () => {
  for (const [name, choices] of Object.entries({
    row: ROW,
    sequence: { label: 'kind', id: 'id', time: 'at', inputs: ['letters', 'tag'], members: 2 },
  } as const)) {
    const result = await fitted(labelling(await openTable(tokens), choices))
    const folder = path.join(dir, name)
    saveFit(result, folder, { version: '0' })
    using run = openRun(folder, { backend, kind: 'label' })
    const { labels, notes } = await run.predict(
      tokens.map(({ tag, ...rest }) => (name === 'row' ? rest : { ...rest, tag })),
    )
    assert.ok(notes.some(({ text }) => text.startsWith('not used: ')))
    const byRow = new Map(labels.map((one) => [String(one.row), one]))
    const lines = fs.readFileSync(path.join(folder, 'predictions.csv'), 'utf8').trim().split('\n').slice(1)
    assert.ok(lines.length > 10)
    for (const line of lines) {
      const [id, row, label, probability] = line.startsWith('"') ? [] : line.split(',')
      if (row === undefined || line.includes('"')) continue
      const one = byRow.get(row)!
      assert.deepEqual([one.id, one.label, String(one.probabilities[one.label])], [id, label, probability])
    }
    const stream = run.stream()
    const own = tokens.filter(({ id }) => id === 'ca01-3')
    const said = own.map((token) => stream.push({ ...token }))
    const last = labels.filter(({ id }) => id === 'ca01-3').at(-1)!
    assert.deepEqual(said.at(-1)!.probabilities, last.probabilities)
    const sum = Object.values(last.probabilities).reduce((total, p) => total + p, 0)
    assert.ok(Math.abs(sum - 1) < 1e-6, String(sum))
    const chosen = run.schema.fitted!
    const data = encode(sequencesOf(await openTable(own), run.schema), chosen)
    const [batch] = [...inOrder(1, 1, batchesOf(data, Int32Array.of(0), chosen, new Int32Array(own.length)))]
    const file = run.exportOnnx()
    const answers = outputOf(file, batch!, 'probabilities').slice(-chosen.classes.length)
    for (const [k, label] of chosen.classes.entries()) {
      assert.ok(Math.abs(answers[k]! - last.probabilities[label]!) < 1e-6, `${name}: ${label}`)
    }
    const inputs = JSON.parse(decodeOnnx(file).metadata.get('inputs')!) as { width: number }[]
    const width = inputs.reduce((sum, one) => sum + one.width, 0)
    assert.equal(width, data.width * chosen.frame)
    stream.end('ca01-3')
    assert.deepEqual(stream.push({ ...own[0]! }).probabilities, said[0]!.probabilities)
    assert.throws(() => stream.push({ id: 'x' }), InputError)
  }
})

test('a schema makes the same model again, and openRun says which kind a run is', async () => {
  const table = await openTable(tokens)
  const work = nextItem(table, { next: 'tag', id: 'id', time: 'at', members: 1 })
  const first = await fitted(work)
  const again = await fitted(sequencesBy(table, first.outcome.schema as never), 30)
  assert.equal(bytesOf(again), bytesOf(first))
  assert.deepEqual(
    first.outcome.methods.map(({ name }) => name),
    ['most popular', 'item after item', 'network'],
  )
  const folder = path.join(dir, 'next')
  saveFit(first, folder, { version: '0' })
  assert.throws(() => openRun(folder, { backend }), /expected a run of the kind forecast but it is of next/)
  using run = openRun(folder, { backend, kind: 'next' })
  const { labels } = await run.predict(tokens)
  assert.equal(labels.length, 120)
})

test('what a row is follows from the columns', async () => {
  const numbers = Array.from({ length: 60 }, (_, i) => ({ x: i % 7, y: (i * 3) % 11, z: i % 5, label: `l${i % 2}` }))
  const of = async (rows: readonly Row[], more: Partial<LabelChoices> = {}) => {
    const { of, layout, inputs } = labelling(await openTable(rows), { label: 'label', ...more }).schema
    return [of, layout, inputs.map(({ name }) => name).join()].join(' ')
  }
  assert.equal(await of(numbers, { split: undefined, of: 'sequence' }), 'sequence cells x,y,z')
  const long = Array.from({ length: 10 }, () => numbers).flat()
  assert.equal(await of(long), 'row rows x,y,z')
  const timed = long.map((row, i) => ({ ...row, when: new Date(6e4 * i) }))
  assert.equal(await of(timed), 'row rows x,y,z')
  const steps = numbers.map(({ x, y, z, label }) => ({ t10: x, t9: y, t1: z, label }))
  assert.equal(await of(steps), 'sequence cells t1,t9,t10')
  const ids = long.map((row, i) => ({ ...row, id: i >> 2, label: `l${(i >> 2) % 2}` }))
  assert.equal(await of(ids), 'sequence rows x,y,z')
  assert.equal(await of(ids.map((row, i) => ({ ...row, label: `l${i % 2}` }))), 'row rows x,y,z')
})

test('labels that are rare count as much as others, and macro-F1 decides', async () => {
  const rows = Array.from({ length: 2000 }, (_, i) => ({
    id: i >> 5,
    x: i % 40 === 0 ? 5 : i % 3,
    label: `${i % 40 === 0}`,
  }))
  const { schema, notes } = labelling(await openTable(rows, { types: { label: 'category' } }), { label: 'label' })
  assert.deepEqual([schema.balanced, schema.score], [true, 'macroF1'])
  assert.ok(notes.some(({ kind }) => kind === 'balanced'))
  const { outcome } = await fitted(labelling(await openTable(rows), { label: 'label', members: 1 }), 100)
  const [majority, ...others] = outcome.methods
  assert.equal(majority!.name, 'most frequent label')
  assert.ok(Number(majority!.macroF1) < 0.6 && Number(others.at(-1)!.macroF1) > 0.9, JSON.stringify(outcome.methods))
})

test('validation chooses among recipes where there are enough sequences, and says where there are not', async () => {
  const table = await openTable(tokens)
  const work = labelling(table, { label: 'kind', id: 'id', time: 'at', inputs: ['letters'] })
  assert.ok(work.notes.some(({ kind, text }) => kind === 'few' && /too few for validation/.test(text)))
  assert.equal(work.next([], 1)!.name, 'bidirectional gru 64, last step')
  assert.equal(work.next([{ trial: work.next([], 1)!, score: 1, early: false }], 1), null)
})

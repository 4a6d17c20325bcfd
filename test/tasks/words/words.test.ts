// Words as batches: every token once an epoch, in rows that go on where they were; seeded, and resumed to the same
// batches.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Batch } from '../../../src/batch.ts'
import { InputError } from '../../../src/error.ts'
import { classification, createBackend, createModel, evaluate, lstm } from '../../../src/index.ts'
import { type TokenBlock, type Tokens, unitBounds } from '../../../src/tasks/words/rows.ts'
import { createVocabulary } from '../../../src/tasks/words/vocabulary.ts'
import { tally, type WordsData, type WordsInput, words } from '../../../src/tasks/words/words.ts'

const V = 50
const vocabulary = createVocabulary(['<UNK>', '</S>', ...Array.from({ length: V - 3 }, (_, i) => `w${i}`), '<S>'])
const { start, end } = vocabulary

/** Sentences of 1 to 9 words, no two alike at their start: `blocks` of `n` each. */
function text(blocks: number, n: number, seed = 0): Tokens & { readonly all: number[][] } {
  const content = Array.from({ length: blocks }, (_, b) =>
    Array.from({ length: n }, (_, i) => {
      const length = 1 + ((7 * i + 3 * b + seed) % 9)
      return Array.from({ length }, (_, k) => 2 + ((i * 31 + b * 17 + k * 5 + seed) % (V - 3)))
    }),
  )
  const load = (block: number): TokenBlock => ({
    tokens: Int32Array.from(content[block]!.flatMap((sentence) => [...sentence, end])),
    documents: [0],
  })
  return { blocks, load, all: content.flat() }
}

const train = text(3, 40)
const data: WordsData = {
  corpus: 'made',
  vocabularyId: 'up',
  vocabulary,
  train,
  heldOut: text(1, 7, 3),
  test: text(2, 30, 5),
}

const task = (options: Partial<WordsInput> = {}) => words({ T: 4, text: data, ...options })

/** What each row reads, batch by batch, as sentences; checks tokens against targets, and the carry. */
function reader(B: number, { fresh }: { fresh: boolean }) {
  const open: number[][] = Array.from({ length: B }, () => [])
  const done: number[][] = []
  return {
    done,
    add({ T, tokens, y, lengths, carry }: Batch): void {
      for (let b = 0; b < B; b++) {
        if (fresh) assert.equal(carry![b], open[b]!.length > 0 ? 1 : 0)
        for (let t = 0; t < T; t++) {
          const target = (y as Int32Array)[t * B + b]!
          if (target < 0) continue
          assert.ok(!lengths || t < lengths[b]!)
          assert.equal(tokens![t * B + b], open[b]!.at(-1) ?? start)
          if (target === end) done.push(open[b]!.splice(0))
          else open[b]!.push(target)
        }
      }
    },
  }
}

const sorted = (sentences: readonly number[][]) => sentences.map(String).toSorted()

for (const order of ['sentences', 'text'] as const)
  for (const reset of ['none', 'sentence'] as const)
    test(`training, order ${order}, reset ${reset}: every sentence once an epoch, in another order the next`, () => {
      const B = 5
      const stream = task({ order, reset }).train(B)
      const read = reader(B, { fresh: reset === 'sentence' })
      const first = stream.next()
      assert.deepEqual([...first.carry!], [0, 0, 0, 0, 0])
      read.add(first)
      while (read.done.length < 5 * train.all.length) {
        const batch = stream.next()
        if (reset === 'none') assert.deepEqual([...batch.carry!], [1, 1, 1, 1, 1])
        assert.equal(batch.lengths === undefined, reset === 'none')
        read.add(batch)
      }
      assert.ok(stream.epoch >= 2)
      const counts = new Map<string, number>()
      for (const sentence of read.done) counts.set(String(sentence), (counts.get(String(sentence)) ?? 0) + 1)
      const expected = new Map<string, number>()
      for (const sentence of train.all) expected.set(String(sentence), (expected.get(String(sentence)) ?? 0) + 1)
      for (const [sentence, n] of expected) {
        const seen = counts.get(sentence)!
        assert.ok(seen >= 2 * n && seen <= (stream.epoch + 1) * n, `${sentence}: ${seen}`)
      }
      if (order === 'text' && reset === 'none') return // here a passage is a whole block
      assert.notDeepEqual(read.done.slice(0, 60), read.done.slice(train.all.length, train.all.length + 60))
    })

test('evaluation: every sentence once, whatever the batch; padded rows have no targets', () => {
  for (const reset of ['none', 'sentence'] as const) {
    for (const B of [1, 3, 100]) {
      const read = reader(B, { fresh: reset === 'sentence' })
      for (const batch of task({ reset }).test(B)) read.add(batch)
      assert.deepEqual(sorted(read.done), sorted((data.test as ReturnType<typeof text>).all))
    }
  }
})

test('the same seed gives the same batches; a stream goes on from any state, on its way across blocks and epochs', () => {
  const copy = ({ tokens, y, carry, lengths }: Batch) => [tokens, y, carry, lengths].map((a) => a && Array.from(a))
  for (const order of ['sentences', 'text'] as const) {
    for (const reset of ['none', 'sentence'] as const) {
      const made = (seed = 1) => task({ order, reset, seed }).train(4)
      const whole = made()
      const batches = Array.from({ length: 120 }, () => ({ state: whole.getState(), batch: copy(whole.next()) }))
      const other = made(2)
      assert.notDeepEqual(
        batches.slice(0, 9).map(({ batch }) => batch),
        Array.from({ length: 9 }, () => copy(other.next())),
      )
      for (const at of [0, 1, 17, 60, 99]) {
        const again = made()
        again.setState(JSON.parse(JSON.stringify(batches[at]!.state)))
        for (const { state, batch } of batches.slice(at)) {
          assert.deepEqual(again.getState(), state)
          assert.deepEqual(copy(again.next()), batch)
        }
      }
    }
  }
  const stream = task().train(4)
  assert.throws(() => stream.setState({ epoch: 0, position: 0 }), InputError)
  const state = { epoch: 0, position: 0, block: 0, rows: [[0, 9, 0, 0]] }
  assert.throws(() => stream.setState(state), /expected 4 rows but received 1/)
  const far = { ...state, rows: Array.from({ length: 4 }, () => [0, 9, 0, 0]) }
  assert.throws(() => stream.setState(far), /of another text/)
})

test('passages end with sentences, after so many tokens or with the document', () => {
  const sentence = [5, 6, 7, end]
  const tokens = Int32Array.from([...sentence, ...sentence, ...sentence, ...sentence, ...sentence])
  assert.deepEqual([...unitBounds({ tokens, documents: [0, 12] }, end, 1)], [0, 4, 8, 12, 16, 20])
  assert.deepEqual([...unitBounds({ tokens, documents: [0, 12] }, end, 5)], [0, 8, 12, 20])
  assert.deepEqual([...unitBounds({ tokens, documents: [0] }, end, 1000)], [0, 20])
})

test('the perplexity is that of the sentences one by one, word by word; a uniform model scores V', async () => {
  const backend = await createBackend({})
  const spec = {
    input: { vocabulary: V, embedding: 8 },
    rnn: lstm(8),
    head: classification(V, { steps: 'every' }),
  } as const
  const model = createModel(spec, { backend, seed: 3 })
  const one = task({ reset: 'sentence' })
  const { perplexity } = await evaluate(model, one, { batch: 7 })
  let sum = 0
  let n = 0
  for (const sentence of (data.test as ReturnType<typeof text>).all) {
    let state: ReturnType<typeof model.step>['state'] | undefined
    const inputs = [start, ...sentence]
    for (const [t, input] of inputs.entries()) {
      const { logits, state: next } = model.step(input, state)
      const most = Math.max(...logits)
      sum +=
        most + Math.log(Array.from(logits).reduce((s, x) => s + Math.exp(x - most), 0)) - logits[sentence[t] ?? end]!
      n += 1
      state = next
    }
  }
  assert.ok(Math.abs(Math.log(perplexity!) - sum / n) < 1e-5, `${perplexity} ${Math.exp(sum / n)}`)
  for (const batch of [1, 30]) {
    const again = await evaluate(model, one, { batch })
    assert.ok(Math.abs(again.perplexity! - perplexity!) < 1e-3)
  }
  model.weights.fill(0)
  model.weightsChanged()
  assert.ok(Math.abs((await evaluate(model, task())).perplexity! - V) < 1e-3)
})

test('blocks without words, the first among them, are text like any other', () => {
  const blank: TokenBlock = { tokens: new Int32Array(0), documents: [0] }
  const among = (some: Tokens, ...before: number[]): Tokens => ({
    blocks: some.blocks + before.length,
    load: (block) => (before.includes(block) ? blank : some.load(block - before.filter((b) => b < block).length)),
  })
  const spread = {
    ...data,
    train: among(train, 0, 2),
    heldOut: among(data.heldOut, 0, 1, 2),
    test: among(data.test, 0),
  }
  for (const reset of ['none', 'sentence'] as const) {
    const one = task({ text: spread, reset, order: 'sentences' })
    const read = reader(5, { fresh: reset === 'sentence' })
    const stream = one.train(5)
    while (read.done.length < 3 * train.all.length) read.add(stream.next())
    assert.equal(new Set(sorted(read.done)).size, new Set(sorted(train.all)).size)
    const [whole, tests] = [task({ reset }), reader(3, { fresh: reset === 'sentence' })]
    for (const batch of one.test(3)) tests.add(batch)
    assert.deepEqual(sorted(tests.done), sorted((data.test as ReturnType<typeof text>).all))
    assert.equal(one.testSize, whole.testSize)
    assert.ok(one.trainSize > 0)
  }
  // A first block of a few words does not speak for the rest.
  const few: Tokens = {
    blocks: 2,
    load: (block) => (block === 1 ? train.load(0) : { tokens: Int32Array.of(4, end), documents: [0] }),
  }
  assert.equal(task({ text: { ...data, train: few }, T: 200 }).T, 200)
})

test('options and texts that make no sense are refused; a tally counts', () => {
  const refused = (options: Partial<WordsInput>, pattern: RegExp) =>
    assert.throws(
      () => task(options),
      (error: Error) => error instanceof InputError && pattern.test(error.message) && !error.message.includes('\n'),
    )
  refused({ T: 5000 }, /T: expected at most \d+, all the words there are to train on, but received 5000/)
  refused({ T: 0 }, /T: expected a number >= 1/)
  const all = [0, 1, 2].reduce((sum, block) => sum + train.load(block).tokens.length, 0)
  refused({ T: all + 1 }, new RegExp(`T: expected at most ${all}, all the words`))
  assert.equal(task({ T: all }).trainSize, 1)
  const empty: Tokens = { blocks: 1, load: () => ({ tokens: new Int32Array(0), documents: [] }) }
  refused({ text: { ...data, test: empty } }, /expected test text but it has no words/)
  refused({ text: { ...data, heldOut: { ...empty, blocks: 0 } } }, /expected held-out text/)
  const some: Tokens = { blocks: 1, load: () => ({ tokens: Int32Array.from([0, 4, end, 0, end]), documents: [0] }) }
  assert.deepEqual(tally(some, vocabulary), { tokens: 5, sentences: 2, unknown: 2 })
})

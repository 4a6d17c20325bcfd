/**
 * What hands and editors do to the files of a run that rests: records, TensorBoard's file, a checkpoint, files removed
 * and files put there. As long as one checkpoint is good, it goes on to the same weights, and stays readable.
 */
import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import { after, before, test } from 'node:test'
import * as fc from 'fast-check'
import { referenceBackend } from '../../src/backend/reference/index.ts'
import { irnn, regression } from '../../src/index.ts'
import { createModel, type Model } from '../../src/model/model.ts'
import { loadModel, modelParts } from '../../src/model/modelFile.ts'
import { createRunFolder, resumeRunFolder } from '../../src/runs/folder.ts'
import { type RunConfig, readRunFolder } from '../../src/runs/stored.ts'
import type { RunFolder } from '../../src/runs/writer.ts'
import { adding } from '../../src/tasks/adding/adding.ts'
import { train } from '../../src/train/loop.ts'
import { trainSpec } from '../../src/train/options.ts'
import type { RunOptions } from '../../src/train/runOptions.ts'
import { board, records } from '../support/recorded.ts'

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'irnn-edits-'))
after(() => fs.rmSync(root, { recursive: true }))

const backend = referenceBackend()
const task = adding({ T: 4, train: 50, test: 10 })
const spec = { input: 2, rnn: irnn(4, { inputStd: 0.1 }), head: regression(1) }
const training = trainSpec({ iterations: 12, evalEvery: 4, stepEvery: 2, target: null })
const CONFIG: RunConfig = {
  version: '0.0.0',
  recipe: 'fast',
  seed: 1,
  task: { name: 'adding', options: task.options },
  model: createModel(spec, { backend }).spec,
  training,
  backend: { name: 'reference', threads: 1, description: 'reference' },
  machine: { node: 'v20', platform: 'linux', arch: 'x64' },
}

async function work(folder: RunFolder, model: Model, until: number, options: RunOptions = {}): Promise<void> {
  const run = train(model, task, { ...training, ...options, checkpoints: { every: 3 } })
  for await (const event of run) {
    if (event.type === 'checkpoint') folder.saveCheckpoint('last', model, run.getState())
    else if (event.type === 'done') folder.append({ ...event, model: { sha256: folder.saveModel(modelParts(model)) } })
    else folder.append(event)
    if (event.type === 'eval') folder.saveCheckpoint('best', model, run.getState())
    if (event.iteration >= until && event.type !== 'done' && until < 12) break
  }
  folder.close()
}

async function goOn(dir: string): Promise<void> {
  const { folder, checkpoint } = resumeRunFolder(readRunFolder(dir), {
    load: (source) => loadModel(source, { backend }),
  })
  await work(folder, checkpoint?.model ?? createModel(spec, { backend }), 12, { resume: checkpoint?.state })
}

const [whole, rested] = [path.join(root, 'whole'), path.join(root, 'rested')]
before(async () => {
  await work(createRunFolder(whole, CONFIG), createModel(spec, { backend }), 12)
  await work(createRunFolder(rested, CONFIG), createModel(spec, { backend }), 8)
})

/** A hand on one of the files; `at` is a byte or a line. */
interface Hand {
  readonly name: string
  readonly how: keyof typeof EDITS
  readonly at: number
  readonly line: string
}

/** Of text whose letters are bytes. */
const EDITS = {
  'ends of Windows': (text) => text.replaceAll('\n', '\r\n'),
  'old ends of Macs': (text) => text.replaceAll('\n', '\r'),
  'a byte order mark': (text) => `\xef\xbb\xbf${text}`,
  'cut off behind': (text, { at }) => text.slice(0, at),
  'cut off in front': (text, { at }) => text.slice(at),
  'NUL behind': (text, { at }) => text + '\0'.repeat(at),
  'one byte': (text, { at }) => text.slice(0, at) + ['\0', '\n', '"', '\xff'][at % 4] + text.slice(at + 1),
  'a line more': (text, { at, line }) => inLines(text, (lines) => lines.toSpliced(at % 9, 0, line)),
  'a line less': (text, { at }) => inLines(text, (lines) => lines.toSpliced(at % 9, 1)),
  'a line twice': (text, { at }) => inLines(text, (lines) => lines.toSpliced(at % 7, 0, lines[at % 5]!)),
  'turned round': (text) => inLines(text, (lines) => lines.toReversed()),
  empty: () => '',
  removed: () => null,
  // What lies in it is kept; `lay` makes the folder.
  'a folder in its place': (text) => text,
} satisfies Record<string, (text: string, hand: Hand) => string | null>

function inLines(text: string, edit: (lines: string[]) => string[]): string {
  return edit(text.split('\n')).join('\n')
}

const FILES = ['metrics.jsonl', 'events.out.tfevents', 'checkpoint-last.safetensors', 'checkpoint-best.safetensors']

const hands: fc.Arbitrary<Hand> = fc.record({
  name: fc.constantFrom(...FILES, 'metrics.jsonl', 'metrics.jsonl', 'notes.txt', 'model.safetensors.tmp'),
  how: fc.constantFrom(...(Object.keys(EDITS) as Hand['how'][])),
  at: fc.nat(2500),
  line: fc.constantFrom('a note', '', '{}', '{"type":"done","iteration":12}', '[', '\0'),
})

function lay(dir: string, hand: Hand): void {
  const file = path.join(dir, hand.name)
  const text = fs.existsSync(file) ? fs.readFileSync(file, 'latin1') : 'mine\n'
  const edited = EDITS[hand.how](text, hand)
  fs.rmSync(file, { force: true, recursive: true })
  if (hand.how === 'a folder in its place') {
    fs.mkdirSync(file)
    fs.writeFileSync(path.join(file, 'mine.txt'), edited!, 'latin1')
  } else if (edited !== null) fs.writeFileSync(file, edited, 'latin1')
}

/** To the six digits of metrics.jsonl, from which TensorBoard's file is made anew where it is damaged. */
function sameBoard(dir: string): void {
  const split = (line: string) => /^(.*?)([\d.e-]*)$/.exec(line)!
  const [found, wanted] = [board(dir).map(split), board(whole).map(split)]
  assert.deepEqual(
    found.map(([, name]) => name),
    wanted.map(([, name]) => name),
  )
  for (const [i, [, name, value]] of found.entries()) {
    const right = Number(wanted[i]![2])
    assert.ok(Math.abs(Number(value) - right) <= 1e-5 * Math.abs(right), `${name}: ${value}, not ${right}`)
  }
}

/** The records that a run makes after its last checkpoint, of iteration 6: of 8, 10 and 12, and its end. */
const AFTER = 6

test('whatever is done to the files of a run that rests, it goes on to the same end', async () => {
  let made = 0
  const property = fc.asyncProperty(fc.array(hands, { minLength: 1, maxLength: 4 }), async (done) => {
    const dir = path.join(root, `run-${made++}`)
    fs.cpSync(rested, dir, { recursive: true })
    for (const hand of done) lay(dir, hand)
    await goOn(dir)
    const model = (of: string) => fs.readFileSync(path.join(of, 'model.safetensors'))
    assert.deepEqual(model(dir), model(whole))
    const run = readRunFolder(dir)
    assert.deepEqual(run.problems, [])
    assert.ok(run.end())
    // Records that are gone are gone, and the others are what they were.
    const held = records(dir).map((record) => JSON.stringify(record))
    const all = records(whole).map((record) => JSON.stringify(record))
    assert.deepEqual(
      held,
      all.filter((record) => held.includes(record)),
    )
    assert.deepEqual(held.slice(-AFTER), all.slice(-AFTER))
    if (held.length === all.length) sameBoard(dir)
    fs.rmSync(dir, { recursive: true })
  })
  await fc.assert(property, { seed: 21, numRuns: 80, includeErrorInReport: true })
})

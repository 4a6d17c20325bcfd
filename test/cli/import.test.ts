/** `irnn import`: the commands of docs/from-pytorch.md, a model that loses its spec and gets it back, wrong files. */
import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { evalRun } from '../../cli/eval.ts'
import { type ImportFlags, importFile } from '../../cli/import.ts'
import { resumeRun } from '../../cli/resume.ts'
import { decode, encode } from '../../src/formats/safetensors.ts'
import { home, run } from '../support/command.ts'
import { file, LSTM, linear, stack } from '../support/stateDicts.ts'

const ROOT = new URL('../../../', import.meta.url)
const RUNS = fileURLToPath(new URL('test/fixtures/runs-0.1.0', ROOT))
const page = fs.readFileSync(new URL('docs/from-pytorch.md', ROOT), 'utf8')
const fixture = new URL('test/fixtures/state-dicts.json', ROOT)
const { cases } = JSON.parse(fs.readFileSync(fixture, 'utf8')) as { cases: { name: string; file: string }[] }

const write = (name: string, bytes: Uint8Array): void => fs.writeFileSync(path.join(home, name), bytes)

before(() => {
  write('tagger.safetensors', Buffer.from(cases.find(({ name }) => name === 'lstm')!.file, 'base64'))
  write('plainRnn.safetensors', file({ ...stack('rnn.', { gates: 1 }), ...linear('fc.') }))
  write('two.safetensors', file({ ...stack('a.'), ...stack('b.'), ...linear('fc.') }))
})

test('docs/from-pytorch.md: its commands run, and say what it shows', async () => {
  const [commands, shown] = ['sh', 'text'].map((kind) => page.split(`\`\`\`${kind}\n`)[1]!.split('```')[0]!)
  const [first, second] = commands!.trim().split('\n') as [string, string]
  const words = (line: string) => line.split(' ').slice(2)
  assert.deepEqual(await run(...words(first)), { code: 0, out: shown, err: '' })
  const { code, out } = await run(...words(second))
  assert.equal(code, 0)
  assert.match(
    out,
    /^task +none\nmodel +lstm, 5 units, 2 layers\nimported +from tagger\.safetensors, SHA-256 [0-9a-f]{16}…\n/,
  )
  const message = /runs.tagger: an imported model has no test set: import it with --like RUN, a run of the task that/
  const resume = path.join(home, 'runs/tagger')
  await assert.rejects(evalRun(resume, [], {}), { name: 'InputError', message })
  await assert.rejects(resumeRun({ resume }), /its model was imported: there is nothing to resume$/)
})

test('a model that lost its spec gets it back from a run like it, with its task and its score', async () => {
  const like = path.join(RUNS, 'adding')
  const { tensors } = decode(fs.readFileSync(path.join(like, 'model.safetensors')))
  const named = [...tensors].map(([name, { shape, read }]) => ({ name: `net.${name}`, shape, data: read() }))
  write('plain.safetensors', encode(named, { format: 'pt' }))
  const { code, out, err } = await run('import', 'plain.safetensors', '--like', like, '--out', 'mine', '--json')
  assert.deepEqual([code, err], [0, ''])
  const { dir, origins, left, spec } = JSON.parse(out)
  assert.deepEqual([dir, origins['head.bias'], left, spec.rnn.cell], ['mine', 'net.head.bias', [], 'irnn'])
  const score = async (dir: string) => JSON.parse((await run('eval', dir, '--json')).out).test
  assert.deepEqual(await score('mine'), await score(like))
})

test('a head of which nothing is said reads the last step and answers classes, and that is noted', async () => {
  const { code, out } = await run('import', 'tagger.safetensors', '--out', 'taken', '--json')
  const { spec, notes } = JSON.parse(out)
  assert.deepEqual([code, spec.head.steps, spec.head.kind], [0, 'last', 'classification'])
  assert.deepEqual(notes, [
    'the head is taken to read the last step of a sequence: --head every if it reads all',
    'the head is taken to answer classes: --kind regression if it answers values',
  ])
  const said = await run('import', 'tagger.safetensors', '--head', 'every', '--out', 'said', '--json')
  const of = JSON.parse(said.out)
  assert.deepEqual([of.spec.head.steps, of.spec.head.kind, of.notes], ['every', 'classification', [notes[1]]])
})

test('what is wrong is said in a line of the file and the flags, and leaves nothing', async () => {
  write('pickle.pt', Buffer.from('PK\x03\x04\0\0\b\b'.padEnd(80, '\0'), 'latin1'))
  write('cut.safetensors', file(LSTM).subarray(0, 300))
  write('parts.json', Buffer.from('[1]'))
  const out = path.join(home, 'none')
  const said = { out, head: 'last', kind: 'regression' } as const
  const wrong: readonly [string, ImportFlags, RegExp][] = [
    ['plainRnn.safetensors', { out }, /: its shapes do not say which cell it is: add --cell relu or --cell tanh$/],
    ['two.safetensors', said, /two\.safetensors: expected one recurrent .* say which, as --names a\.=rnn\.$/],
    ['tagger.safetensors', { ...said, names: { x: 'rnn.' } }, /^--names: expected a tensor, .* with "x" and a dot/],
    ['tagger.safetensors', { ...said, cell: 'gru' }, /^--spec: rnn\.cell: .* but received gru$/],
    [
      'tagger.safetensors',
      { out, spec: path.join(home, 'parts.json') },
      /parts\.json: expected a spec, .* JSON object/,
    ],
    ['tagger.safetensors', { ...said, like: 'x' }, /^--head: expected none beside --like/],
    ['cut.safetensors', said, /cut\.safetensors: expected a header within its 300 bytes/],
  ]
  for (const [name, flags, message] of wrong) {
    await assert.rejects(importFile(path.join(home, name), flags), { name: 'InputError', message })
  }
  const { code, err } = await run('import', 'pickle.pt', '--names', 'a=rnn', '--out', 'none')
  assert.match(err, /^irnn: pickle\.pt: expected safetensors but it is a zip file, as torch\.save writes: .*\n$/)
  assert.deepEqual([code, fs.existsSync(out)], [2, false])
  assert.match(
    (await run('import', 'pickle.pt', '--names', 'a', '--out', 'none')).err,
    /^irnn: --names: expected pairs/,
  )
})

// Speech loaded: a cache of features that is made anew when it does not fit, and Kaldi's alignments.
import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { test } from 'node:test'
import { loadSpeech } from '../../../src/tasks/phones/load.node.ts'
import { phones } from '../../../src/tasks/phones/phones.ts'
import { frameStates, THIRDS } from '../../../src/tasks/phones/targets.ts'
import { PHONES } from '../../../src/tasks/phones/timit.ts'
import { refused } from '../../support/refused.ts'
import { corpusFiles, storedSpeech, writeFiles } from '../../support/speech.ts'

const { home, cache, dir, speakers, corpus, timit } = storedSpeech()

test('features are computed once; changed sound or a damaged cache is computed again', () => {
  const said: string[] = []
  const load = () => loadSpeech({ data: dir, cache, say: (line) => said.push(line) })
  const computed = () => said.splice(0).filter((line) => line.startsWith('computing')).length
  const files = fs.readdirSync(cache)
  assert.equal(files.length, 3)
  assert.deepEqual(load(), corpus)
  assert.equal(computed(), 0)

  const damages: ((bytes: Buffer) => Uint8Array)[] = [
    (bytes) => bytes.subarray(0, bytes.length - 7),
    (bytes) => bytes.fill(1, bytes.length - 40, bytes.length - 36),
    () => Buffer.from('no safetensors'),
  ]
  for (const damage of damages) {
    const file = path.join(cache, files[0]!)
    fs.writeFileSync(file, damage(fs.readFileSync(file)))
    assert.deepEqual(load(), corpus)
    assert.equal(computed(), 1)
    assert.deepEqual(load(), corpus)
    assert.equal(computed(), 0)
  }
  assert.deepEqual(fs.readdirSync(cache), files, 'nothing else is left there')

  const wav = path.join(dir, 'TRAIN/DR1/FCJF0/SX1.WAV')
  const bytes = fs.readFileSync(wav)
  fs.writeFileSync(wav, bytes.fill(9, 2000, 2100))
  fs.utimesSync(wav, 1, 1)
  const changed = load()
  assert.equal(computed(), 1)
  assert.notEqual(changed.id, corpus.id)
  writeFiles(dir, corpusFiles(speakers, 3))
  assert.equal(load().id, corpus.id, 'the same content is the same corpus, whatever its dates')
})

test('a folder where a file of the cache should be is a warning, too', () => {
  const other = path.join(home, 'occupied')
  loadSpeech({ data: dir, cache: other })
  for (const name of fs.readdirSync(other)) {
    fs.rmSync(path.join(other, name))
    fs.mkdirSync(path.join(other, name, 'x'), { recursive: true })
  }
  const said: string[] = []
  assert.deepEqual(loadSpeech({ data: dir, cache: other, say: (line) => said.push(line) }), corpus)
  assert.equal(said.filter((line) => /^warning: features cannot be kept in/.test(line)).length, 3)
  assert.ok(!fs.readdirSync(other).some((name) => name.endsWith('.tmp')))
})

test('a cache that cannot be written is a warning', () => {
  const file = path.join(home, 'file')
  fs.writeFileSync(file, '')
  const said: string[] = []
  assert.deepEqual(loadSpeech({ data: dir, cache: file, say: (line) => said.push(line) }), corpus)
  assert.equal(said.filter((line) => /^warning: features cannot be kept in .*: set IRNN_CACHE/.test(line)).length, 3)
})

test("Kaldi's alignments are the targets where they are given; a state's phone is the one it most often stands for", () => {
  const all = [...timit.train, ...timit.dev, ...timit.test]
  // Three states: silence, everything else, and one that never occurs.
  const idsOf = ({ segments, length }: (typeof all)[number]) =>
    [...frameStates(segments, 1 + Math.floor((length - 400) / 160))].map((state) =>
      THIRDS.phoneOf[state] === PHONES.indexOf('h#') ? 0 : 2,
    )
  const lines = all.map((u) => `${u.speaker.toUpperCase()}_${u.sentence.toUpperCase()} ${idsOf(u).join(' ')}`)
  const file = path.join(home, 'ali.txt')
  fs.writeFileSync(file, lines.join('\n'))
  const aligned = loadSpeech({ data: dir, cache, alignments: [file] })
  assert.deepEqual([aligned.set.kind, aligned.set.states], ['alignments', 3])
  assert.equal(PHONES[aligned.set.phoneOf[0]!], 'h#')
  assert.notEqual(PHONES[aligned.set.phoneOf[2]!], 'h#')
  assert.deepEqual([...aligned.train.targets], timit.train.flatMap(idsOf))
  assert.equal(phones({ corpus: aligned }).head.size, 3)
  assert.notEqual(aligned.id, corpus.id)

  fs.writeFileSync(file, lines.slice(1).join('\n'))
  refused(
    () => loadSpeech({ data: dir, cache, alignments: [file] }),
    /SX1\.WAV: expected an alignment of "fcjf0_sx1" but there is none/,
  )
  const rest = loadSpeech({ data: dir, cache, alignments: [file], skipBad: true })
  assert.equal(rest.train.starts.length, 9)
  fs.writeFileSync(file, [`${lines[0]} 1`, ...lines.slice(1)].join('\n'))
  refused(
    () => loadSpeech({ data: dir, cache, alignments: [file] }),
    /expected an alignment of 23 frames but "fcjf0_sx1" has 24/,
  )
  refused(
    () => loadSpeech({ data: dir, cache, alignments: [path.join(home, 'away')] }),
    /away: cannot be read: there is no such file$/,
  )
  const second = path.join(home, 'ali2.txt')
  fs.writeFileSync(file, lines.slice(1).join('\n'))
  fs.writeFileSync(second, lines[0]!)
  assert.equal(loadSpeech({ data: dir, cache, alignments: [file, second] }).id, aligned.id)
  fs.writeFileSync(second, lines.slice(0, 2).join('\n'))
  refused(
    () => loadSpeech({ data: dir, cache, alignments: [file, second] }),
    /ali2\.txt: utterance "fcjf0_sx2" is also in .*ali\.txt: give each alignment once/,
  )
})

// A corpus in TIMIT's layout: who is in which set, what is read of an utterance, and every fault in one line, or left
// out.
import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import { after, test } from 'node:test'
import { speech } from '../../../src/formats/audio.ts'
import { readTimit, type Timit } from '../../../src/tasks/phones/timit.node.ts'
import { CORE_TEST_SPEAKERS, DEV_SPEAKERS, FOLD_39, FOLD_48, PHONES } from '../../../src/tasks/phones/timit.ts'
import { refused } from '../../support/refused.ts'
import { corpusFiles, phn, riff, samplesOf, sphere, writeFiles } from '../../support/speech.ts'

const home = fs.mkdtempSync(path.join(os.tmpdir(), 'irnn-timit-'))
after(() => fs.rmSync(home, { recursive: true }))
let made = 0

/** Two speakers to train on, one of TIMIT's dev set and one of its core test. */
const timit = corpusFiles(['TRAIN/DR1/FCJF0', 'TRAIN/DR2/MPGR1', 'TEST/DR1/FAKS0', 'TEST/DR1/MDAB0'])

/** A folder with those files and others; null takes one away. */
function corpus(
  changes: Record<string, string | Uint8Array | null> = {},
  files: Record<string, string | Uint8Array> = timit,
): string {
  const dir = path.join(home, String(made++))
  const all = Object.entries({ ...files, ...changes }).filter(([, content]) => content !== null)
  writeFiles(dir, Object.fromEntries(all) as Record<string, string | Uint8Array>)
  return dir
}

const ids = ({ train, dev, test }: Timit) => [train, dev, test].map((set) => set.map(({ id }) => id))

test('what is agreed: 60 phones, 48, 39; 50 and 24 speakers, none in both', () => {
  assert.deepEqual(
    [PHONES, FOLD_48, FOLD_39].map((names) => new Set(names).size),
    [60, 48, 39],
  )
  assert.ok(!PHONES.includes('q'))
  assert.deepEqual([DEV_SPEAKERS.size, CORE_TEST_SPEAKERS.size], [50, 24])
  assert.ok(![...DEV_SPEAKERS].some((name) => CORE_TEST_SPEAKERS.has(name)))
  // Of 24: two men and a woman of each of eight dialects.
  assert.equal([...CORE_TEST_SPEAKERS].filter((name) => name.startsWith('f')).length, 8)
})

test('an utterance: names, segments, samples', () => {
  const said: string[] = []
  const { train, skipped } = readTimit(corpus(), { say: (line) => said.push(line) })
  const [first] = train
  assert.equal(first!.id, 'train/dr1/fcjf0/sx1')
  assert.deepEqual([first!.speaker, first!.dialect, first!.sentence, first!.length], ['fcjf0', 'dr1', 'sx1', 4000])
  assert.deepEqual(first!.segments[1], { start: 571, end: 1143, phone: 'sh' })
  assert.deepEqual(first!.samples(), samplesOf(4000))
  for (const { file, length, samples } of train) {
    assert.deepEqual(samples(), speech(fs.readFileSync(file), file))
    assert.equal(samples().length, length)
  }
  assert.deepEqual(skipped, [])
  assert.deepEqual(said, [
    'warning: the whole of TIMIT has 3696 / 400 / 192 utterances (train / dev / core test), here are 4 / 2 / 2',
  ])
})

test("TIMIT's speakers are in their sets; SA sentences, other speakers of TEST and hidden files in none", () => {
  const wav = sphere(samplesOf(4000))
  const dir = corpus({
    'TRAIN/DR1/FCJF0/SA1.WAV': wav,
    'TRAIN/DR1/FCJF0/SA2.WAV': wav,
    'TEST/DR1/MDAC0/SX9.WAV': wav,
    'TEST/DR1/MDAC0/SX9.PHN': phn(4000),
    'TEST/DR1/._FAKS0': 'finder',
    'TEST/DR1/FAKS0/._SX1.WAV': 'finder',
    'README.DOC': 'text',
  })
  assert.deepEqual(ids(readTimit(dir)), [
    ['train/dr1/fcjf0/sx1', 'train/dr1/fcjf0/sx2', 'train/dr2/mpgr1/sx1', 'train/dr2/mpgr1/sx2'],
    ['test/dr1/faks0/sx1', 'test/dr1/faks0/sx2'],
    ['test/dr1/mdab0/sx1', 'test/dr1/mdab0/sx2'],
  ])
})

test('lower case, a folder timit around it, and RIFF copies named .WAV.wav make no difference', () => {
  const expected = ids(readTimit(corpus()))
  const lower = Object.fromEntries(Object.entries(timit).map(([name, content]) => [name.toLowerCase(), content]))
  assert.deepEqual(ids(readTimit(corpus({}, lower))), expected)
  const nested = Object.fromEntries(Object.entries(timit).map(([name, content]) => [`timit/TIMIT/${name}`, content]))
  assert.deepEqual(ids(readTimit(corpus({}, nested))), expected)
  const copied = corpus({ 'TRAIN/DR1/FCJF0/SX1.WAV.wav': riff(samplesOf(4000, 9)) })
  assert.deepEqual(ids(readTimit(copied)), expected)
  assert.deepEqual(readTimit(copied).train[0]!.samples(), samplesOf(4000), 'the original goes before the copy')
  const only = corpus({ 'TRAIN/DR1/FCJF0/SX1.WAV': null, 'TRAIN/DR1/FCJF0/SX1.WAV.wav': riff(samplesOf(4000, 9)) })
  assert.deepEqual(ids(readTimit(only)), expected)
})

test('another corpus says in SPLIT.TXT who is in which set', () => {
  const files = corpusFiles(['TRAIN/DR1/AAA', 'TRAIN/DR1/BBB', 'TEST/DR1/CCC', 'TEST/DR1/DDD'], 1)
  const said: string[] = []
  const split = (text: string) => readTimit(corpus({ 'split.txt': text }, files), { say: (line) => said.push(line) })
  assert.deepEqual(ids(split('# who\nccc dev # aside\n\nBBB Test\r\n')), [
    ['train/dr1/aaa/sx1'],
    ['test/dr1/ccc/sx1'],
    ['train/dr1/bbb/sx1', 'test/dr1/ddd/sx1'],
  ])
  assert.deepEqual(said, [], 'the counts of TIMIT are for TIMIT')
  refused(
    () => readTimit(corpus({}, files)),
    /none of TIMIT's dev and core test speakers is under TEST: .* write SPLIT\.TXT/,
  )
  refused(
    () => split('ccc development\n'),
    /split\.txt: line 1: expected a speaker and train, dev or test but received "ccc development"/,
  )
  refused(
    () => split('ccc dev\nddd dev\nccc test\n'),
    /line 3: speaker "ccc" is in test and, further up, in dev: remove one/,
  )
  refused(() => split('aaa train\n'), /for dev but there are none: name its speakers in SPLIT\.TXT/)
  // A typo would leave the speaker who was meant in the test set.
  refused(
    () => split('ddd dev\ncccc dev\n'),
    /split\.txt: line 2: speaker "cccc" has no folder under TRAIN or TEST: correct the name or remove the line/,
  )
})

test('what is no corpus is refused', () => {
  refused(() => readTimit(path.join(home, 'away')), /away: .* there is no such folder/)
  refused(() => readTimit(corpus({}, { 'A.WAV': '' })), /expected TIMIT's folders TRAIN and TEST but there is no TRAIN/)
})

test('every fault of an utterance is refused with its file, place and remedy; with skipBad it alone is left out', () => {
  const at = 'TRAIN/DR1/FCJF0/SX1'
  const tone = samplesOf(4000)
  const faults: [Record<string, string | Uint8Array | null>, RegExp][] = [
    [{ [`${at}.PHN`]: null }, /FCJF0\/SX1\.PHN: expected the segments of SX1\.WAV but there is no such file: copy it/],
    [{ [`${at}.WAV`]: null }, /FCJF0\/SX1\.WAV: expected the sound of SX1\.PHN but there is no such file: copy it/],
    [{ [`${at}.PHN`]: null, [`${at}.PHN/x`]: '' }, /FCJF0\/SX1\.PHN: cannot be read: it is a folder, not a file/],
    [{ [`${at}.WAV`]: null, [`${at}.WAV/x`]: '' }, /FCJF0\/SX1\.WAV: cannot be read: it is a folder, not a file/],
    [{ [`${at}.PHN`]: '0 2000 h#\n1900 4000 sh\n' }, /FCJF0\/SX1\.PHN: line 2: the segment 1900 … 4000 overlaps/],
    [
      { [`${at}.PHN`]: '0 2000 h#\n2000 4001 sh\n' },
      /FCJF0\/SX1\.PHN: line 2: the segment 2000 … 4001 \(sh\) runs past the sound, which has 4000/,
    ],
    [{ [`${at}.PHN`]: '0 2000 h#\n2000 4000 shh\n' }, /FCJF0\/SX1\.PHN: line 2: unknown phone "shh"/],
    [{ [`${at}.PHN`]: '' }, /FCJF0\/SX1\.PHN: .* the utterance is empty/],
    [
      { [`${at}.WAV`]: sphere(tone, { fields: { sample_rate: '-i 8000' } }) },
      /FCJF0\/SX1\.WAV: expected 16000 samples a second but received 8000/,
    ],
    [{ [`${at}.WAV`]: riff(tone, { channels: 2 }) }, /FCJF0\/SX1\.WAV: expected one channel but received 2/],
    [
      { [`${at}.WAV`]: sphere(tone).subarray(0, 500) },
      /FCJF0\/SX1\.WAV: its header is cut off: the file has only 500 bytes/,
    ],
    [
      { [`${at}.WAV`]: sphere(tone).subarray(0, 9000) },
      /FCJF0\/SX1\.WAV: expected 4000 samples but it holds 3988: it is cut off/,
    ],
    [{ [`${at}.WAV`]: '' }, /FCJF0\/SX1\.WAV: its header is cut off: the file has only 0 bytes/],
    [
      { [`${at}.WAV`]: sphere(samplesOf(399)) },
      /FCJF0\/SX1\.WAV: expected at least 400 samples, 25 ms, but received 399/,
    ],
    [
      { [`${at}.WAV`]: sphere(tone, { fields: { sample_coding: '-s26 pcm,embedded-shorten-v2.00' } }) },
      /SX1\.WAV: .*shorten: unpack it with sph2pipe/,
    ],
  ]
  for (const [changes, pattern] of faults) {
    const dir = corpus(changes)
    refused(() => readTimit(dir), pattern)
    const said: string[] = []
    const rest = readTimit(dir, { skipBad: true, say: (line) => said.push(line) })
    assert.deepEqual(ids(rest)[0], ['train/dr1/fcjf0/sx2', 'train/dr2/mpgr1/sx1', 'train/dr2/mpgr1/sx2'])
    assert.equal(rest.skipped.length, 1)
    assert.match(rest.skipped[0]!, pattern)
    assert.match(said[0]!, /^left out 1 bad utterances, the first: /)
  }
})

test('a speaker in two sets is refused; with skipBad the second is left out', () => {
  const dir = corpus(corpusFiles(['TRAIN/DR7/FAKS0']))
  refused(
    () => readTimit(dir),
    /TEST\/DR1\/FAKS0: speaker "faks0" is in dev and, in .*TRAIN\/DR7\/FAKS0, in train: remove one/,
  )
  const files = corpusFiles(['TEST/DR1/MJSW0'])
  const rest = readTimit(corpus({ ...corpusFiles(['TRAIN/DR7/FAKS0']), ...files }), { skipBad: true })
  assert.deepEqual(ids(rest)[1], ['test/dr1/mjsw0/sx1', 'test/dr1/mjsw0/sx2'])
  assert.equal(rest.skipped.length, 2)
})

test('a speaker in two folders is refused, though both are of one set', () => {
  const dir = corpus(corpusFiles(['TRAIN/DR5/FCJF0']))
  refused(
    () => readTimit(dir),
    /TRAIN\/DR5\/FCJF0: speaker "fcjf0" is in train and, in .*DR1\/FCJF0, once more: remove one/,
  )
})

test('names that differ in case only are refused: one of the two would be lost', () => {
  const again = { 'TRAIN/DR1/FCJF0/sx1.wav': sphere(samplesOf(4000)) }
  refused(
    () => readTimit(corpus(again)),
    /DR1\/FCJF0: SX1\.WAV and sx1\.wav differ in nothing but upper and lower case: remove one/,
  )
  refused(() => readTimit(corpus(corpusFiles(['TRAIN/DR1/fcjf0']))), /DR1: FCJF0 and fcjf0 differ in nothing but/)
})

test('a header behind 4 kB of other chunks is found', () => {
  const plain = [...riff(samplesOf(4000))]
  const pad = [...new TextEncoder().encode('JUNK'), 0x88, 0x13, 0, 0, ...new Array(5000).fill(7)]
  const wav = Uint8Array.from([...plain.slice(0, 12), ...pad, ...plain.slice(12)])
  const { train } = readTimit(corpus({ 'TRAIN/DR1/FCJF0/SX1.WAV': wav }))
  assert.deepEqual(train[0]!.samples(), samplesOf(4000))
})

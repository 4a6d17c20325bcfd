// irnn data speech: espeak-ng's own voices and the Brown Corpus, a minute of it.
import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { test } from 'node:test'
import { SPOKEN_LABELS } from '../../corpora/segments.ts'
import { sentences, spoken } from '../../corpora/sentences.ts'
import { speakers, VOICES } from '../../corpora/voices.ts'
import { speech } from '../../src/formats/audio.ts'
import { readTimit } from '../../src/tasks/phones/timit.node.ts'
import { LABELS } from '../../src/tasks/phones/timit.ts'
import { home, run as runArgs } from '../support/command.ts'

const run = (line: string) => runArgs(...line.split(' '))
const walk = (dir: string) =>
  (fs.readdirSync(path.join(home, dir), { recursive: true }) as string[])
    .filter((name) => fs.statSync(path.join(home, dir, name)).isFile())
    .sort()
const bytes = (...names: string[]) => fs.readFileSync(path.join(home, ...names))
const text = (...names: string[]) => bytes(...names).toString('utf8')

test("a corpus in TIMIT's layout, the same bytes from the same seed", async () => {
  const [made, again, other] = await Promise.all(
    ['a --seed 5', 'b --seed 5', 'c --seed 6'].map((rest) =>
      run(`data speech --speakers 4 --sentences 2 --out ${rest}`),
    ),
  )
  assert.equal(made!.code, 0, made!.err)
  assert.match(made!.out, /^8 utterances of 4 speakers, \d+ s of synthetic speech: a\n$/)
  assert.equal(again!.code, 0)
  assert.equal(other!.code, 0)
  const files = walk('a')
  assert.equal(files.length, 8 * 4 + 2)
  assert.deepEqual(walk('b'), files)
  for (const file of files) assert.ok(bytes('a', file).equals(bytes('b', file)), file)
  assert.ok(
    walk('c').some(
      (file) => !file.endsWith('TXT') && (!files.includes(file) || !bytes('c', file).equals(bytes('a', file))),
    ),
  )
  const readme = text('a', 'README.TXT')
  assert.match(readme, /^THIS CORPUS IS SYNTHETIC/)
  assert.match(readme, /irnn data speech --speakers 4 --sentences 2 --seed 5 --snr 20/)
  const places = files.filter((file) => file.endsWith('.WAV')).map((file) => file.split(path.sep))
  assert.deepEqual([...new Set(places.map(([part]) => part))].sort(), ['TEST', 'TRAIN'])
  for (const [part, region, speaker, name] of places) {
    assert.match(`${part} ${region} ${speaker} ${name}`, /^(TEST|TRAIN) DR[1-8] [FM][A-Z]{3}0 SX\d+\.WAV$/)
  }
  assert.deepEqual(
    fs.readdirSync(home).filter((name) => name.includes('unfinished')),
    [],
  )
  const { train, dev, test: tested, skipped } = readTimit(path.join(home, 'a'))
  assert.deepEqual([train.length, dev.length, tested.length, skipped.length], [4, 2, 2, 0])
  for (const file of files.filter((name) => name.endsWith('.WAV'))) checkUtterance(`a/${file.slice(0, -4)}`)
})

/** Segments fill the sound, its ends are quiet, closures are quieter than vowels; words lie on boundaries of phones. */
function checkUtterance(base: string): void {
  const samples = speech(bytes(`${base}.WAV`), base)
  const lines = (ending: string) =>
    text(`${base}.${ending}`)
      .trimEnd()
      .split('\n')
      .map((line) => line.split(' '))
  const phones = lines('PHN')
  let at = 0
  for (const [start, end] of phones) {
    assert.equal(Number(start), at, base)
    assert.ok(Number(end) > at, base)
    at = Number(end)
  }
  assert.equal(at, samples.length, base)
  assert.equal(phones[0]![2], 'h#')
  assert.equal(phones.at(-1)![2], 'h#')
  const level = (wanted: RegExp) => {
    const parts = phones.filter(([, , phone]) => wanted.test(phone!))
    const values = parts.flatMap(([start, end]) => [...samples.subarray(Number(start), Number(end))])
    return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length)
  }
  const [quiet, closed, vowels] = [
    level(/^h#$/),
    level(/^[ptk]cl$/),
    level(/^(aa|ae|ah|ao|aw|ax|axr|ay|eh|er|ey|ih|ix|iy|ow|uw)$/),
  ]
  assert.ok(Math.abs(closed / quiet - 1) < 0.2, `${base}: closures ${closed}, silence ${quiet}`)
  assert.ok(vowels > 8 * quiet, `${base}: vowels ${vowels}, silence ${quiet}`)
  // The noise is 20 dB below the speech: vowels are louder than its mean, consonants less.
  assert.ok(vowels < 25 * quiet, `${base}: vowels ${vowels}, silence ${quiet}`)
  const words = lines('WRD')
  const [first, last, ...sentence] = lines('TXT')[0]!
  assert.deepEqual([first, Number(last)], ['0', samples.length])
  assert.deepEqual(
    words.map(([, , word]) => word),
    sentence.map((word) => word.toLowerCase().replace(/[.,?!]$/, '')),
  )
  const starts = new Set(phones.map(([start]) => start))
  const ends = new Set(phones.map(([, end]) => end))
  for (const [start, end, word] of words) assert.ok(starts.has(start) && ends.has(end), `${base}: ${word}`)
}

test('speakers: no name twice, no voice in two parts, the same from the same seed', () => {
  for (const count of [3, 24, 42, 43, 100]) {
    const drawn = speakers(count, 3)
    assert.equal(drawn.length, count)
    assert.equal(new Set(drawn.map(({ name }) => name)).size, count)
    const part = new Map<string, string>()
    for (const speaker of drawn) {
      assert.equal(part.get(speaker.variant) ?? speaker.part, speaker.part, speaker.variant)
      part.set(speaker.variant, speaker.part)
    }
    assert.equal(part.size, Math.min(count, VOICES))
    for (const each of ['train', 'dev', 'test']) assert.ok(drawn.some((speaker) => speaker.part === each))
    assert.deepEqual(speakers(count, 3), drawn)
    assert.notDeepEqual(speakers(count, 4), drawn)
  }
})

test('sentences: as they are written and no others', () => {
  assert.equal(
    spoken("\tShe'd/pps+hvd heard/vbn ,/, of/in course/nn ,/, nothing/pn ./."),
    "She'd heard, of course, nothing.",
  )
  for (const line of [
    'Too/rb short/jj ./.',
    'It/pps cost/vbd 40/cd dollars/nns last/ap week/nn ./.',
    '``/`` Go/vb to/in the/at door/nn now/rb !/.',
    'The/at NATO/np men/nns were/bed all/abn there/rb ./.',
    'A/at well-known/jj man/nn was/bedz seen/vbn here/rb ./.',
  ]) {
    assert.equal(spoken(line), '', line)
  }
  const all = sentences()
  assert.ok(all.length > 8000)
  assert.equal(new Set(all).size, all.length)
})

test('every label it can give is one of TIMIT', () => {
  for (const label of SPOKEN_LABELS) assert.ok(LABELS.has(label), label)
})

test('bad input: exit code 2, one clear line, nothing written', async () => {
  fs.mkdirSync(path.join(home, 'full'))
  fs.writeFileSync(path.join(home, 'full', 'thesis.txt'), '')
  fs.writeFileSync(path.join(home, 'file'), '')
  const cases: [string, RegExp][] = [
    ['--out never --speakers 2', /expected a whole number >= 3/],
    ['--out never --sentences 0', /expected a whole number >= 1/],
    ['--out never --snr loud', /expected a number/],
    ['--out never --speakers 10 --sentences 9999', /--sentences: expected at most \d+ for 10 speakers/],
    ['--out full', /full: expected a new or empty folder but it holds files: name another with --out/],
    ['--out file', /^irnn: file: .*a file, not a folder/],
    ['--out file/below', /file.below: cannot be written: .*a file, not a folder/],
    ['', /data speech: expected --out <dir> but received nothing/],
  ]
  const held = fs.readdirSync(home).toSorted()
  const results = await Promise.all(cases.map(([flags]) => run(`data speech ${flags}`.trim())))
  for (const [i, { code, out, err }] of results.entries()) {
    const [flags, pattern] = cases[i]!
    assert.equal(code, 2, `${flags}: ${err}`)
    assert.match(err, pattern, flags)
    assert.equal(err.trim().split('\n').length, 1, err)
    assert.equal(out, '')
  }
  assert.deepEqual(fs.readdirSync(home).toSorted(), held)
})

// Events of a synthesiser → phones and words, on sound made by hand where every boundary is known.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Speech, type SpeechEvent, segments, UnknownPhoneme } from '../../corpora/segments.ts'

const RATE = 1000 // a sample a millisecond

/** Sounds as `id milliseconds`, `id milliseconds+silence`, or a word between slashes; spoken from sample 5 on. */
function speech(script: string): Speech {
  const samples: number[] = [0, 0, 0, 0, 0]
  const events: SpeechEvent[] = []
  for (const part of script.split(/ (?=\/|\S+:)/)) {
    if (part.startsWith('/')) {
      events.push({ type: 'word', at: samples.length, id: part.slice(1) })
      continue
    }
    const [id, lengths] = part.split(':') as [string, string]
    const [sounding, silent = 0] = lengths.split('+').map(Number) as [number, number?]
    events.push({ type: 'phoneme', at: samples.length, id: id === '_' ? '' : id })
    for (let i = 0; i < sounding; i++) samples.push(1000)
    for (let i = 0; i < silent; i++) samples.push(0)
  }
  return { samples: Int16Array.from(samples), rate: RATE, events }
}

const phones = (script: string) =>
  segments(speech(script)).phones.map(({ start, end, phone }) => `${start} ${end} ${phone}`)

test('the silence before a voiceless stop is its closure; stress marks do not count', () => {
  assert.deepEqual(phones('/at ˈæ:100+40 t:30 _:0+50'), [
    '0 5 h#',
    '5 105 ae',
    '105 145 tcl',
    '145 175 t',
    '175 225 h#',
  ])
})

test('a voiced stop among voiced sounds is closed for 70 % of its time; an affricate likewise', () => {
  assert.deepEqual(phones('ɪ:50 b:100 ɪ:50').slice(2, 4), ['55 125 bcl', '125 155 b'])
  assert.deepEqual(phones('ɪ:50 dʒ:100 ɪ:50').slice(2, 4), ['55 125 dcl', '125 155 jh'])
})

test('first of all, and after a pause, a stop is its burst alone', () => {
  const got = phones('k:30 æ:60 _:0+100 d:40 æ:60')
  assert.deepEqual(got, ['0 5 h#', '5 35 k', '35 95 ae', '95 195 pau', '195 235 d', '235 295 ae'])
})

test('two phones in one phoneme: 60 % and 40 %', () => {
  assert.deepEqual(phones('f:50 ˈɔːɹ:100 m:50').slice(2, 4), ['55 115 ao', '115 155 r'])
})

test('silence before other sounds: part of the phone under 20 ms, epi under 80, then pau', () => {
  assert.deepEqual(phones('s:50+19 l:50').slice(1), ['5 74 s', '74 124 l'])
  assert.deepEqual(phones('s:50+20 l:50').slice(1), ['5 55 s', '55 75 epi', '75 125 l'])
  assert.deepEqual(phones('s:50+80 l:50').slice(1), ['5 55 s', '55 135 pau', '135 185 l'])
})

test('pauses join, with the silence before them', () => {
  assert.deepEqual(phones('s:50+15 _:0+30 _:0+30 l:50').slice(1, 3), ['5 55 s', '55 130 pau'])
})

test('what is shorter than 2 ms belongs to what follows it', () => {
  assert.deepEqual(phones('ɪ:50 n:1 s:50').slice(1), ['5 55 ih', '55 106 s'])
})

test('a glottal stop is the silence around it', () => {
  assert.deepEqual(phones('ˈɑː:90+30 ʔ:0+20 n̩:100').slice(2), ['95 145 q', '145 245 en'])
})

test('words begin with the closure of their first stop and end where they are silent', () => {
  const { words } = segments(speech('/a ɐ:50+40 /cat k:30 ˈæ:80+40 t:20+30 /dog d:100 ˈɔː:60'))
  assert.deepEqual(words, [
    { start: 5, end: 55, word: 'a' },
    { start: 55, end: 265, word: 'cat' },
    { start: 265, end: 455, word: 'dog' },
  ])
})

test('a word that is spoken within its neighbour has no segment', () => {
  const { words } = segments(speech('/was w:50 /the /end ɛ:50'))
  assert.deepEqual(
    words.map(({ word }) => word),
    ['was', 'end'],
  )
})

test('a phoneme without a label is refused by name, not guessed', () => {
  assert.throws(
    () => phones('x:50'),
    (error: Error) => error instanceof UnknownPhoneme && /"x" .* no label/.test(error.message),
  )
})

// From no data at all to phones on the terminal: irnn data speech, train phones, eval, phones.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { before, test } from 'node:test'
import { pcm16 } from '../../src/formats/audio.ts'
import { encodeSphere } from '../../src/formats/sphere.ts'
import { PHONES } from '../../src/tasks/phones/timit.ts'
import { decodeEvent } from '../../src/train/events.ts'
import { but } from '../support/adding.ts'
import { home, MAIN, run as runArgs, start } from '../support/command.ts'
import { riff } from '../support/speech.ts'

process.env.IRNN_CACHE = path.join(home, 'cache')

const run = (line: string) => runArgs(...line.split(' '))
const TINY = '--data speech --hidden 16 --batch 2 --iterations 120 --eval-every 60 --schedule constant --threads 1'
const tiny = (...changes: string[]) => but(TINY.split(' '), ...changes).join(' ')

before(async () => {
  const made = await run('data speech --out speech --speakers 4 --sentences 3')
  assert.equal(made.code, 0, made.err)
  const trained = await run(`train phones ${TINY} --out one`)
  assert.equal(trained.code, 0, trained.err)
})

const wav = () => {
  const names = fs.readdirSync(path.join(home, 'speech', 'TEST'), { recursive: true }) as string[]
  return path.join('speech', 'TEST', names.filter((name) => name.endsWith('.WAV')).sort()[0]!)
}
const lines = (text: string) => text.trimEnd().split('\n')

test('training learns, and the folder says what it was', () => {
  const metrics = lines(fs.readFileSync(path.join(home, 'one', 'metrics.jsonl'), 'utf8')).map(decodeEvent)
  const done = metrics.at(-1)!
  assert.ok(done.type === 'done' && done.test?.frameError !== undefined && done.heldOut?.frameError !== undefined)
  assert.ok(done.test.frameError < 0.9, `${done.test.frameError}`)
  const { task, model } = JSON.parse(fs.readFileSync(path.join(home, 'one', 'config.json'), 'utf8'))
  assert.equal(task.options.targets, 'phones')
  assert.deepEqual(model.input, { size: 120, normalise: true })
  assert.equal(model.head.size, 180)
  assert.equal(model.rnn.layers, 2)
  assert.equal(model.rnn.init.recurrent.scale, 0.01)
})

test('eval: three error rates, each no more than the one before, and who was taken for whom', async () => {
  const scored = await run('eval one --data speech --json')
  assert.equal(scored.code, 0, scored.err)
  const { test: score, phones } = JSON.parse(scored.out)
  const done = decodeEvent(lines(fs.readFileSync(path.join(home, 'one', 'metrics.jsonl'), 'utf8')).at(-1)!)
  assert.ok(done.type === 'done')
  assert.equal(score.frameError, done.test!.frameError)
  assert.ok(Math.abs(score.loss - done.test!.loss) < 1e-4)
  assert.ok(phones.states >= phones.phones48 && phones.phones48 >= phones.phones39 && phones.phones39 > 0)
  const { labels, counts } = phones.confusion as { labels: string[]; counts: number[] }
  assert.equal(labels.length, 39)
  assert.equal(
    counts.reduce((a, b) => a + b),
    phones.frames,
  )
  const right = labels.reduce((sum, _, i) => sum + counts[i * 39 + i]!, 0)
  assert.ok(Math.abs(1 - right / phones.frames - phones.phones39) < 1e-12)
  const shown = await run('eval one --data speech')
  assert.match(shown.out, /^frame error over states [\d.]+ %, 48 phones [\d.]+ %, 39 phones [\d.]+ %, [\d,]+ frames\n/)
  assert.match(shown.out, /\n {2}sil +[\d,]+ +[\d.]+ %/)
})

test('phones: the same lines from a file and from a stream cut anywhere; the times fill the sound', async () => {
  const file = wav()
  const heard = await run(`phones ${file} --run one`)
  assert.equal(heard.code, 0, heard.err)
  assert.match(heard.err, /^\d+ frames, [\d.]+ s of speech in [\d.]+ s: [\d.]+ times real time, .* a frame of 10,000/)
  const spans = lines(heard.out).map((line) => line.split(/ +/))
  assert.equal(spans[0]![0], '0.00')
  for (const [i, [begin, end, phone]] of spans.entries()) {
    assert.ok(Number(end) > Number(begin) && PHONES.includes(phone!))
    if (i > 0) assert.equal(begin, spans[i - 1]![1])
  }
  const bytes = fs.readFileSync(path.join(home, file))
  const { child, result } = start('phones', '-', '--run', 'one')
  for (let at = 0; at < bytes.length; at += 997) child.stdin!.write(bytes.subarray(at, at + 997))
  child.stdin!.end()
  assert.equal((await result).out, heard.out)
})

test('phones from a pipe: a length that the stream does not reach is none; of a file the end is missing', async () => {
  const file = path.join(home, wav())
  const samples = pcm16(fs.readFileSync(file).subarray(1024), false)
  const heard = (await run(`phones ${wav()} --run one`)).out
  const piped = (bytes: Uint8Array) => {
    const { child, result } = start('phones', '-', '--run', 'one')
    child.stdin!.end(bytes)
    return result
  }
  // As sox, arecord and ffmpeg write into a pipe, and a program that counted wrong.
  for (const size of [0x7ffff000, 0x80000000, 0xffffffff, 0, 2 * samples.length + 1000]) {
    const { code, out, err } = await piped(riff(samples, { size, ...(size === 0 && { riffSize: 36 }) }))
    assert.equal(code, 0, err)
    assert.equal(out, heard)
  }
  fs.writeFileSync(path.join(home, 'short.riff'), riff(samples, { size: 2 * samples.length + 1000 }))
  const refusal = /short.riff: expected \d+ samples but it holds \d+: it is cut off/
  assert.match((await run('phones short.riff --run one')).err, refusal)
  fs.writeFileSync(path.join(home, 'endless.riff'), riff(samples, { size: 0x80000000 }))
  assert.equal((await run('phones endless.riff --run one')).out, heard)
})

test('phones from the pipes of a process by their names, and from a FIFO', async () => {
  const file = path.join(home, wav())
  const heard = (await run(`phones ${wav()} --run one`)).out
  const fifo = path.join(home, 'microphone')
  spawnSync('mkfifo', [fifo])
  for (const [name, before] of [
    ['/dev/stdin', 'cat "$0" | '],
    ['/dev/fd/3', ''],
    [fifo, 'cat "$0" > "$2" & '],
  ] as const) {
    const command = `${before}"$1" "$3" phones "$2" --run one 3< <(cat "$0")`
    const { stdout, stderr } = spawnSync('bash', ['--norc', '-c', command, file, process.execPath, name, MAIN], {
      cwd: home,
      encoding: 'utf8',
      timeout: 30_000,
    })
    assert.equal(stdout, heard, `${name}: ${stderr}`)
  }
})

test('phones --frames: what the whole utterance gives, frame by frame', async () => {
  const file = wav()
  const frames = lines((await run(`phones ${file} --run one --frames --json`)).out).map((line) => JSON.parse(line))
  const samples = (fs.statSync(path.join(home, file)).size - 1024) / 2
  assert.equal(frames.length, 1 + Math.floor((samples - 400) / 160))
  assert.ok(
    frames.every(({ probability, third }) => probability > 1 / 181 && probability <= 1 && third >= 0 && third < 3),
  )
  assert.deepEqual(
    frames.slice(0, 3).map(({ time }) => Number(time.toFixed(4))),
    [0.0075, 0.0175, 0.0275],
  )
  // The same frames as in eval: joined, they are the lines without --frames.
  const spans = lines((await run(`phones ${file} --run one`)).out).map((line) => line.split(/ +/)[2])
  assert.deepEqual(
    frames.map(({ phone }) => phone).filter((phone, i, all) => phone !== all[i - 1]),
    spans,
  )
})

test('a run of phones goes on after it was stopped', async () => {
  const changed = tiny('--schedule', 'halving', '--iterations', '160', '--eval-every', '80')
  const long = `train phones ${changed} --json --halvings 1 --cell lstm`
  const whole = await run(`${long} --out whole`)
  assert.equal(whole.code, 0, whole.err)
  const { child, result } = start(...`${long} --out cut --checkpoint-every 1`.split(' '))
  child.stdout!.once('data', () => child.kill('SIGINT'))
  const stopped = await result
  assert.equal(stopped.code, 130, stopped.err)
  const { iteration } = decodeEvent(lines(stopped.out).at(-1)!)
  assert.ok(iteration < 160, `stopped at ${iteration}`)
  assert.equal((await run('train --resume cut --data speech --json')).code, 0)
  const model = (dir: string) => fs.readFileSync(path.join(home, dir, 'model.safetensors'))
  assert.ok(model('cut').equals(model('whole')))
})

test('--skip-bad says what it left out, wherever it reads the corpus', async () => {
  fs.cpSync(path.join(home, 'speech'), path.join(home, 'bad'), { recursive: true })
  const names = fs.readdirSync(path.join(home, 'bad', 'TRAIN'), { recursive: true }) as string[]
  fs.rmSync(path.join(home, 'bad', 'TRAIN', names.find((name) => name.endsWith('.PHN'))!))
  const flags = tiny('--data', 'bad', '--iterations', '2')
  const told = /^left out 1 bad utterances, the first: .*\.PHN: expected the segments/m
  for (const line of [
    `train phones ${flags} --skip-bad --json --out left`,
    'eval left --data bad --skip-bad --json',
    'train --resume left --data bad --skip-bad --json --iterations 3',
  ]) {
    const { code, err } = await run(line)
    assert.equal(code, 0, `${line}: ${err}`)
    assert.match(err, told, line)
  }
})

test('eval goes through segments of an utterance where training did, to the same score', async () => {
  const { code, err } = await run(`train phones ${tiny('--iterations', '2')} --activation-checkpointing --out segments`)
  assert.equal(code, 0, err)
  const file = path.join(home, 'segments', 'config.json')
  const config = JSON.parse(fs.readFileSync(file, 'utf8'))
  assert.equal(config.training.activationCheckpointing, true)
  const scored = async (activationCheckpointing: unknown) => {
    fs.writeFileSync(file, JSON.stringify({ ...config, training: { ...config.training, activationCheckpointing } }))
    return run('eval segments --data speech --json')
  }
  const [segments, whole] = [await scored(true), await scored(false)]
  assert.equal(segments.code, 0, segments.err)
  assert.deepEqual(JSON.parse(segments.out).test, JSON.parse(whole.out).test)
  assert.match(
    (await scored(17)).err,
    /^irnn: segments.config.json: training: activationCheckpointing: expected a boolean/,
  )
})

test('irnn data speech stopped by a signal: 130, and nothing is left', async () => {
  const { child, result } = start(...'data speech --out half --speakers 40 --sentences 50'.split(' '))
  child.stderr!.once('data', () => child.kill('SIGINT'))
  const { code, err } = await result
  assert.equal(code, 130, err)
  assert.match(err, /half: stopped: nothing was written\n$/)
  assert.ok(!fs.readdirSync(home).some((name) => name.startsWith('half')))
})

test('a run is named by cell and layers', async () => {
  const { code, err, out } = await run(`train phones ${tiny('--iterations', '1')}`)
  assert.equal(code, 0, err)
  assert.match(out, /; runs\/phones-irnn-2-seed1\n$/)
})

test('both directions train and score, but cannot listen', async () => {
  const trained = await run(`train phones ${tiny('--iterations', '2')} --bidirectional --layers 1 --out both`)
  assert.equal(trained.code, 0, trained.err)
  assert.equal((await run('eval both --data speech')).code, 0)
  const heard = await run(`phones ${wav()} --run both`)
  assert.equal(heard.code, 2)
  assert.match(heard.err, /both: expected a network of one direction .* train one without --bidirectional/)
})

test('bad input: exit code 2, one clear line', async () => {
  const file = (name: string, bytes: Uint8Array | string) => fs.writeFileSync(path.join(home, name), bytes)
  const good = fs.readFileSync(path.join(home, wav()))
  file('slow.wav', encodeSphere(new Int16Array(4000), 8000))
  file('short.wav', encodeSphere(new Int16Array(399)))
  file('cut.wav', good.subarray(0, good.length - 2))
  file('head.wav', good.subarray(0, 300))
  file('text.wav', 'no sound at all, but long enough to be read')
  file('none.wav', '')
  const adding = await run('train adding --length 5 --train-size 20 --test-size 5 --iterations 1 --out adding')
  assert.equal(adding.code, 0, adding.err)
  assert.equal(pcm16(good.subarray(1024), false).length, (good.length - 1024) / 2)
  const cases: [string, RegExp][] = [
    ['phones slow.wav --run one', /slow.wav: expected 16000 samples a second but received 8000/],
    ['phones short.wav --run one', /short.wav: expected at least 25 ms of sound/],
    ['phones cut.wav --run one', /cut.wav: expected \d+ samples but it holds \d+: it is cut off/],
    ['phones head.wav --run one', /head.wav: its header is cut off/],
    ['phones none.wav --run one', /none.wav: its header is cut off: the file has only 0 bytes/],
    ['phones text.wav --run one', /text.wav: expected NIST SPHERE \(NIST_1A\) or RIFF WAVE/],
    ['phones gone.wav --run one', /gone.wav: there is no such file/],
    ['phones /dev/zero --run one', /^irnn: \/dev\/zero: expected NIST SPHERE/],
    ['phones /dev/null --run one', /^irnn: \/dev\/null: its header is cut off/],
    ['phones speech --run one', /^irnn: speech: cannot be read: it is a folder, not a file$/m],
    ['phones text.wav', /phones: expected --run <dir> but received nothing/],
    ['phones cut.wav --run adding', /adding: expected a run of phones but it is one of adding/],
    ['train phones --out never', /train phones: expected --data <dir> but received nothing/],
    [
      'train phones --data nowhere --out never',
      /nowhere: expected a corpus in TIMIT's layout but there is no such folder/,
    ],
    [
      'train phones --data speech --alignments ali.txt, --out never',
      /expected names with commas between, none of them/,
    ],
    [
      'train phones --data speech --batch 2 --target 30 --out never',
      /target: expected a share from 0 to 1, since frame error is one/,
    ],
    ['reproduce timit --data nowhere --out never', /nowhere: expected a corpus .* there is no such folder/],
    ['reproduce pixel-mnist --data nowhere --out never', /nowhere: expected the four IDX files/],
    ['eval one', /phones: expected a corpus of speech: give --data DIR/],
    [
      'reproduce timit',
      /--data: expected a folder with TIMIT, or one made by irnn data speech .* --out DIR, for timit/,
    ],
  ]
  const results = await Promise.all(cases.map(([line]) => run(line)))
  for (const [i, { code, err }] of results.entries()) {
    const [line, pattern] = cases[i]!
    assert.equal(code, 2, `${line}: ${err}`)
    assert.match(err, pattern, line)
    assert.equal(err.trim().split('\n').length, 1, err)
  }
  assert.ok(!fs.existsSync(path.join(home, 'never')))
})

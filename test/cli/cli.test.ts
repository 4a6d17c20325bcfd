// The command as people and scripts meet it: a child process, its streams, its exit codes, the files it leaves.
import assert from 'node:assert/strict'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { test } from 'node:test'
import { CELLS } from '../../src/model/spec.ts'
import { decodeEvent } from '../../src/train/events.ts'
import { but } from '../support/adding.ts'
import { home, run, start } from '../support/command.ts'

const TINY = '--length 8 --train-size 200 --test-size 50 --hidden 8 --iterations 60 --eval-every 20'.split(' ')

const lines = (text: string) => text.split('\n').filter((line) => line !== '')
const measured = (out: string) => out.replace(/^\{"type":"checkpoint".*\n/gm, '')
const read = (...names: string[]) => fs.readFileSync(path.join(home, ...names))

test('train, eval and info: the whole way, with equal files from equal seeds', async () => {
  const first = await run('train', 'adding', ...TINY)
  assert.equal(first.code, 0, first.err)
  assert.match(
    first.out,
    /^test MSE [\d.]+ \(always 1: 0.167\) after 60 iterations in .* s; runs\/adding-irnn-T8-seed1\n$/,
  )
  assert.match(first.err, /recipe fast: muon at 0.001, norm clip 1, batch 16, 60 iterations/)
  assert.deepEqual(lines(first.err).filter((line) => line.includes('it/s')).length, 3, 'a line for each evaluation')
  const dir = path.join('runs', 'adding-irnn-T8-seed1')
  assert.deepEqual(fs.readdirSync(path.join(home, dir)).toSorted(), [
    'checkpoint-best.safetensors',
    'checkpoint-last.safetensors',
    'config.json',
    'curve.svg',
    'events.out.tfevents',
    'metrics.jsonl',
    'model.safetensors',
  ])

  const second = await run('train', 'adding', ...TINY, '--threads', '1')
  assert.match(second.out, /; runs\/adding-irnn-T8-seed1-2\n$/)
  assert.deepEqual(read(`${dir}-2`, 'model.safetensors'), read(dir, 'model.safetensors'))

  const done = decodeEvent(lines(String(read(dir, 'metrics.jsonl'))).at(-1)!)
  assert.ok(done.type === 'done' && !done.stopped)
  const json = await run('eval', dir, '--json')
  assert.equal(json.code, 0, json.err)
  const scored = decodeEvent(json.out)
  assert.ok(scored.type === 'eval' && scored.iteration === 60)
  assert.deepEqual(scored.test, done.test)
  const spoken = await run('eval', dir, '--backend', 'reference')
  assert.match(spoken.out, /^test MSE [\d.]+ \(always 1: 0.167\) on 50 sequences/)
  const info = await run('info', dir)
  assert.equal(info.code, 0, info.err)
  assert.match(info.out, /rnn.weight_hh_l0 +\[8, 8\]/)
  assert.match(info.out, /60 of 60 iterations, all done/)
  const config = JSON.parse(String(read(dir, 'config.json')))
  assert.equal(config.seed, 1)
  assert.equal(config.training.optimizer.kind, 'muon')
  assert.equal(config.task.options.inputs, 'normalised')
  assert.ok(!JSON.stringify(config).includes(home))
})

test('--json: events and nothing else on stdout, the same as metrics.jsonl but for checkpoints', async () => {
  const { code, out, err } = await run('train', 'adding', ...TINY, '--json', '--out', 'json', '--backend', 'wasm')
  assert.equal(code, 0, err)
  assert.equal(err, '')
  assert.equal(measured(out), String(read('json', 'metrics.jsonl')))
  const events = lines(out).map(decodeEvent)
  assert.deepEqual(new Set(events.map((event) => event.type)), new Set(['run', 'step', 'eval', 'checkpoint', 'done']))
  assert.equal(JSON.parse(String(read('json', 'config.json'))).backend.name, 'wasm')
})

test('every cell and kind of option trains', async () => {
  const runs = [
    '--cell lstm --forget-bias 4 --optimizer sgd --momentum 0.9 --lr 0.01 --clip-kind derivative --clip 10',
    '--cell gru --layers 2 --bidirectional --schedule cosine --warmup 5',
    '--cell tanh --recipe paper --loss sum --clip-kind value',
    '--cell relu --optimizer rmsprop --schedule steps --decay-every 20 --clip-kind none --halves',
    '--cell irnn --scale 0.99 --std 0.1 --target 1',
  ]
  for (const [i, flags] of runs.entries()) {
    const { code, out, err } = await run('train', 'adding', ...TINY, ...flags.split(' '), '--out', `kind${i}`)
    assert.equal(code, 0, `${flags}: ${err}`)
    assert.match(out, i === 4 ? /after 20 iterations .* target reached/ : /after 60 iterations/)
  }
})

test('the stages of a curriculum are said to people, and are records for programs', async () => {
  const flags = [...TINY, '--grow-from', '3', '--grow-iterations', '25', '--out', 'stages']
  const { code, err } = await run('train', 'adding', ...flags)
  assert.equal(code, 0, err)
  assert.deepEqual(
    lines(err).filter((line) => line.startsWith('iteration ')),
    [
      'iteration 0: training on sequences of 3 steps until iteration 25',
      'iteration 25: training on sequences of 6 steps until iteration 50',
      'iteration 50: training on sequences of 8 steps until the end',
    ],
  )
  const stages = lines(String(read('stages', 'metrics.jsonl'))).filter((line) => line.startsWith('{"type":"stage"'))
  assert.deepEqual(
    stages.map((line) => JSON.parse(line)).map(({ iteration, T, end }) => [iteration, T, end]),
    [
      [0, 3, 25],
      [25, 6, 50],
      [50, 8, null],
    ],
  )
})

test('the help explains the recipes', async () => {
  const { code, out } = await run('train', 'adding', '--help')
  assert.equal(code, 0)
  assert.match(out, /fast: 100 units, .*normalised inputs, muon at 0.001/)
  assert.match(out, /paper: 100 units, .*sgd at 0.01/)
  assert.equal((await run('--version')).code, 0)
})

test('bad input: exit code 2, one clear line, nothing written', async () => {
  fs.writeFileSync(path.join(home, 'file'), '')
  await run('train', 'adding', ...TINY, '--out', 'taken')
  const before = read('taken', 'metrics.jsonl')
  const cases: [string, RegExp][] = [
    ['train subtracting --hidden 5', /train: expected one of adding, mnist, phones, words but received "subtracting"/],
    ['train', /train: expected one of adding, mnist/],
    ['train adding --cell gruu', new RegExp(`^irnn: --cell: expected one of ${CELLS.join(', ')} but received "gruu"`)],
    ['train adding --hidden 0', /^irnn: --hidden: expected a whole number >= 1 but received "0"/],
    ['train adding --length 1', /--length: expected a whole number >= 2 but received "1"/],
    ['train adding --lr NaN', /--lr: expected a number > 0 but received "NaN"/],
    ['train adding --lr 1e999', /expected a number > 0/],
    ['train adding --batch 300 --train-size 200', /batch: expected at most 200, .* but received 300/],
    ['train adding --out file', /file: cannot be written: it is a file, not a folder/],
    ['train adding --out file/x', /part of its path is a file/],
    [
      'train adding --out taken',
      /taken: expected a new or empty folder but it holds a run: name another or add --overwrite/,
    ],
    ['train adding --recipe best', /--recipe: expected one of fast, paper but received "best"/],
    ['train adding --scale 1 --cell tanh', /--scale: only an irnn/],
    ['train adding --forget-bias 1', /--forget-bias: only an lstm/],
    [
      'train adding --recipe paper --beta2 0.9',
      /--beta2: expected --optimizer adam or adamw or muon, .* it is sgd: remove it, or/,
    ],
    [
      'train adding --optimizer adam --weight-decay 1',
      /--weight-decay: expected --optimizer adamw or muon, .* but it is adam/,
    ],
    ['train adding --curriculum none --grow-from 5', /--grow-from: expected --curriculum lengths, .* but it is none/],
    ['train adding --grow-factor 1', /--grow-factor: expected a number >= 1.1 but received "1"/],
    ['train mnist --grow-from 5', /"--grow-from": no such option/],
    ['train adding --decay-every 5', /--decay-every: expected --schedule steps, .* but it is cosine/],
    ['train adding --halvings 3', /--halvings: expected --schedule halving, .* but it is cosine/],
    [
      'train adding --clip 5 --clip-kind none',
      /--clip: expected --clip-kind derivative or value or norm, .* but it is none/,
    ],
    ['train adding --threads 0', /expected a whole number >= 1/],
    ['train adding --nonsense', /"--nonsense": no such option; see irnn train adding --help/],
    ['eval nowhere', /nowhere: expected the folder of a run/],
    ['info nowhere', /nowhere: expected the folder of a run/],
    ['eval', /eval: expected <dir> but received nothing/],
    ['fly', /command: expected one of train, .* but received "fly"/],
  ]
  const held = fs.readdirSync(home).toSorted()
  const results = await Promise.all(cases.map(([line]) => run(...line.split(' '))))
  for (const [i, { code, out, err }] of results.entries()) {
    const [line, pattern] = cases[i]!
    assert.equal(code, 2, `${line}: ${err}`)
    assert.match(err, pattern, line)
    assert.equal(lines(err).length, 1, `${line}: ${err}`)
    assert.equal(out, '', line)
  }
  assert.deepEqual(fs.readdirSync(home).toSorted(), held)
  assert.deepEqual(read('taken', 'metrics.jsonl'), before)
})

test('a model file that was cut off is refused', async () => {
  await run('train', 'adding', ...TINY, '--out', 'cut')
  const file = path.join(home, 'cut', 'model.safetensors')
  fs.truncateSync(file, fs.statSync(file).size - 10)
  const { code, err } = await run('eval', 'cut')
  assert.equal(code, 2)
  assert.equal(lines(err).length, 1, err)
})

test('a run that diverges fails with 1, says where and what to try, and leaves its records', async () => {
  const flags = '--optimizer sgd --lr 1e9 --clip-kind none --out diverged'.split(' ')
  const { code, err, out } = await run('train', 'adding', ...TINY, ...flags)
  assert.equal(code, 1)
  assert.equal(out, '')
  assert.match(
    lines(err).at(-1)!,
    /^irnn: training diverged at iteration \d+: loss .* gradient norm .*; try a lower learning rate/,
  )
  assert.deepEqual(fs.readdirSync(path.join(home, 'diverged')).toSorted(), [
    'config.json',
    'curve.svg',
    'events.out.tfevents',
    'metrics.jsonl',
    'model.safetensors',
  ])
  assert.match(String(read('diverged', 'metrics.jsonl')), /"(NaN|Infinity)"/)
})

test('SIGINT saves and exits with 130; the model is there', async () => {
  const { child, result } = start(
    'train',
    'adding',
    ...but(TINY, '--iterations', '1000000'),
    '--json',
    '--out',
    'stopped',
  )
  child.stdout!.once('data', () => child.kill('SIGINT'))
  const { code, out, err } = await result
  assert.equal(code, 130, err)
  assert.equal(measured(out), String(read('stopped', 'metrics.jsonl')))
  const done = decodeEvent(lines(out).at(-1)!)
  assert.ok(done.type === 'done' && done.stopped && done.iteration < 1_000_000)
  assert.equal((await run('eval', 'stopped')).code, 0)
})

test('a reader that goes away ends the run', async () => {
  const { child, result } = start(
    'train',
    'adding',
    ...but(TINY, '--iterations', '1000000'),
    '--json',
    '--out',
    'unread',
  )
  child.stdout!.once('data', () => child.stdout!.destroy())
  const { code, err } = await result
  assert.equal(code, 1, err)
  assert.ok(fs.existsSync(path.join(home, 'unread', 'model.safetensors')))

  for (const args of [['--help'], ['train', 'words', '--help'], ['info', 'unread'], ['eval', 'unread']]) {
    const { child, result } = start(...args)
    child.stdout!.destroy()
    const { code, err } = await result
    assert.deepEqual({ code, err }, { code: 1, err: '' }, args.join(' '))
  }
})

test('--activation-checkpointing: the same files; a run of before there was one reads as without', async () => {
  const long = [...TINY.slice(2), '--length', '40', '--batch', '9']
  const whole = await run('train', 'adding', ...long, '--out', 'whole')
  const segments = await run('train', 'adding', ...long, '--out', 'segments', '--activation-checkpointing')
  assert.equal(segments.code, 0, segments.err)
  assert.equal(whole.code, 0, whole.err)
  assert.deepEqual(read('segments', 'model.safetensors'), read('whole', 'model.safetensors'))
  const config = JSON.parse(String(read('segments', 'config.json')))
  assert.equal(config.training.activationCheckpointing, true)
  const score = async () => (await run('eval', 'segments', '--json')).out.replace(/"seconds":[^,]*/, '')
  const before = await score()
  assert.match(before, /"mse":/)
  delete config.training.activationCheckpointing
  fs.writeFileSync(path.join(home, 'segments', 'config.json'), JSON.stringify(config))
  assert.equal(await score(), before)
  const wide = but(TINY, '--length', '40')
  const both = await run('train', 'adding', ...wide, '--bidirectional', '--activation-checkpointing')
  assert.equal(both.code, 2)
  assert.match(both.err, /activationCheckpointing: a bidirectional model reads the sequence from its end/)
  const folder = (dir: string) => fs.existsSync(path.join(home, dir))
  assert.ok(!folder('runs/adding-irnn-T40-seed1'), 'refused before anything was written')
})

test('the help of a task speaks of that task alone; the help of eval explains where data are by task', async () => {
  const help = async (...line: string[]) => (await run(...line, '--help')).out.replace(/\s+/g, ' ')
  const [adding, mnist, phones, words, scoring] = await Promise.all([
    help('train', 'adding'),
    help('train', 'mnist'),
    help('train', 'phones'),
    help('train', 'words'),
    help('eval'),
  ])
  assert.ok(!/--data|phones|IDX|words/.test(adding))
  assert.ok(/IDX/.test(mnist) && !/TIMIT|phones|Brown|vocabulary/.test(mnist))
  assert.ok(/TIMIT/.test(phones) && !/IDX|--samples|--embedding/.test(phones))
  assert.ok(/Brown/.test(words) && /--samples/.test(words) && !/IDX|TIMIT/.test(words))
  assert.match(scoring, /--data <dir> mnist: folder .*; phones: folder .*; words: the one-billion-word benchmark/)
  assert.ok(!/--vocabulary/.test(scoring), 'a run has its vocabulary')
})

test('words too many after a task are refused before there is a run, and near misses are named, in one line', async () => {
  const cases: [args: string, message: RegExp][] = [
    ['train adding mnist --length 5 --out excess', /train adding: expected only options but received "mnist"/],
    ['train adding --length 5 --bidirectional no 200 --out excess', /expected only options but received "no"/],
    ['train adding --lenght 5 --out excess', /"--lenght": no such option; did you mean --length\?/],
    ['trian adding', /received "trian"; did you mean train\?/],
    ['train addin', /received "addin"; did you mean adding\?/],
  ]
  for (const [args, message] of cases) {
    const { code, out, err } = await run(...args.split(' '))
    assert.equal(code, 2, args)
    assert.match(err, message)
    assert.deepEqual([out, err.trimEnd().split('\n').length], ['', 1], args)
  }
  assert.equal(fs.existsSync(path.join(home, 'excess')), false)
})
